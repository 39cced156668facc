"""Arrays wherever they live: on the host, or on a GPU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError
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
    values = _without_record(values)
    if hasattr(values, "__cuda_array_interface__"):
        return True
    device = getattr(values, "__dlpack_device__", None)
    return device is not None and device()[0] in DLPACK_CUDA


def as_array(values: Any) -> Any:
    """NumPy array of the values, or a CuPy array where they lie on a GPU; not copied there.

    Whatever speaks ``__array__`` or DLPack will do, as arrays, tensors and tables of most libraries
    do, and nested lists. Tensors that record gradients are taken without them; bfloat16, which
    NumPy lacks, as float32, which holds it exactly; another byte order as the machine's; and Python
    objects, which nullable columns become, as numbers, NaN where one is missing.

    Raises
    ------
    InputError
        Where they lie on a GPU and CuPy is not installed, or make no array.
    """
    if isinstance(values, np.ndarray):
        return _native(np.asarray(values))
    values = _without_record(values)
    if hasattr(values, "float") and str(getattr(values, "dtype", "")).endswith("bfloat16"):
        values = values.float()
    if not on_gpu(values):
        return _native(_read(values))
    cupy = cuda.library()
    if isinstance(values, cupy.ndarray):
        return values
    if hasattr(values, "__cuda_array_interface__"):
        return cupy.asarray(values)
    return cupy.from_dlpack(values)


def _without_record(values: Any) -> Any:
    """The same tensor, of whose gradients nothing is recorded."""
    return values.detach() if hasattr(values, "detach") else values


def _read(values: Any) -> NDArray:
    """NumPy array of what lies on the host and is none."""
    try:
        if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            return np.from_dlpack(values)
        array = np.asarray(values)
        if array.dtype != object or not array.ndim:
            return array
        found = np.array(array.tolist())
        if found.dtype == object and hasattr(values, "to_numpy"):
            # What pandas has for a missing value is no number, and no NaN.
            return values.to_numpy(dtype=np.float64, na_value=np.nan)
        return found
    except Exception as error:  # Of any kind: it is another library's.
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"a {type(values).__name__} makes no array of numbers ({reason}): give a NumPy array"
        ) from error


def _native(array: NDArray) -> NDArray:
    """Numbers as this machine and NumPy have them."""
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


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


def magnitude(values: Any) -> float:
    """The largest magnitude of values anywhere, NaN where one of them is NaN; 0 of none."""
    # No room of the values' size, which abs would take.
    return float(max(values.max(), -values.min())) if values.size else 0.0


def aligned_zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Zeros on the host that begin at a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
    raw = np.zeros(size + CACHE_LINE, np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)
