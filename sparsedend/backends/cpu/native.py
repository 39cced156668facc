"""Kernels by their address, and arguments as the words that they are made of."""

from __future__ import annotations

import weakref
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core import cgutils
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numpy.typing import NDArray

from .simd import Tile
from .simd.types import TileType

WORD = ir.IntType(64)
WORDS = WORD.as_pointer()
#: What Numba's threads call: the address of this thread's first bound, how many parts are its own,
#: a step that nobody needs, and the words of the arguments.
CALL = ir.FunctionType(ir.VoidType(), [WORDS.as_pointer(), WORDS, WORDS, WORDS])


def entry(kernel: Any, arguments: tuple[Any, ...], *, shared: bool) -> int:
    """Address of a function of the type `CALL` that calls a kernel with such arguments.

    The first word is not an argument, but gets the status where the kernel fails; the others are
    those of the arguments. A kernel whose loop is `shared` gets the first and last bound before
    them.
    """
    key = (kernel, shared, *map(_kind, arguments))
    if key not in _entries:
        _entries[key] = _entry(kernel, shared, tuple(map(typeof, arguments)))
    return _entries[key]


_entries: dict[tuple[Any, ...], int] = {}


def _kind(argument: Any) -> Any:
    """What Numba's type of an argument depends on, found in a tenth of the time."""
    if isinstance(argument, np.ndarray):
        return _seen(argument).kind
    return argument if isinstance(argument, Tile) else type(argument)


@cache
def _entry(kernel: Any, shared: bool, given: tuple[types.Type, ...]) -> int:
    signature = (types.int64, types.int64, *given) if shared else given
    if signature not in kernel.overloads:
        kernel.compile(signature)
    compiled = kernel.overloads[signature]
    context = cpu_target.target_context
    name = f"from_words.{compiled.fndesc.llvm_func_name}"
    with global_compiler_lock:
        library = context.codegen().create_library(name)
        module = library.create_ir_module(name)
        function = ir.Function(module, CALL, name)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        bounds, parts, _, words = function.args
        values, at = [], 1
        if shared:
            own = builder.load(bounds)
            last = builder.gep(own, [builder.load(parts)])
            values += [builder.load(own), builder.load(last)]
        for each in given:
            if isinstance(each, types.NoneType | TileType):
                values.append(context.get_dummy_value())
                continue
            kind = context.data_model_manager[each].get_value_type()
            here = builder.gep(words, [WORD(at)])
            values.append(builder.load(builder.bitcast(here, kind.as_pointer())))
            at += 5 + 2 * each.ndim if isinstance(each, types.Array) else 1
        status, _ = context.call_conv.call_function(
            builder,
            context.declare_function(module, compiled.fndesc),
            compiled.fndesc.restype,
            signature,
            values,
        )
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(builder.sext(status.code, WORD), words)
        builder.ret_void()
        library.add_ir_module(module)
        library.finalize()
    # The address is good for as long as the library lives.
    _libraries.append(library)
    return library.get_pointer_to_function(name)


_libraries: list[Any] = []


def words(argument: Any, beyond: int = 0) -> tuple[int, ...]:
    """What `entry`'s function reads of an argument: an array's in Numba's order of fields.

    Of an array, what is so many bytes `beyond` it may be meant.
    """
    if isinstance(argument, np.ndarray):
        found = _seen(argument).words
        return (*found[:4], found[4] + beyond, *found[5:]) if beyond else found
    if isinstance(argument, float):
        return (int(np.float64(argument).view(np.int64)),)
    if isinstance(argument, int):
        return (argument,)
    if argument is None or isinstance(argument, Tile):
        return ()
    raise TypeError(f"{argument!r} is no argument of a kernel: give numbers of Python's own")


class _Seen(NamedTuple):
    """What is known of an array for as long as it lives and has that shape: to find it takes 2 µs.

    Attributes
    ----------
    kind, words
        As `_kind` and `words` have them.
    reference : weak reference
        Which forgets the array when it is gone: another one may have its identity then.
    """

    kind: Any
    words: tuple[int, ...]
    reference: Any


_seen_by_identity: dict[int, _Seen] = {}


def _seen(array: NDArray) -> _Seen:
    known = _seen_by_identity.get(id(array))
    if known is None or known.words[5 : 5 + array.ndim] != array.shape:
        address = array.__array_interface__["data"][0]
        # No owner: whoever keeps the words keeps the array.
        words = (0, 0, array.size, array.itemsize, address, *array.shape, *array.strides)
        kind = array.dtype, array.ndim, array.flags.num
        forget = partial(_seen_by_identity.pop, id(array), None)
        known = _Seen(kind, words, weakref.ref(array, lambda _: forget()))
        _seen_by_identity[id(array)] = known
    return known


def point(words: NDArray, at: int, array: NDArray) -> None:
    """Let the words of an array be those of another, which differs in its length alone."""
    words[at + 2] = array.size
    words[at + 4] = array.__array_interface__["data"][0]
    words[at + 5] = len(array)
