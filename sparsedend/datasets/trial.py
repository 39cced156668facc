"""Files of unknown origin, read for a trial in a process that may be lost.

HDF5 has been made to crash, to hang and to take all memory by files made for it. Where reading a
file does so, it ends a process with little memory and time, and not the caller's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..errors import InputError
from ..files import status

#: Bytes that a trial may take, and how many more for each of the file.
MEMORY, MEMORY_EACH = 4 * 2**30, 64
#: Seconds, and how many more for each byte of the file.
SECONDS, SECONDS_EACH = 60, 1e-7
#: How a trial ends that ran out of memory.
NO_MEMORY = 3


def read_for_a_trial(path: Path) -> None:
    """Read a data set as `own.from_path` does, in another process.

    Whether it is one that can be used is not asked.

    Raises
    ------
    InputError
        Where the process did not come to its end.
    """
    found = status(path)
    size = found.st_size if found else 0
    memory, seconds = MEMORY + MEMORY_EACH * size, SECONDS + SECONDS_EACH * size
    command = [sys.executable, "-m", __name__, os.fspath(path), str(memory)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise _refusal(path, f"takes more than {seconds:.0f} seconds") from None
    if ended.returncode == NO_MEMORY:
        raise _refusal(path, f"takes more than {memory / 1e9:.1f} GB")
    if ended.returncode:
        raise _refusal(path, f"ends a process with code {ended.returncode}")


def _refusal(path: Path, what: str) -> InputError:
    return InputError(
        f"reading '{path}' {what}: use another copy, or give `trusted=True` where you know the file"
    )


def _read(path: str, memory: int) -> int:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:  # Not on Windows.
        pass
    from .own import from_path

    try:
        from_path("trial", path)
    except InputError:
        pass
    except MemoryError:
        return NO_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(_read(sys.argv[1], int(sys.argv[2])))
