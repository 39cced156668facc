"""The right to write a file, which one process has at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import InputError
from .files import beside, cannot_write, reason, target_of

#: What the system answers where another process has a lock.
BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}


@contextmanager
def locked(path: Path, *, lock: bool = True) -> Iterator[None]:
    """Keep other processes that ask for the same from writing `path` inside this context.

    Parameters
    ----------
    path : Path
        Stands for the file that it leads to; it need not exist.
    lock : bool
        Whether to lock at all: some file systems cannot.

    Raises
    ------
    InputError
        Where another process has it, the folder cannot be written or the file system has no locks.
    """
    try:
        import fcntl
    except ImportError:  # Not on Windows.
        lock = False
    if not lock:
        yield
        return
    name = beside(target_of(Path(path)), ".lock")
    while True:
        try:
            file = open(name, "ab")  # noqa: SIM115  # Two different errors, so two steps.
        except OSError as error:
            raise cannot_write(name.parent, error) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in BUSY:
                    raise InputError(
                        f"'{path}' is being written by another process: wait for it, or choose "
                        "another"
                    ) from None
                name.unlink(missing_ok=True)
                raise InputError(
                    f"'{path}' cannot be locked ({reason(error)}), so another process could write "
                    "it too: choose another, or give `no_lock=True` where none does"
                ) from error
            # Its last owner may have removed it after we opened it: then it keeps nobody out.
            if not _names(name, file):
                continue
            try:
                yield
            finally:
                # On a disk that is gone it stays, and keeps nobody out.
                with suppress(OSError):
                    if _names(name, file):
                        name.unlink()
            return


def _names(path: Path, file: IO[bytes]) -> bool:
    """Whether the path is still that of an open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    return False
