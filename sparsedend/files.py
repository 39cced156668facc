"""Files that are whole at every instant."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


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
            f"the folder '{folder}' cannot be made ({error.strerror}): {advice}"
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it becomes `path`, else it goes.

    An interrupt (Ctrl-C) waits until then.

    Parameters
    ----------
    path : Path
        Replaced if it exists.

    Yields
    ------
    Path
        An empty file to write to.

    Raises
    ------
    InputError
        Where the folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"the folder '{path.parent}' of '{path.name}' does not exist: make it")
    if path.is_dir():
        raise InputError(f"'{path}' is a folder: give the name of a file")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _cannot_write(path.parent, error) from error
    os.close(descriptor)
    temporary = Path(name)
    with _interrupt_deferred():
        try:
            temporary.chmod(0o666 & ~_umask())
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            reason = error.strerror or " ".join(str(error).split())
            raise InputError(
                f"'{path}' cannot be written ({reason}): free space or choose another"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that ask for the same from writing `path` inside this context.

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
    if not path.parent.is_dir():
        raise InputError(f"the folder '{path.parent}' of '{path.name}' does not exist: make it")
    lock = path.with_name(f".{path.name}.lock")
    try:
        file = open(lock, "w")  # noqa: SIM115  # Two different errors, so two steps.
    except OSError as error:
        raise _cannot_write(path.parent, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"'{path}' is being written by another process: wait for it, or choose another"
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


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


def _cannot_write(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"the folder '{folder}' cannot be written ({error.strerror}): "
        "choose another or change its permissions"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
