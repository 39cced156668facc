"""CuPy, which nothing else imports."""

from __future__ import annotations

import os
from typing import Any

from ..errors import InputError

#: What makes a GPU usable.
REMEDY = (
    "pip install 'sparsedend[cuda13]' ('sparsedend[cuda12]' for a driver of CUDA 12), or use "
    "backend 'numba'"
)
#: Process in which CUDA was first used. It does not survive a fork.
_process: int | None = None


def available() -> bool:
    """Whether CuPy is installed and finds a device."""
    try:
        library()
    except InputError:
        return False
    return True


def library() -> Any:
    """CuPy.

    Raises
    ------
    InputError
        Where it is not installed, or finds no device, or is not usable after a fork.
    """
    global _process
    check_process()
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise _broken(error) from error
        raise InputError(f"CuPy, which computes on a GPU, is not installed: {REMEDY}") from None
    except Exception as error:  # Of any kind: a library is missing, or another NumPy was built for.
        raise _broken(error) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise _no_device(str(error)) from None
    if devices == 0:
        raise _no_device("0 devices")
    _process = os.getpid()
    return cupy


def check_process() -> None:
    """Make sure that CUDA can be used.

    Raises
    ------
    InputError
        Where this process was forked from one that had used it.
    """
    if _process not in (None, os.getpid()):
        raise InputError(
            f"a GPU cannot be used in process {os.getpid()}, which was forked from process "
            f"{_process} after that had used it: start processes with 'spawn' or 'forkserver', "
            "or use backend 'numba' in them"
        )


def _broken(error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:300]
    return InputError(
        f"CuPy is installed but cannot be imported ({type(error).__name__}: {reason}): {REMEDY}"
    )


def _no_device(reason: str) -> InputError:
    return InputError(
        f"no CUDA device was found ({reason}): check the driver with nvidia-smi, or use backend "
        "'numba'"
    )
