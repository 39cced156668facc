"""Kernels by their address, and arguments as the words that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numpy.typing import NDArray

from .simd import Tile
from .simd.types import TileType

WORD = ir.IntType(64)


def entry(kernel: Any, arguments: tuple[Any, ...]) -> int:
    """Address of a kernel, compiled for such arguments, that takes the address of their words."""
    key = (kernel, *map(_kind, arguments))
    if key not in _entries:
        _entries[key] = _entry(kernel, tuple(map(typeof, arguments)))
    return _entries[key]


_entries: dict[tuple[Any, ...], int] = {}


def _kind(argument: Any) -> Any:
    """What Numba's type of an argument depends on, found in a tenth of the time."""
    if isinstance(argument, np.ndarray):
        return argument.dtype, argument.ndim, argument.flags.num
    return argument if isinstance(argument, Tile) else type(argument)


@cache
def _entry(kernel: Any, signature: tuple[types.Type, ...]) -> int:
    """Compile a function that reads the arguments from words and hands them to the kernel."""
    if signature not in kernel.overloads:
        # It was called with arguments that are compiled for others that fit as well.
        kernel.compile(signature)
    compiled = kernel.overloads[signature]
    context = cpu_target.target_context
    name = f"from_words.{compiled.fndesc.llvm_func_name}"
    with global_compiler_lock:
        library = context.codegen().create_library(name)
        module = library.create_ir_module(name)
        shape = ir.FunctionType(ir.IntType(32), [WORD.as_pointer()])
        function = ir.Function(module, shape, name)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        values, first = [], 0
        for each in signature:
            if isinstance(each, types.NoneType | TileType):
                values.append(context.get_dummy_value())
                continue
            kind = context.data_model_manager[each].get_value_type()
            here = builder.gep(function.args[0], [WORD(first)])
            values.append(builder.load(builder.bitcast(here, kind.as_pointer())))
            first += 5 + 2 * each.ndim if isinstance(each, types.Array) else 1
        status, _ = context.call_conv.call_function(
            builder,
            context.declare_function(module, compiled.fndesc),
            compiled.fndesc.restype,
            signature,
            values,
        )
        builder.ret(status.code)
        library.add_ir_module(module)
        library.finalize()
    # The address is good for as long as the library lives.
    _libraries.append(library)
    return library.get_pointer_to_function(name)


_libraries: list[Any] = []


def words(argument: Any) -> Iterator[int]:
    """What `entry`'s function reads of an argument: an array's in Numba's order of fields."""
    if isinstance(argument, np.ndarray):
        address = argument.__array_interface__["data"][0]
        # No owner: whoever keeps the words keeps the array.
        yield from (0, 0, argument.size, argument.itemsize, address)
        yield from argument.shape
        yield from argument.strides
    elif isinstance(argument, float):
        yield int(np.float64(argument).view(np.int64))
    elif isinstance(argument, int):
        yield argument


def point(words: NDArray, at: int, array: NDArray) -> None:
    """Let the words of an array be those of another, which differs in its length alone."""
    words[at + 2] = array.size
    words[at + 4] = array.__array_interface__["data"][0]
    words[at + 5] = len(array)
