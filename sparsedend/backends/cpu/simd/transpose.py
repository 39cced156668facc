"""Blocks of images turned into rows of a batch, in registers."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .llvm import pick, pointer, splatted
from .types import BLOCK


def _transposed(
    context: Any, builder: ir.IRBuilder, images: Any, starts: Any, args: list[Any]
) -> list[Any]:
    """For each of `BLOCK` columns, a vector of its values in `BLOCK` images.

    `args` are the values of `images`, `starts`, the first image and the first column, as in
    `transpose`.
    """
    images_, starts_, first_, column_ = args
    size = ir.IntType(64)
    block = ir.VectorType(context.get_value_type(images.dtype), BLOCK)
    vectors = []
    for image in range(BLOCK):
        where = builder.add(first_, ir.Constant(size, image))
        start = builder.load(pointer(context, builder, starts, starts_, where, size))
        source = pointer(context, builder, images, images_, builder.add(start, column_), block)
        vectors.append(builder.load(source, align=images.dtype.bitwidth // 8))
    half = BLOCK // 2
    lower, upper = (
        [lane for i in range(start, start + half) for lane in (i, BLOCK + i)] for start in (0, half)
    )
    for _ in range(BLOCK.bit_length() - 1):  # perfect shuffles, as often as BLOCK has bits
        vectors = [
            pick(builder, vectors[i], vectors[half + i], lanes)
            for i in range(half)
            for lanes in (lower, upper)
        ]
    return vectors


def _store_rows(
    context: Any, builder: ir.IRBuilder, array: Any, value: Any, at: Any, rows: list[Any]
) -> None:
    """Write vectors to rows of a matrix, from its row and column `at` on."""
    out = context.make_array(array)(context, builder, value)
    stride = builder.udiv(cgutils.unpack_tuple(builder, out.strides)[0], out.itemsize)
    offset = builder.add(builder.mul(at[0], stride), at[1])
    for vector in rows:
        target = builder.bitcast(builder.gep(out.data, [offset]), vector.type.as_pointer())
        builder.store(vector, target, align=array.dtype.bitwidth // 8)
        offset = builder.add(offset, stride)


@intrinsic
def transpose(_context, images, starts, first, column, scale, out):
    """``out[column + c, first + i] = scale · images[starts[first + i] + column + c]``.

    For i and c below `BLOCK`; `images` is flat, of uint8 or floating dtype.
    """

    def codegen(context, builder, signature, args):
        *source, scale_, out_ = args
        rows = _transposed(context, builder, images, starts, source)
        vector = ir.VectorType(context.get_value_type(out.dtype), BLOCK)
        factor = splatted(builder, scale_, vector)
        if images.dtype == types.uint8:
            rows = [builder.uitofp(row, vector) for row in rows]
        elif images.dtype.bitwidth < out.dtype.bitwidth:
            rows = [builder.fpext(row, vector) for row in rows]
        elif images.dtype.bitwidth > out.dtype.bitwidth:
            rows = [builder.fptrunc(row, vector) for row in rows]
        rows = [builder.fmul(row, factor) for row in rows]
        _store_rows(context, builder, out, out_, (source[3], source[2]), rows)
        return context.get_dummy_value()

    return types.void(images, starts, types.int64, types.int64, out.dtype, out), codegen


@intrinsic
def transpose_pixels(_context, images, starts, low, high, pixel, word, pairs):
    """Pixels of 2 · `BLOCK` images as rows of bfloat16 pairs (see `load`).

    ``pairs[pixel + p, word + i]`` (uint32) gets ``images[starts[low + i] + pixel + p]`` in its low
    half and that of image ``high + i`` in its high half, for i and p below `BLOCK`.
    """

    def codegen(context, builder, signature, args):
        images_, starts_, low_, high_, pixel_, word_, pairs_ = args
        words = ir.VectorType(ir.IntType(32), BLOCK)
        floats = ir.VectorType(ir.FloatType(), BLOCK)

        def float_bits(first: Any) -> list[Any]:
            source = [images_, starts_, first, pixel_]
            rows = _transposed(context, builder, images, starts, source)
            return [builder.bitcast(builder.uitofp(row, floats), words) for row in rows]

        sixteen = ir.Constant(words, [16] * BLOCK)
        rows = [
            builder.or_(builder.lshr(lower, sixteen), upper)
            for lower, upper in zip(float_bits(low_), float_bits(high_), strict=True)
        ]
        _store_rows(context, builder, pairs, pairs_, (pixel_, word_), rows)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(images, starts, int64, int64, int64, int64, pairs), codegen
