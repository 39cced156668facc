"""Operations on vectors: each becomes a few instructions inside a Numba function.

LLVM splits a vector into the machine's registers. Nothing here checks bounds.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .llvm import (
    first_lane,
    halves_added,
    multiply_add,
    pick,
    pointer,
    product_sums,
    splatted,
)
from .types import SUMS, Mask, Vector, lanes_of


@intrinsic
def item(_context, array, offset):
    """``array[offset]`` without the wrap-around of negative indices; int32 as int64.

    Indices of one type have what works with them compiled once.
    """
    wide = types.int64 if array.dtype == types.int32 else array.dtype

    def codegen(context, builder, signature, args):
        target = context.get_value_type(array.dtype)
        found = builder.load(pointer(context, builder, array, *args, target))
        return found if wide == array.dtype else builder.sext(found, ir.IntType(64))

    return wide(array, types.int64), codegen


@intrinsic
def row(_context, index, width, t):
    """Offset of sample t in a row of a flat array: ``index * width + t``.

    Numba compiles a function of its own for each such sum, which takes longer than all else of it.
    """

    def codegen(context, builder, signature, args):
        index, width, t = args
        return builder.add(builder.mul(index, width), t)

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def put(_context, array, offset, number):
    """``array[offset] = number``, likewise; the number takes the array's dtype."""

    def codegen(context, builder, signature, args):
        target = context.get_value_type(array.dtype)
        builder.store(args[2], pointer(context, builder, array, *args[:2], target))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), codegen


@intrinsic
def address(_context, array):
    """Where the first element lies in memory."""

    def codegen(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), codegen


@intrinsic(prefer_literal=True)
def load(_context, array, offset, lanes):
    """Lanes `offset` … of a flat array.

    From an array of uint16 (see `kernels.batches.take_pixels`) come float32 values: 32-bit word i
    of a tile holds the bfloat16 of sample i in its low half and that of sample i + lanes/2 in its
    high half, and a bfloat16 is the high half of a float32.
    """
    pixels = array.dtype == types.uint16
    vector = Vector(types.float32 if pixels else array.dtype, lanes_of(lanes))

    def codegen(context, builder, signature, args):
        if not pixels:
            target = context.get_value_type(vector)
            align = vector.dtype.bitwidth // 8
            place = pointer(context, builder, array, *args[:2], target)
            return builder.load(place, align=align)
        half = vector.lanes // 2
        words = ir.VectorType(ir.IntType(32), half)
        floats = ir.VectorType(ir.FloatType(), half)
        pairs = builder.load(pointer(context, builder, array, *args[:2], words), align=4)
        low = builder.shl(pairs, ir.Constant(words, [16] * half))
        high = builder.and_(pairs, ir.Constant(words, [-0x10000] * half))
        low, high = builder.bitcast(low, floats), builder.bitcast(high, floats)
        return pick(builder, low, high, list(range(vector.lanes)))

    return vector(array, offset, lanes), codegen


@intrinsic
def store(_context, array, offset, vector):
    """Write a vector to the lanes `offset` … of a flat array."""

    def codegen(context, builder, signature, args):
        place = pointer(context, builder, array, args[0], args[1], args[2].type)
        builder.store(args[2], place, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, offset, vector), codegen


@intrinsic
def store_mask(_context, array, offset, mask):
    """Write a mask as bits, from byte `offset` of a flat uint8 array on."""

    def codegen(context, builder, signature, args):
        bits = ir.IntType(mask.lanes)
        place = pointer(context, builder, array, args[0], args[1], bits)
        builder.store(builder.bitcast(args[2], bits), place, align=1)
        return context.get_dummy_value()

    return types.void(array, offset, mask), codegen


@intrinsic(prefer_literal=True)
def load_mask(_context, array, offset, lanes):
    """Read what `store_mask` wrote."""
    mask = Mask(lanes_of(lanes))

    def codegen(context, builder, signature, args):
        bits = builder.load(
            pointer(context, builder, array, args[0], args[1], ir.IntType(mask.lanes)), align=1
        )
        return builder.bitcast(bits, context.get_value_type(mask))

    return mask(array, offset, lanes), codegen


@intrinsic(prefer_literal=True)
def splat(_context, number, lanes):
    """One number in every lane."""
    vector = Vector(number, lanes_of(lanes))

    def codegen(context, builder, signature, args):
        return splatted(builder, args[0], context.get_value_type(vector))

    return vector(number, lanes), codegen


@intrinsic
def mul(_context, a, b):
    """``a * b``."""
    return a(a, b), lambda context, builder, signature, args: builder.fmul(*args)


@intrinsic
def muladd(_context, a, b, c):
    """``a * b + c``."""
    return c(a, b, c), lambda context, builder, signature, args: multiply_add(builder, *args)


@intrinsic
def positive(_context, a):
    """``a > 0``."""

    def codegen(context, builder, signature, args):
        return builder.fcmp_ordered(">", args[0], ir.Constant(args[0].type, [0.0] * a.lanes))

    return Mask(a.lanes)(a), codegen


@intrinsic
def select(_context, mask, a, b):
    """``a`` where the mask is true, else ``b``."""
    return a(mask, a, b), lambda context, builder, signature, args: builder.select(*args)


@intrinsic
def total(_context, a):
    """Sum of all lanes, always in the same order."""

    def codegen(context, builder, signature, args):
        return first_lane(builder, halves_added(builder, args[0], 1))

    return a.dtype(a), codegen


@intrinsic
def dot(_context, a, b):
    """Sum of ``a * b`` over all lanes, always in the same order."""

    def codegen(context, builder, signature, args):
        return first_lane(builder, halves_added(builder, product_sums(builder, *args), 1))

    return a.dtype(a, b), codegen


@intrinsic
def dots(_context, a, b0, b1, b2, b3):
    """``(dot(a, b0), dot(a, b1), dot(a, b2), dot(a, b3))`` as a vector of `SUMS` lanes.

    Four at once share the final additions across lanes: as a transpose within groups of four
    lanes, 2.5 shuffles a dot product instead of four.
    """

    def codegen(context, builder, signature, args):
        p, q, r, s = (product_sums(builder, args[0], b) for b in args[1:])
        lanes = p.type.count
        if lanes == 1:
            two = [0, 1]
            return pick(builder, pick(builder, p, q, two), pick(builder, r, s, two), [0, 1, 2, 3])
        groups = range(0, lanes, SUMS)

        def interleaved(x: Any, y: Any, lanes_of: Callable[[int], list[int]]) -> Any:
            return pick(builder, x, y, [lane for group in groups for lane in lanes_of(group)])

        def added(x: Any, y: Any, lower: Callable, upper: Callable) -> Any:
            return builder.fadd(interleaved(x, y, lower), interleaved(x, y, upper))

        def ones(x: Any, y: Any) -> Any:  # (x0, y0, x1, y1) + (x2, y2, x3, y3)
            return added(
                x,
                y,
                lambda g: [g, lanes + g, g + 1, lanes + g + 1],
                lambda g: [g + 2, lanes + g + 2, g + 3, lanes + g + 3],
            )

        def twos(x: Any, y: Any) -> Any:  # (x0, x1, y0, y1) + (x2, x3, y2, y3)
            return added(
                x,
                y,
                lambda g: [g, g + 1, lanes + g, lanes + g + 1],
                lambda g: [g + 2, g + 3, lanes + g + 2, lanes + g + 3],
            )

        return halves_added(builder, twos(ones(p, q), ones(r, s)), SUMS)

    return Vector(a.dtype, SUMS)(a, b0, b1, b2, b3), codegen
