"""Files that are whole at every instant, and what the system says of files."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

#: What file systems answer that have no locks, or cannot flush a folder.
UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
#: Bytes in the name of a file, on every common file system.
LONGEST_NAME = 255
#: How the name of a file ends that `atomic_write` has begun.
TEMPORARY = ".tmp"
#: Random digits before that.
TOKEN = 8


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
            f"'{path}' cannot be looked up ({reason(error)}): give another path"
        ) from error


def is_file(path: Path) -> bool:
    """Whether there is an ordinary file; raises as `status`."""
    found = status(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def stamp(path: Path) -> tuple[int, int] | None:
    """Time and size of a file, which change with it; None where there is none; as `status`."""
    found = status(path)
    return (found.st_mtime_ns, found.st_size) if found else None


def check_file(path: Path, what: str = "file") -> None:
    """Refuse what is to be read and is no ordinary file.

    Raises
    ------
    InputError
        Where there is none, which the message calls `what`, or it is something else.
    """
    if is_file(path):
        return
    if not exists(path):
        raise InputError(f"there is no {what} '{path}': check the path")
    kind = "a folder" if path.is_dir() else "a device, pipe or socket"
    raise InputError(f"'{path}' is {kind}, no {what}: give an ordinary file")


def exists(path: Path) -> bool:
    """Whether there is anything, a link to nothing excepted; raises as `status`."""
    return status(path) is not None


def check_replaceable(path: Path) -> os.stat_result | None:
    """Refuse to write what is there and no ordinary file.

    Returns
    -------
    os.stat_result or None
        What the system knows of the file that would be replaced, if there is one.

    Raises
    ------
    InputError
        Where there is something else; also as `status`.
    """
    old = status(path)
    if old is not None and stat.S_ISDIR(old.st_mode):
        raise InputError(f"'{path}' is a folder: give the name of a file")
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise InputError(f"'{path}' is a device or pipe: give the name of a file")
    return old


def check_free(
    *paths: Path,
    overwrite: bool,
    advice: str = "give `overwrite=True` or another `output`",
) -> None:
    """Refuse to replace files, unless that is asked for; and to write what can be no file.

    Raises
    ------
    InputError
        Where one exists and `overwrite` is not given, or one is no file.
    """
    for path in paths:
        if check_replaceable(path) and not overwrite:
            raise InputError(f"'{path}' exists: {advice}")


def write(path: Path, contents: bytes) -> None:
    """Write a file by `atomic_write`; raises as that."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(contents)


def make_folder(folder: Path, advice: str) -> None:
    """Make a folder, and those above it, where it does not exist.

    Raises
    ------
    InputError
        Where it cannot be made; `advice` says what to do instead.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the folder '{folder}' cannot be made ({reason(error)}): {advice}"
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it becomes `path`, else it goes.

    An interrupt (Ctrl-C, SIGTERM) waits until then. The file is flushed to the disk before it gets
    its name, and the folder after.

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
    target, old = target_of(path), check_replaceable(path)
    temporary = _temporary(target, secrets.token_hex(TOKEN // 2))
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
                f"'{path}' cannot be written ({reason(error)}): free space or choose another"
            ) from error
        finally:
            with suppress(OSError):  # On a disk that is gone, it is the next run's to remove.
                temporary.unlink()


def remove_leftovers(path: Path) -> None:
    """Remove what writes of the same file left behind that were killed; nobody may be writing it.

    Raises
    ------
    InputError
        As `atomic_write`, where its folder does not exist.
    """
    target = target_of(Path(path))
    try:
        found = list(target.parent.iterdir())
    except PermissionError:  # A folder may be written and not read.
        return
    except OSError as error:
        raise cannot_write(target.parent, error) from error
    start = _temporary(target, "0" * TOKEN).name.removesuffix("0" * TOKEN + TEMPORARY)
    name = re.compile(f"{re.escape(start)}[0-9a-f]{{{TOKEN}}}{re.escape(TEMPORARY)}")
    for each in found:
        if name.fullmatch(each.name):
            with suppress(OSError):  # They are in nobody's way.
                each.unlink()


def beside(target: Path, ending: str) -> Path:
    """Hidden file that belongs to another one in its folder, and to no other."""
    name = f".{target.name}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()}{ending}"
    return target.with_name(name)


def target_of(path: Path) -> Path:
    """Where a path leads that may be a link, in a folder that exists."""
    status(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not target.parent.is_dir():
        raise InputError(f"the folder '{target.parent}' of '{path.name}' does not exist: make it")
    return target


def cannot_write(folder: Path, error: OSError) -> InputError:
    """What to raise where a folder cannot be written."""
    return InputError(
        f"the folder '{folder}' cannot be written ({reason(error)}): "
        "choose another or change its permissions"
    )


def reason(error: Exception) -> str:
    """The system's words for it, else the error's own in one line."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else " ".join(str(error).split())


@contextmanager
def _interrupt_deferred() -> Iterator[None]:
    """Let what stops the program wait for the end of this context, where it stops Python.

    h5py makes and drops objects with weak references all the time, and Python loses an interrupt
    that arrives inside a weak reference's callback.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = [number for number, handler in before.items() if callable(handler)]
    if threading.current_thread() is not threading.main_thread():
        handled = []
    arrived: list[int] = []
    for number in handled:
        signal.signal(number, lambda number, frame: arrived.append(number))
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])
        if arrived:
            signal.raise_signal(arrived[0])


def _temporary(target: Path, token: str) -> Path:
    return beside(target, f".{token}{TEMPORARY}")


def _make_file(path: Path, mode: int) -> None:
    """Make an empty file; the umask applies."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        raise cannot_write(path.parent, error) from error


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
