"""Launching kernels: programs compiled once, grids, typed arguments; and noting them first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ...errors import InputError
from .. import cuda
from ..types import Array
from . import program
from .device import cupy

#: Held by the thread that loads kernels, while others wait for the same.
_compiling = threading.Lock()
#: Blocks of a grid's second dimension that CUDA has.
MOST_TILES = 65_535


class Launch(NamedTuple):
    """A kernel that is to be queued, by the arguments of `launch`."""

    dtype: DTypeLike
    name: str
    grid: tuple[int, ...]
    arguments: tuple[Any, ...]
    code: str | None = None


class _OfThread(threading.local):
    """What this thread has noted and not queued yet, if it notes."""

    noted: list[Launch] | None = None


_of_thread = _OfThread()


@contextmanager
def noted(joined: Callable[[list[Launch]], list[Launch]]) -> Iterator[None]:
    """Note what is launched inside this context, and queue what `joined` makes of it at its end.

    All that touches arrays in there must be launched: what is done otherwise comes first. Inside of
    another such context this one does nothing.
    """
    if _of_thread.noted is not None:
        yield
        return
    launches: list[Launch] = []
    _of_thread.noted = launches
    try:
        yield
    finally:
        _of_thread.noted = None
    for each in joined(launches):
        _queue(each)


def launch(
    dtype: DTypeLike,
    name: str,
    grid: tuple[int, ...],
    *arguments: Any,
    code: str | None = None,
) -> None:
    """Queue a kernel; inside `noted`, later.

    Parameters
    ----------
    dtype : dtype
        Of the activations that it computes with; any argument of float16 chooses its kind.
    name : str
    grid : tuple of int
        Blocks, of `program.THREADS` threads each.
    *arguments
        Arrays; Python's integers become its ints and Python's floats its reals, while NumPy's
        scalars stay what they are.
    code : str, optional
        The kernel's program, if it is not among the operations.

    Raises
    ------
    InputError
        Where the kernel cannot be compiled or kept, or the grid is too large.
    """
    if len(grid) > 1 and grid[1] > MOST_TILES:
        raise InputError(
            f"kernel {name} wants {grid[1]} tiles side by side, and a GPU has {MOST_TILES}: "
            "give a smaller batch size"
        )
    made = Launch(dtype, name, grid, arguments, code)
    if _of_thread.noted is None:
        _queue(made)
    else:
        _of_thread.noted.append(made)


def _queue(made: Launch) -> None:
    real = arithmetic(made.dtype).type
    typed = [
        real(each) if type(each) is float else np.int32(each) if type(each) is int else each
        for each in made.arguments
    ]
    half = any(getattr(each, "dtype", None) == np.float16 for each in made.arguments)
    stored = "float16" if half else np.dtype(made.dtype).name
    code = program.text(program.OPERATIONS) if made.code is None else made.code
    _kernel(code, stored, made.name)(made.grid, (program.THREADS,), tuple(typed))


def launch_elements(dtype: DTypeLike, name: str, size: int, *arguments: Any, **named: Any) -> None:
    """Queue an elementwise kernel, whose last argument is the number of elements."""
    launch(dtype, name, (blocks(size, program.THREADS),), *arguments, np.int64(size), **named)


def blocks(size: int, each: int) -> int:
    """Blocks for so many items; there must be one even where there is nothing to do."""
    return max(1, -(-size // each))


def tiles(activations: Array) -> int:
    """Tiles of a warp in a row: each lane has 16 bytes of real numbers."""
    return activations.shape[1] * arithmetic(activations.dtype).itemsize // (16 * program.WARP)


def arithmetic(dtype: DTypeLike) -> np.dtype:
    """Type of the arithmetic with activations that are stored as `dtype`."""
    return np.dtype(np.float32 if dtype == np.float16 else dtype)


@cache
def _module(code: str, stored: str) -> Any:
    """Kernels for one type of activations, compiled once; CuPy keeps what it compiled on disk."""
    return cupy.RawModule(code=code, options=program.OPTIONS[stored])


@cache
def _kernel(code: str, stored: str, name: str) -> Any:
    with _compiling:
        try:
            return _module(code, stored).get_function(name)
        except OSError as error:
            raise InputError(
                f"the compiled kernels cannot be kept ({error}): set CUPY_CACHE_DIR to a folder "
                "that can be written"
            ) from error
        except (RuntimeError, cupy.cuda.compiler.CompileException) as error:
            reason = " ".join(str(error).split())[:300]
            if "nvrtc" in reason:
                wrong = "NVIDIA's runtime compiler, which makes the kernels, does not work"
            elif "CUDA headers" in reason:
                wrong = "CUDA's headers, which the kernels are compiled with, are missing"
            else:
                raise
            raise InputError(f"{wrong} ({reason}): {cuda.REMEDY}") from error
