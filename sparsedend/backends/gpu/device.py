"""The device: each thread's stream on it, its memory, and graphs of what is queued."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .. import cuda
from ..arrays import as_array
from ..types import Array
from .program import SUMS

cupy = cuda.library()

#: An array of more bytes than this stays on the host if it would take more than this share of the
#: memory that is free.
ALWAYS_PLACED, MEMORY_SHARE = 2**20, 0.5


class _OfThread(threading.local):
    """What each thread has of its own.

    Attributes
    ----------
    stream : Stream
        CuPy reuses memory that was freed on the same one alone.
    sums : (SUMS or more,) float64
        For kernels that add up in two steps.
    """

    def __init__(self) -> None:
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.sums = cupy.zeros(SUMS, np.float64)


_of_thread = _OfThread()
#: Held while a graph is captured: garbage collection, which is then off, is one for all threads.
_capturing = threading.Lock()


def sums(size: int = SUMS) -> Array:
    """The calling thread's room for so many sums, or more: (size,) float64."""
    if size > _of_thread.sums.size:
        _of_thread.sums = cupy.zeros(size, np.float64)
    return _of_thread.sums


@contextmanager
def own_stream() -> Iterator[None]:
    """Queue on the calling thread's own stream inside this context.

    It waits for what the caller has queued, and what the caller queues next waits for it.

    Raises
    ------
    InputError
        Where this process was forked from one that had used CUDA.
    """
    cuda.check_process()
    stream, outer = _of_thread.stream, cupy.cuda.get_current_stream()
    stream.wait_event(outer.record())
    try:
        with stream:
            yield
    finally:
        outer.wait_event(stream.record())


def capture(queue: Callable[[], None]) -> Callable[[], None]:
    """Record what `queue` queues, inside `own_stream`; what comes back queues that again.

    It must have been queued before: then its kernels are loaded, and the sums have all their room.
    """
    stream, kept = _of_thread.stream, _of_thread.sums
    with _capturing, _no_collection():
        # Other threads go on allocating memory meanwhile, which only this mode allows them.
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        try:
            queue()
        except BaseException:
            with suppress(cupy.cuda.runtime.CUDARuntimeError):  # It would hide the first.
                stream.end_capture()
            raise
        graph = stream.end_capture()

    def launch(kept: Array = kept) -> None:
        """Queue what was recorded, which may use the sums of the thread that did."""
        graph.launch(_of_thread.stream)

    return launch


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection in this context: it may free what belongs to the device."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def place(values: Any) -> Array:
    """Values on the device: any array, copied only where it lies elsewhere.

    An array too large for the memory that is left stays on the host, page-locked, and kernels
    read it through the bus.
    """
    if not isinstance(values, cupy.ndarray):
        values = as_array(values)
    if isinstance(values, cupy.ndarray):
        return values
    free, _ = cupy.cuda.runtime.memGetInfo()
    if values.nbytes <= max(ALWAYS_PLACED, MEMORY_SHARE * free):
        return cupy.array(values)
    memory, copy = _page_locked(values.shape, values.dtype)
    copy[...] = values
    device = cupy.cuda.runtime.getDevice()
    unowned = cupy.cuda.UnownedMemory(memory.ptr, values.nbytes, memory, device)
    return cupy.ndarray(values.shape, values.dtype, cupy.cuda.MemoryPointer(unowned, 0))


def _page_locked(shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Any, NDArray]:
    """Memory of the host that the device reads at the same address, and an array of it."""
    size = int(np.prod(shape))
    memory = cupy.cuda.alloc_pinned_memory(size * np.dtype(dtype).itemsize)
    return memory, np.frombuffer(memory, dtype, size).reshape(shape)


class Upload:
    """Numbers of 8 bytes on the device, which are replaced from page-locked memory.

    So the host need not wait until they are copied.

    Parameters
    ----------
    size : int
        At least 1.

    Attributes
    ----------
    words : (size,) int64
        On the device.
    """

    def __init__(self, size: int) -> None:
        self.words = cupy.zeros(size, np.int64)
        _, self._host = _page_locked((size,), np.int64)
        self._copied = cupy.cuda.Event(disable_timing=True)
        # CuPy hands page-locked memory on as soon as it is free, copied or not.
        weakref.finalize(self, self._copied.synchronize).atexit = False

    def write(self, *parts: NDArray) -> None:
        """Replace the numbers by those of the parts, one after the other."""
        stream = cupy.cuda.get_current_stream()
        self._copied.synchronize()  # Until the last ones have been read.
        np.concatenate([part.ravel().view(np.int64) for part in parts], out=self._host)
        self.words.set(self._host, stream=stream)
        self._copied.record(stream)
