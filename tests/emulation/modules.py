"""CuPy's modules of kernels, which are compiled for the CPU.

Each launch checks the types of all arguments; what it does, that nothing was written beyond the
ends of an array. A kernel must have been launched once before it is captured, since CUDA loads it
then; and what was captured refers to memory without keeping it, as a graph does.
"""

import ctypes
import weakref

import numpy as np

from .arrays import ndarray
from .compilation import compiled
from .memory import Use
from .streams import get_current_stream, unsafe


class CompileException(Exception):  # noqa: N818
    pass


class RawModule:
    def __init__(self, *, code, options=()):
        unsafe("a module is loaded")
        self._library, self._kernels = compiled(code, options)

    def get_function(self, name):
        return Function(name, getattr(self._library, f"launch_{name}"), self._kernels[name])


class Function:
    """A kernel.

    Attributes
    ----------
    launched : bool
        Whether it was ever, so that it is loaded.
    """

    def __init__(self, name, run, parameters):
        self.name, self.run, self.parameters = name, run, parameters
        self.run.restype = ctypes.c_char_p
        self.launched = False

    def __call__(self, grid, block, arguments):
        self._check(grid, block, arguments)
        launch = Launch(self, grid, block, arguments)
        stream = get_current_stream()
        if stream.capture is not None:
            assert self.launched, f"{self.name} is captured before it was ever launched"
            stream.capture.launches.append(launch)
        else:
            self.launched = True
            launch.queue(stream)

    def _check(self, grid, block, arguments):
        name = self.name
        assert len(self.parameters) == len(arguments), name
        assert all(0 < size < 2**31 for size in grid), (name, grid)
        assert len(grid) < 2 or grid[1] < 2**16, (name, grid)
        assert len(block) == 1, (name, block)
        assert block[0] % 32 == 0, (name, block)
        for number, (parameter, value) in enumerate(zip(self.parameters, arguments, strict=True)):
            kind = ndarray if parameter.pointer else np.generic
            assert isinstance(value, kind), f"{name}: argument {number} is a {type(value)}"
            dtype = parameter.dtype
            assert value.dtype == dtype, f"{name}: argument {number} is {value.dtype}, not {dtype}"
            contiguous = not parameter.pointer or value.flags.c_contiguous
            assert contiguous, f"{name}: argument {number} has gaps"


class Launch:
    """A kernel with its arguments, of which the arrays are known by their addresses."""

    def __init__(self, function, grid, block, arguments):
        self.function = function
        self.sizes = *(*grid, 1)[:2], *block
        self.arrays = [
            (weakref.ref(value.memory), value.host.ctypes.data, value.nbytes, parameter.written)
            for parameter, value in zip(function.parameters, arguments, strict=True)
            if parameter.pointer
        ]
        self.values = [
            np.array(value.host.ctypes.data if parameter.pointer else value)
            for parameter, value in zip(function.parameters, arguments, strict=True)
        ]

    def queue(self, stream):
        """Have it done on a stream, with memory that is there and used in order.

        The memory's bytes are kept until then: who frees it meanwhile gives it to the pool.
        """
        name, kept = self.function.name, []
        for reference, *_ in self.arrays:
            memory = reference()
            assert memory is not None, f"{name} is launched again with an array that was freed"
            kept.append(memory.guarded)
        number = stream.queue(lambda: self._run(kept))
        for reference, first, size, written in self.arrays:
            reference().use(Use(stream, number, first, first + size, written, name))

    def _run(self, kept):
        name = self.function.name
        pointers = (ctypes.c_void_p * len(self.values))(*(each.ctypes.data for each in self.values))
        failed = self.function.run(pointers, *self.sizes)
        assert not failed, f"{name}: {failed.decode()}"
        for each in kept:
            each.check(name)
