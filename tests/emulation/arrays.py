"""CuPy's arrays: NumPy arrays in a wrapper that never turns into one by itself.

What NumPy does for them is done at once, after all that was queued on the current stream.
"""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .memory import HostBytes, Memory, Use
from .streams import get_current_stream, unsafe


class ndarray(NDArrayOperatorsMixin):  # noqa: N801
    def __init__(self, shape, dtype=float, memptr=None):
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

    def use(self, stream, number, written, what):
        """Note that an operation on a stream reads the array, or writes to it."""
        first = self.host.ctypes.data
        last = first + self.host.nbytes
        if not self.host.flags.c_contiguous:
            first = self.memory.bytes.ctypes.data
            last = first + self.memory.size
        self.memory.use(Use(stream, number, first, last, written, what))

    def __array__(self, *arguments, **named):
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use get()")

    @property
    def __cuda_array_interface__(self):
        return {"version": 3, "shape": self.shape, "typestr": self.dtype.str, "data": (0, False)}

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **named):
        if out is None:
            return array(getattr(ufunc, method)(*map(_read, inputs), **named))
        (target,) = out
        given = tuple(map(_read, inputs))
        getattr(ufunc, method)(*given, out=(_written(target),), **named)
        return target

    def __array_function__(self, function, types, arguments, named):
        return array(function(*map(_read, arguments), **named))

    def __len__(self):
        return len(self.host)

    def __getitem__(self, key):
        key = _read(key if isinstance(key, tuple) else (key,))
        if not any(each is ... for each in key):
            key = (*key, ...)  # An array even where it is a single element.
        found = self.host[key]
        return self._view(found) if np.may_share_memory(found, self.host) else array(found)

    def __setitem__(self, key, value):
        given = _read(key), _read(value)
        _written(self)[given[0]] = given[1]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(_known(self))

    def __int__(self):
        return int(_known(self))

    def __float__(self):
        return float(_known(self))

    def __dlpack__(self, **named):
        return self

    def __dlpack_device__(self):
        return 2, 0

    def __format__(self, form):
        return format(_known(self)[()], form)

    @property
    def T(self):  # noqa: N802
        return self._view(self.host.T)

    def reshape(self, *shape):
        return self._view(self.host.reshape(*shape))

    def view(self, dtype):
        return self._view(self.host.view(dtype))

    def get(self, stream=None):
        return _known(self, stream).copy()

    def set(self, values, stream=None):
        """Queue a copy, which reads the host's memory when it is done, and not before."""
        unsafe("an array is copied from the host")
        assert type(values) is np.ndarray
        assert (values.shape, values.dtype) == (self.shape, self.dtype)
        assert values.flags.c_contiguous
        assert self.flags.c_contiguous
        source, target = HostBytes(values), self.host.reshape(-1).view(np.uint8)

        def copy():
            target[:] = source.get()

        stream = stream or get_current_stream()
        self.use(stream, stream.queue(copy), True, "a copy from the host")

    def fill(self, value):
        _written(self).fill(value)


def _method(name):
    def method(self, *arguments, **named):
        return array(getattr(_read(self), name)(*arguments, **named))

    return method


for _name in ("copy", "astype", "argmax", "max", "min", "sum", "all", "any"):
    setattr(ndarray, _name, _method(_name))


def _at_once(values, written, what):
    """What an array holds for an operation that the current stream does now."""
    unsafe(what)
    stream = get_current_stream()
    number = stream.queue(lambda: None)
    values.use(stream, number, written, what)
    stream.finish()
    return values.host


def _read(value):
    if isinstance(value, ndarray):
        return _at_once(value, False, "an array is computed with")
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, tuple):
        return tuple(map(_read, value))
    return value


def _written(values):
    return _at_once(values, True, "an array is written to")


def _known(values, stream=None):
    """What an array holds, once the host has waited for a stream, by itself the current one."""
    unsafe("an array is copied to the host")
    stream = stream or get_current_stream()
    values.use(stream, stream.queue(lambda: None), False, "a copy to the host")
    stream.synchronize()
    return values.host


def array(values, dtype=None):
    values = np.asarray(_read(values) if isinstance(values, ndarray) else values, dtype)
    made = ndarray(values.shape, values.dtype)
    _written(made)[...] = values
    return made


def asarray(values):
    return values if isinstance(values, ndarray) else array(values)


def zeros(shape, dtype=float):
    made = ndarray(shape, dtype)
    made.fill(0)
    return made


def empty_like(values):
    return ndarray(values.shape, values.dtype)


def copyto(target, source):
    target[:] = source


def from_dlpack(values):
    return values.__dlpack__()
