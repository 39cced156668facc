"""Files that are whole at every instant, and what the system says of files."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import signal
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import InputError

#: What file systems answer that have no locks, or cannot flush a folder.
UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
#: Bytes in the name of a file, on every common file system.
LONGEST_NAME = 255


def status(path: Path) -> os.stat_result | None:
    """What the system knows of a file or folder, links followed; None where there is none.

    Raises
    ------
    InputError
        Where it cannot tell: a name is too long, links go in a circle, a folder is closed to us.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{path}' cannot be looked up ({_reason(error)}): give another path"
        ) from error


def is_file(path: Path) -> bool:
    """Whether there is an ordinary file; raises as `status`."""
    found = status(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def exists(path: Path) -> bool:
    """Whether there is anything, a link to nothing excepted; raises as `status`."""
    return status(path) is not None


def make_folder(folder: Path, advice: str) -> None:
    """Make a folder, and those above it, where it does not exist.

    Raises
    ------
    InputError
        Where it cannot be made; `advice` says what to do instead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder '{folder}' cannot be made ({_reason(error)}): {advice}"
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it becomes `path`, else it goes.

    An interrupt (Ctrl-C) waits until then. The file is flushed to the disk before it gets its
    name, and the folder after.

    Parameters
    ----------
    path : Path
        Replaced if it is a file, which keeps its permissions. A link stays, and the file that it
        names is replaced.

    Yields
    ------
    Path
        An empty file to write to, which nobody else may read before its permissions are known.

    Raises
    ------
    InputError
        Where `path` is no ordinary file, its folder does not exist or cannot be written, or the
        disk is full. The old file is then as it was, unless only the folder's flush failed.
    """
    path = Path(path)
    target, old = _target(path), status(path)
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise InputError(f"'{path}' is a folder: give the name of a file")
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise InputError(f"'{path}' is a device or pipe: give the name of a file")
    temporary = target.with_name(f".{target.name[:50]}.{secrets.token_hex(4)}")
    with _interrupt_deferred():
        _make_file(temporary, 0o666 if old is None else 0o600)
        try:
            yield temporary
            with open(temporary, "r+b") as file:
                if old is not None:
                    temporary.chmod(stat.S_IMODE(old.st_mode))
                os.fsync(file.fileno())
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise InputError(
                f"'{path}' cannot be written ({_reason(error)}): free space or choose another"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that ask for the same from writing `path` inside this context.

    Where the file system has no locks it warns and goes on.

    Raises
    ------
    InputError
        Where another process has it, or the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # Not on Windows.
        yield
        return
    lock = _lock_of(_target(Path(path)))
    while True:
        try:
            file = open(lock, "ab")  # noqa: SIM115  # Two different errors, so two steps.
        except OSError as error:
            raise _cannot_write(lock.parent, error) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                _check_lockable(path, error)
            # Its last owner may have removed it after we opened it: then it keeps nobody out.
            if not _names(lock, file):
                continue
            try:
                yield
            finally:
                if _names(lock, file):
                    lock.unlink(missing_ok=True)
            return


def unreadable(path: Path, error: Exception, kind: str, advice: str) -> InputError:
    """What to raise where HDF5 could not read a file, with the reason.

    Parameters
    ----------
    path : Path
    error : Exception
        What h5py raised.
    kind : str
        What the file should be, with its article: "a checkpoint".
    advice : str
        What to do where it is damaged.
    """
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EWOULDBLOCK):
        return InputError(f"'{path}' is being written by another process: wait until it has ended")
    if "already open for write" in str(error):
        return InputError(
            f"'{path}' is being written by another process, or was when that was killed: wait "
            "until it has ended, or run h5clear -s on it"
        )
    if number in UNSUPPORTED:
        return InputError(
            f"'{path}' cannot be locked for reading ({_reason(error)}): set the environment "
            "variable HDF5_USE_FILE_LOCKING to FALSE"
        )
    if isinstance(error, PermissionError):
        return InputError(f"'{path}' may not be read: change its permissions")
    return InputError(
        f"'{path}' cannot be read as {kind} ({_reason(error)}): it is damaged or not HDF5; {advice}"
    )


@contextmanager
def _interrupt_deferred() -> Iterator[None]:
    """Let an interrupt wait for the end of this context.

    h5py makes and drops objects with weak references all the time, and Python loses an interrupt
    that arrives inside a weak reference's callback.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived:
            signal.raise_signal(signal.SIGINT)


def _target(path: Path) -> Path:
    """Where a path leads that may be a link, in a folder that exists."""
    status(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not target.parent.is_dir():
        raise InputError(f"the folder '{target.parent}' of '{path.name}' does not exist: make it")
    return target


def _make_file(path: Path, mode: int) -> None:
    """Make an empty file; the umask applies."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        raise _cannot_write(path.parent, error) from error


def _cannot_write(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"the folder '{folder}' cannot be written ({_reason(error)}): "
        "choose another or change its permissions"
    )


def _lock_of(target: Path) -> Path:
    """The file beside it that stands for the right to write it."""
    name = f".{target.name}.lock"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()}.lock"
    return target.with_name(name)


def _check_lockable(path: Path, error: OSError) -> None:
    """Tell a lock that another process has from a file system without locks."""
    if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES):
        raise InputError(
            f"'{path}' is being written by another process: wait for it, or choose another"
        ) from None
    if error.errno not in UNSUPPORTED:
        raise InputError(f"'{path}' cannot be locked ({_reason(error)}): choose another") from error
    warnings.warn(
        f"'{path}' cannot be locked ({_reason(error)}): let no other process write it",
        stacklevel=4,
    )


def _names(path: Path, file: IO[bytes]) -> bool:
    """Whether the path is still that of an open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    return False


def _sync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk, where the system lets us."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # A folder may be written and not read.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (*UNSUPPORTED, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    """The system's words for it, else the error's own in one line."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split())
