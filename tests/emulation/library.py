"""A double of the parts of CuPy that sparsedend uses, on the host.

Arrays are NumPy arrays in a wrapper that, like CuPy's, never turns into a NumPy array by itself.
Kernels are compiled for the CPU by ``cuda.h``; each launch checks the types of all arguments, and
that nothing was written beyond the ends of an array. A graph is the list of launches that were
recorded; what CUDA forbids while it is captured is an error. Streams do at once what is queued, and
remember what they waited for.
"""

import ctypes
import functools
import threading
import time
from types import SimpleNamespace

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .compilation import compiled

#: Bytes before and after every array that no kernel may change, and what they hold.
GUARD, CANARY = 512, 0xA5
__version__ = "double"


class Memory:
    """Bytes of the device, between guards."""

    allocated = 0

    def __init__(self, size):
        Memory.allocated += size
        self.raw = np.full(size + 3 * GUARD, CANARY, np.uint8)
        self.start = GUARD + -(self.raw.ctypes.data + GUARD) % GUARD
        self.size = size
        # What nothing has written is NaN in any floating type.
        self.bytes[:] = 0xFF

    @property
    def bytes(self):
        return self.raw[self.start : self.start + self.size]

    def check(self, kernel):
        around = (self.raw[: self.start], self.raw[self.start + self.size :])
        if any((part != CANARY).any() for part in around):
            raise AssertionError(f"{kernel} wrote beyond the ends of an array")


class ndarray(NDArrayOperatorsMixin):  # noqa: N801
    def __init__(self, shape, dtype=float, memptr=None):
        _not_capturing("memory is allocated")
        shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.memory = Memory(size) if memptr is None else memptr.memory
        self.host = self.memory.bytes[:size].view(dtype).reshape(shape)

    def _view(self, host):
        view = object.__new__(ndarray)
        view.memory, view.host = self.memory, host
        return view

    def __getattr__(self, name):
        if name in ("shape", "dtype", "size", "ndim", "nbytes", "itemsize", "flags"):
            return getattr(self.host, name)
        raise AttributeError(name)

    def __array__(self, *arguments, **named):
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use get()")

    @property
    def __cuda_array_interface__(self):
        return {"version": 3, "shape": self.shape, "typestr": self.dtype.str, "data": (0, False)}

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **named):
        if out is not None:
            named["out"] = tuple(each.host for each in out)
        result = getattr(ufunc, method)(*map(_unwrapped, inputs), **named)
        return out[0] if out is not None else array(result)

    def __array_function__(self, function, types, arguments, named):
        return array(function(*map(_unwrapped, arguments), **named))

    def __len__(self):
        return len(self.host)

    def __getitem__(self, key):
        return self._view(self.host[_unwrapped(key)])

    def __setitem__(self, key, value):
        _not_capturing("an array is assigned to")
        self.host[key] = _unwrapped(value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self.host)

    def __int__(self):
        return int(self.host)

    def __float__(self):
        return float(self.host)

    def __dlpack__(self, **named):
        return self

    def __dlpack_device__(self):
        return 2, 0

    def __format__(self, form):
        return format(self.host[()], form)

    @property
    def T(self):  # noqa: N802
        return self._view(self.host.T)

    def reshape(self, *shape):
        return self._view(self.host.reshape(*shape))

    def view(self, dtype):
        return self._view(self.host.view(dtype))

    def get(self, stream=None):
        _not_capturing("an array is copied to the host")
        return self.host.copy()

    def set(self, values, stream=None):
        _not_capturing("an array is copied from the host")
        assert type(values) is np.ndarray
        assert (values.shape, values.dtype) == (self.shape, self.dtype)
        assert stream is None or _is_page_locked(values), "the host may change it meanwhile"
        self.host[...] = values

    def fill(self, value):
        _not_capturing("an array is filled")
        self.host.fill(value)


def _method(name):
    def method(self, *arguments, **named):
        return array(getattr(self.host, name)(*arguments, **named))

    return method


for _name in ("copy", "astype", "argmax", "max", "min", "sum", "all", "any"):
    setattr(ndarray, _name, _method(_name))


def _unwrapped(value):
    if isinstance(value, ndarray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, tuple):
        return tuple(map(_unwrapped, value))
    return value


def array(values, dtype=None):
    values = np.asarray(values.host if isinstance(values, ndarray) else values, dtype)
    made = ndarray(values.shape, values.dtype)
    made.host[...] = values
    return made


def asarray(values):
    return values if isinstance(values, ndarray) else array(values)


def zeros(shape, dtype=float):
    made = ndarray(shape, dtype)
    made.host[...] = 0
    return made


def empty_like(values):
    return ndarray(values.shape, values.dtype)


def copyto(target, source):
    target[:] = source


def get_default_memory_pool():
    return SimpleNamespace(
        used_bytes=lambda: Memory.allocated, total_bytes=lambda: Memory.allocated
    )


float32, int32, int64 = np.float32, np.int32, np.int64


def from_dlpack(values):
    return values.__dlpack__()


# Kernels


class RawModule:
    def __init__(self, *, code, options=()):
        self._library, self._signatures = compiled(code, options)

    def get_function(self, name):
        return functools.partial(_launch, self._library, name, self._signatures[name])


def _launch(library, name, types, grid, block, arguments):
    assert len(types) == len(arguments), name
    assert all(0 < size < 2**31 for size in grid), (name, grid)
    assert len(grid) < 2 or grid[1] < 2**16, (name, grid)
    for number, ((dtype, pointer), value) in enumerate(zip(types, arguments, strict=True)):
        kind = ndarray if pointer else np.generic
        assert isinstance(value, kind), f"{name}: argument {number} is a {type(value)}"
        assert value.dtype == dtype, f"{name}: argument {number} is {value.dtype}, not {dtype}"
        assert not pointer or value.flags.c_contiguous, f"{name}: argument {number} has gaps"

    def run():
        values = [np.array(v.host.ctypes.data if p else v) for (_, p), v in zip(types, arguments)]  # noqa: B905
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        grid_x, grid_y = (*grid, 1)[:2]
        with _launching:
            failed = getattr(library, f"launch_{name}")(pointers, grid_x, grid_y, *block)
        assert not failed, f"{name}: some threads wait for others that never come"
        for value in arguments:
            if isinstance(value, ndarray):
                value.memory.check(name)

    if _capturing():
        get_current_stream().recorded.append(run)
    else:
        run()


# Streams and graphs


class Graph:
    def __init__(self, launches):
        self.launches = launches

    def launch(self, stream=None):
        _not_capturing("a graph is launched")
        for launch in self.launches:
            launch()


class Event:
    """A place in what a stream is to do."""

    def __init__(self, *, disable_timing=False):
        self.stream = None

    def record(self, stream=None):
        self.stream, self.time = stream or get_current_stream(), time.perf_counter()

    def synchronize(self):
        _not_capturing("the host waits")


class Stream:
    """`waits` are the streams that it was made to wait for, in order."""

    def __init__(self, *, non_blocking=False):
        self.recorded = None
        self.waits = []

    def __enter__(self):
        self.outer, _current.stream = get_current_stream(), self
        return self

    def __exit__(self, *error):
        _current.stream = self.outer

    def record(self):
        event = Event()
        event.record(self)
        return event

    def wait_event(self, event):
        self.waits.append(event.stream)

    def begin_capture(self, mode):
        assert get_current_stream() is self, "what is queued goes to another stream"
        assert mode == runtime.streamCaptureModeThreadLocal
        self.recorded = []

    def end_capture(self):
        launches, self.recorded = self.recorded, None
        return Graph(launches)


def get_current_stream():
    """Of this thread."""
    return getattr(_current, "stream", _null)


def _capturing():
    return get_current_stream().recorded is not None


def _not_capturing(what):
    assert not _capturing(), f"{what} while a graph is captured"


_null = Stream()
_current = threading.local()
#: The host's block of threads is one for all.
_launching = threading.Lock()


class CUDARuntimeError(RuntimeError):
    pass


class CompileException(Exception):  # noqa: N818
    pass


class MemoryPointer:
    def __init__(self, memory, offset):
        assert offset == 0
        self.memory = memory


class PinnedMemory(np.ndarray):
    """Seen by both sides at the same address."""


def alloc_pinned_memory(size):
    memory = Memory(size)
    pinned = memory.bytes.view(PinnedMemory)
    pinned.memory, pinned.ptr = memory, pinned.ctypes.data
    _page_locked.append((pinned.ptr, size))
    return pinned


#: Address and size of all that ever was.
_page_locked = []


def _is_page_locked(values):
    return any(start <= values.ctypes.data < start + size for start, size in _page_locked)


def unowned(pointer, size, owner, device):
    assert (pointer, size) == (owner.ptr, owner.memory.size)
    return owner.memory


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: 1,
    getDevice=lambda: 0,
    memGetInfo=lambda: (2**34, 2**34),
    streamCaptureModeThreadLocal=1,
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
