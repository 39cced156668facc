"""Arrays wherever they live: on the host, or on a GPU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import cuda
from .sparse_rows import SparseRows

#: Bytes that a processor fetches at once; no vector load of an array that begins at one straddles.
CACHE_LINE = 64
#: Devices of DLPack (`DLDeviceType`): CUDA memory, and CUDA managed memory.
DLPACK_CUDA = (2, 13)


def on_gpu(values: Any) -> bool:
    """Whether an array of any library lies on a GPU."""
    if isinstance(values, np.ndarray):
        return False
    if hasattr(values, "__cuda_array_interface__"):
        return True
    device = getattr(values, "__dlpack_device__", None)
    return device is not None and device()[0] in DLPACK_CUDA


def as_array(values: Any) -> Any:
    """NumPy array of the values, or a CuPy array where they lie on a GPU; not copied there.

    Raises
    ------
    InputError
        Where they lie on a GPU and CuPy is not installed.
    """
    if not on_gpu(values):
        return np.asarray(values)
    cupy = cuda.library()
    if isinstance(values, cupy.ndarray):
        return values
    if hasattr(values, "__cuda_array_interface__"):
        return cupy.asarray(values)
    return cupy.from_dlpack(values)


def as_host_array(values: Any) -> Any:
    """NumPy array of the values, copied only where they lie on a GPU; sparse rows as they are.

    Raises
    ------
    InputError
        Where they lie on a GPU and CuPy is not installed.
    """
    if isinstance(values, SparseRows):
        return values
    array = as_array(values)
    return array if isinstance(array, np.ndarray) else array.get()


def aligned_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Zeros on the host that begin at a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)
