"""CuPy, which nothing else imports."""

from __future__ import annotations

from typing import Any

from ..errors import InputError


def library() -> Any:
    """CuPy.

    Raises
    ------
    InputError
        Where it is not installed, or finds no device.
    """
    try:
        import cupy
    except ImportError:
        raise InputError(
            "CuPy, which computes on a GPU, is not installed: pip install 'sparsedend[cuda13]' "
            "('sparsedend[cuda12]' for a driver of CUDA 12), or use backend 'numba'"
        ) from None
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise _no_device(str(error)) from None
    if devices == 0:
        raise _no_device("0 devices")
    return cupy


def _no_device(reason: str) -> InputError:
    return InputError(
        f"no CUDA device was found ({reason}): check the driver with nvidia-smi, or use backend "
        "'numba'"
    )
