"""Files of unknown origin, read for a trial in a process that may be lost.

HDF5 has been made to crash, to hang and to take all memory by files made for it. Where reading a
file does so, it ends a process with little memory and time, and not the caller's.
"""

from __future__ import annotations

import json
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
#: How a trial ends that ran out of memory; and one of a file that was refused, of which it tells.
NO_MEMORY, REFUSED = 3, 4


def read_for_a_trial(name: str, path: Path, test_fraction: float, seed: int) -> None:
    """Read a data set as `own.from_path` does, in another process.

    Raises
    ------
    InputError
        Where the process did not come to its end, or refused the file. What little memory hides is
        among that, so the caller does not read it again to hear of it.
    """
    found = status(path)
    size = found.st_size if found else 0
    memory, seconds = _allowed(MEMORY + MEMORY_EACH * size), SECONDS + SECONDS_EACH * size
    given = json.dumps([memory, name, os.fspath(path), float(test_fraction), int(seed)])
    command = [sys.executable, "-m", __name__, given]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise _refusal(path, f"takes more than {seconds:.0f} seconds") from None
    if ended.returncode == NO_MEMORY:
        raise _refusal(path, f"takes more than {memory / 1e9:.1f} GB")
    if ended.returncode == REFUSED:
        raise InputError(json.loads(ended.stdout))
    if ended.returncode:
        raise _refusal(path, f"ends a process with code {ended.returncode}")


def _refusal(path: Path, what: str) -> InputError:
    return InputError(
        f"reading '{path}' {what}: use another copy, or give `trusted=True` where you know the file"
    )


def _allowed(memory: int) -> int:
    """So many bytes, or what this process is allowed, if that is less."""
    try:
        import resource
    except ImportError:  # Not on Windows.
        return memory
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    return memory if hard == resource.RLIM_INFINITY else min(memory, hard)


def _read(memory: int, name: str, path: str, test_fraction: float, seed: int) -> int:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:  # Not on Windows.
        pass
    from .own import from_path

    try:
        from_path(name, path, test_fraction=test_fraction, seed=seed)
    except InputError as error:
        print(json.dumps(str(error)))
        return REFUSED
    except MemoryError:
        return NO_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(_read(*json.loads(sys.argv[1])))
