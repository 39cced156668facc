"""CuPy, which nothing else imports, and how the kernels are compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError

SOURCE = Path(__file__).with_name("kernels.cu")
#: Compiler options by how activations are stored. Images are not kept as pixels for float64.
OPTIONS = {
    "float16": ("-std=c++17", "-DREAL=float", "-DPIXELS", "-DFLOAT16"),
    "float32": ("-std=c++17", "-DREAL=float", "-DPIXELS"),
    "float64": ("-std=c++17", "-DREAL=double"),
}
#: What makes a GPU usable.
REMEDY = (
    "pip install 'sparsedend[cuda13]' ('sparsedend[cuda12]' for a driver of CUDA 12), or use "
    "backend 'numba'"
)


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
    return cupy


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
