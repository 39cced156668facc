"""Vectors of many lanes as values inside Numba functions.

Numba has no vector type, and LLVM's loop vectoriser does not keep a batch's partial sums in
registers across the synapses of a dendrite. These few intrinsics do: a `Vector` holds one number
for each sample of a tile, LLVM splits it into the machine's registers, and a kernel reads as the
equation it computes. Nothing here checks bounds.

The arithmetic that comes out was measured against loops left to the vectoriser; the figures stand
in ``bench/results/step.md``.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import (
    NativeValue,
    intrinsic,
    models,
    overload_attribute,
    register_model,
    unbox,
)

__all__ = [
    "BLOCK",
    "SUMS",
    "TILE",
    "Tile",
    "dot",
    "dots",
    "item",
    "load",
    "load_mask",
    "mul",
    "muladd",
    "positive",
    "select",
    "splat",
    "store",
    "store_mask",
    "total",
    "transpose",
    "transpose_pixels",
]


def _float32_lanes() -> int:
    """Float32 lanes of this machine's widest vector register."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") else 4


REGISTER = _float32_lanes()
#: Samples that a kernel takes at once where there are enough: eight registers of float32, so that
#: eight sums are under way.
TILE = 8 * REGISTER
#: Dot products that `dots` takes at once.
SUMS = 4
#: Images, and values of each, that are transposed at once.
BLOCK = 16


class Vector(types.Type):
    """`lanes` numbers of one dtype."""

    def __init__(self, dtype: types.Type, lanes: int) -> None:
        self.dtype = dtype
        self.lanes = lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


class Mask(types.Type):
    """`lanes` truth values."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"Mask({lanes})")


class TileType(types.Opaque):
    """Of a `Tile`: a kernel is compiled for each number of lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"Tile({lanes})")


class Tile:
    """Samples that a kernel is to take at once, told by the type of its argument.

    Parameters
    ----------
    lanes : int
        A power of two.
    """

    def __init__(self, lanes: int) -> None:
        self._numba_type_ = TileType(lanes)


@register_model(TileType)
class _TileModel(models.OpaqueModel):
    pass


@unbox(TileType)
def _unbox_tile(numba_type, tile, context):  # type: ignore[no-untyped-def]
    return NativeValue(context.context.get_dummy_value())


@overload_attribute(TileType, "lanes", inline="always")
def _tile_lanes(tile):  # type: ignore[no-untyped-def]
    lanes = tile.lanes
    return lambda tile: lanes


def _count(lanes: Any) -> int:
    """Lanes that a literal number or a tile asks for."""
    return lanes.lanes if isinstance(lanes, TileType) else lanes.literal_value


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Vector) -> None:
        element = manager.lookup(numba_type.dtype).get_value_type()
        super().__init__(manager, numba_type, ir.VectorType(element, numba_type.lanes))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Mask) -> None:
        super().__init__(manager, numba_type, ir.VectorType(ir.IntType(1), numba_type.lanes))


def _pointer(
    context: Any, builder: ir.IRBuilder, array: Any, value: Any, offset: Any, target: ir.Type
) -> Any:
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [offset], inbounds=True), target.as_pointer())


def _pick(builder: ir.IRBuilder, a: Any, b: Any, lanes: list[int]) -> Any:
    """Lanes of a (from 0) and b (from a's number of lanes on)."""
    return builder.shuffle_vector(
        a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
    )


def _muladd(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    # fmuladd, not fma: without the instruction a true fma would be a library call per lane.
    vector = a.type
    bits = 32 if isinstance(vector.element, ir.FloatType) else 64
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(vector, [vector] * 3),
        f"llvm.fmuladd.v{vector.count}f{bits}",
    )
    return builder.call(function, [a, b, c])


def _halves_added(builder: ir.IRBuilder, vector: Any, lanes: int) -> Any:
    """Add the upper half to the lower until `lanes` remain."""
    while vector.type.count > lanes:
        half = vector.type.count // 2
        lower = _pick(builder, vector, vector, list(range(half)))
        upper = _pick(builder, vector, vector, list(range(half, 2 * half)))
        vector = builder.fadd(lower, upper)
    return vector


def _product_sums(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """Products of a and b, added up register by register: a vector of one register's lanes."""
    step = min(REGISTER, a.type.count)
    sums = None
    for start in range(0, a.type.count, step):
        lanes = list(range(start, start + step))
        x, y = _pick(builder, a, a, lanes), _pick(builder, b, b, lanes)
        sums = builder.fmul(x, y) if sums is None else _muladd(builder, x, y, sums)
    return sums


def _splat(builder: ir.IRBuilder, number: Any, vector: ir.VectorType) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return _pick(builder, one, empty, [0] * vector.count)


def _first(builder: ir.IRBuilder, vector: Any) -> Any:
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


@intrinsic
def item(_context, array, offset):  # type: ignore[no-untyped-def]
    """``array[offset]`` without the wrap-around of negative indices."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        target = context.get_value_type(array.dtype)
        return builder.load(_pointer(context, builder, array, *args, target))

    return array.dtype(array, offset), codegen


@intrinsic(prefer_literal=True)
def load(_context, array, offset, lanes):  # type: ignore[no-untyped-def]
    """Lanes `offset` … of a flat array.

    From an array of uint16 (see `numba_kernels.take_pixels`) come float32 values: 32-bit word i
    of a tile holds the bfloat16 of sample i in its low half and that of sample i + lanes/2 in its
    high half, and a bfloat16 is the high half of a float32.
    """
    pixels = array.dtype == types.uint16
    vector = Vector(types.float32 if pixels else array.dtype, _count(lanes))

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        if not pixels:
            target = context.get_value_type(vector)
            align = vector.dtype.bitwidth // 8
            pointer = _pointer(context, builder, array, *args[:2], target)
            return builder.load(pointer, align=align)
        half = vector.lanes // 2
        words = ir.VectorType(ir.IntType(32), half)
        floats = ir.VectorType(ir.FloatType(), half)
        pairs = builder.load(_pointer(context, builder, array, *args[:2], words), align=4)
        low = builder.shl(pairs, ir.Constant(words, [16] * half))
        high = builder.and_(pairs, ir.Constant(words, [-0x10000] * half))
        low, high = builder.bitcast(low, floats), builder.bitcast(high, floats)
        return _pick(builder, low, high, list(range(vector.lanes)))

    return vector(array, offset, lanes), codegen


@intrinsic
def store(_context, array, offset, vector):  # type: ignore[no-untyped-def]
    """Write a vector to the lanes `offset` … of a flat array."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, array, args[0], args[1], args[2].type)
        builder.store(args[2], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, offset, vector), codegen


@intrinsic
def store_mask(_context, array, offset, mask):  # type: ignore[no-untyped-def]
    """Write a mask as bits, from byte `offset` of a flat uint8 array on."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        bits = ir.IntType(mask.lanes)
        pointer = _pointer(context, builder, array, args[0], args[1], bits)
        builder.store(builder.bitcast(args[2], bits), pointer, align=1)
        return context.get_dummy_value()

    return types.void(array, offset, mask), codegen


@intrinsic(prefer_literal=True)
def load_mask(_context, array, offset, lanes):  # type: ignore[no-untyped-def]
    """Read what `store_mask` wrote."""
    mask = Mask(_count(lanes))

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        bits = builder.load(
            _pointer(context, builder, array, args[0], args[1], ir.IntType(mask.lanes)), align=1
        )
        return builder.bitcast(bits, context.get_value_type(mask))

    return mask(array, offset, lanes), codegen


@intrinsic(prefer_literal=True)
def splat(_context, number, lanes):  # type: ignore[no-untyped-def]
    """One number in every lane."""
    vector = Vector(number, _count(lanes))

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _splat(builder, args[0], context.get_value_type(vector))

    return vector(number, lanes), codegen


@intrinsic
def mul(_context, a, b):  # type: ignore[no-untyped-def]
    """``a * b``."""
    return a(a, b), lambda context, builder, signature, args: builder.fmul(*args)


@intrinsic
def muladd(_context, a, b, c):  # type: ignore[no-untyped-def]
    """``a * b + c``."""
    return c(a, b, c), lambda context, builder, signature, args: _muladd(builder, *args)


@intrinsic
def positive(_context, a):  # type: ignore[no-untyped-def]
    """``a > 0``."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.fcmp_ordered(">", args[0], ir.Constant(args[0].type, [0.0] * a.lanes))

    return Mask(a.lanes)(a), codegen


@intrinsic
def select(_context, mask, a, b):  # type: ignore[no-untyped-def]
    """``a`` where the mask is true, else ``b``."""
    return a(mask, a, b), lambda context, builder, signature, args: builder.select(*args)


@intrinsic
def total(_context, a):  # type: ignore[no-untyped-def]
    """Sum of all lanes, always in the same order."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _first(builder, _halves_added(builder, args[0], 1))

    return a.dtype(a), codegen


@intrinsic
def dot(_context, a, b):  # type: ignore[no-untyped-def]
    """Sum of ``a * b`` over all lanes, always in the same order."""

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _first(builder, _halves_added(builder, _product_sums(builder, *args), 1))

    return a.dtype(a, b), codegen


@intrinsic
def dots(_context, a, b0, b1, b2, b3):  # type: ignore[no-untyped-def]
    """``(dot(a, b0), dot(a, b1), dot(a, b2), dot(a, b3))`` as a vector of `SUMS` lanes.

    Four at once share the final additions across lanes: as a transpose within groups of four
    lanes, 2.5 shuffles a dot product instead of four.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        p, q, r, s = (_product_sums(builder, args[0], b) for b in args[1:])
        lanes = p.type.count
        groups = range(0, lanes, SUMS)

        def interleaved(x: Any, y: Any, lanes_of: Callable[[int], list[int]]) -> Any:
            return _pick(builder, x, y, [lane for group in groups for lane in lanes_of(group)])

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

        return _halves_added(builder, twos(ones(p, q), ones(r, s)), SUMS)

    return Vector(a.dtype, SUMS)(a, b0, b1, b2, b3), codegen


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
        start = builder.load(_pointer(context, builder, starts, starts_, where, size))
        source = _pointer(context, builder, images, images_, builder.add(start, column_), block)
        vectors.append(builder.load(source, align=images.dtype.bitwidth // 8))
    half = BLOCK // 2
    lower, upper = (
        [lane for i in range(start, start + half) for lane in (i, BLOCK + i)] for start in (0, half)
    )
    for _ in range(BLOCK.bit_length() - 1):  # perfect shuffles, as often as BLOCK has bits
        vectors = [
            _pick(builder, vectors[i], vectors[half + i], lanes)
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
def transpose(_context, images, starts, first, column, scale, out):  # type: ignore[no-untyped-def]
    """``out[column + c, first + i] = scale · images[starts[first + i] + column + c]``.

    For i and c below `BLOCK`; `images` is flat, of uint8 or floating dtype.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        *source, scale_, out_ = args
        rows = _transposed(context, builder, images, starts, source)
        vector = ir.VectorType(context.get_value_type(out.dtype), BLOCK)
        factor = _splat(builder, scale_, vector)
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
def transpose_pixels(_context, images, starts, low, high, pixel, word, pairs):  # type: ignore[no-untyped-def]
    """Pixels of 2 · `BLOCK` images as rows of bfloat16 pairs (see `load`).

    ``pairs[pixel + p, word + i]`` (uint32) gets ``images[starts[low + i] + pixel + p]`` in its low
    half and that of image ``high + i`` in its high half, for i and p below `BLOCK`.
    """

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
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
