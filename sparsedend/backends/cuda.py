"""CuPy, which nothing else imports, and how the kernels are compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError

SOURCE = Path(__file__).with_name("kernels.cu")
#: Compiler options by the type of activations; images are kept as pixels for float32 alone.
OPTIONS = {
    "float32": ("-std=c++17", "-DREAL=float", "-DPIXELS"),
    "float64": ("-std=c++17", "-DREAL=double"),
}


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
