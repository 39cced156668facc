"""A double of the parts of CuPy that sparsedend uses, on the host: it stands in CuPy's place."""

from types import SimpleNamespace

import numpy as np

from . import streams
from .arrays import (
    array,
    asarray,
    copyto,
    empty_like,
    from_dlpack,
    ndarray,
    zeros,
)
from .memory import Memory, alloc_pinned_memory
from .modules import CompileException, RawModule
from .streams import CUDARuntimeError, Event, Graph, Stream, get_current_stream

__all__ = [
    "CompileException",
    "Graph",
    "RawModule",
    "array",
    "asarray",
    "copyto",
    "csr_matrix",
    "cuda",
    "empty_like",
    "from_dlpack",
    "get_default_memory_pool",
    "ndarray",
    "runtime",
    "zeros",
]
__version__ = "double"
float32, int32, int64 = np.float32, np.int32, np.int64


def get_default_memory_pool():
    """Which never gives memory back."""
    return SimpleNamespace(used_bytes=lambda: Memory.used, total_bytes=lambda: Memory.allocated)


class MemoryPointer:
    def __init__(self, memory, offset):
        assert offset == 0
        self.memory = memory


def unowned(pointer, size, owner, device):
    assert (pointer, size) == (owner.ptr, owner.memory.size)
    return owner.memory


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: 1,
    getDevice=lambda: 0,
    memGetInfo=lambda: (2**34, 2**34),
    streamCaptureModeGlobal=streams.GLOBAL,
    streamCaptureModeThreadLocal=streams.THREAD_LOCAL,
    streamCaptureModeRelaxed=streams.RELAXED,
    driverGetVersion=lambda: 13000,
    getDeviceProperties=lambda device: {
        "name": b"none",
        "multiProcessorCount": 1,
        "totalGlobalMem": 2**34,
        "l2CacheSize": 2**20,
    },
)
cuda = SimpleNamespace(
    runtime=runtime,
    compiler=SimpleNamespace(CompileException=CompileException),
    Stream=Stream,
    Event=Event,
    get_elapsed_time=lambda start, end: (end.time - start.time) * 1e3,
    get_current_stream=get_current_stream,
    alloc_pinned_memory=alloc_pinned_memory,
    UnownedMemory=unowned,
    MemoryPointer=MemoryPointer,
)


class csr_matrix:  # noqa: N801
    """`cupyx.scipy.sparse.csr_matrix`, which copies data of a type that it takes."""

    def __init__(self, parts, shape):
        self.data, self.indices, self.indptr = map(array, parts)
        assert self.indices.dtype == self.indptr.dtype == np.int32
        self.shape = shape
