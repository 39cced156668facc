"""Pieces of LLVM's intermediate representation, of which the vector operations are made."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from .types import REGISTER


def pointer(
    context: Any, builder: ir.IRBuilder, array: Any, value: Any, offset: Any, target: ir.Type
) -> Any:
    """Address of the element `offset` of an array, as a pointer to the type `target`."""
    data = context.make_array(array)(context, builder, value).data
    return builder.bitcast(builder.gep(data, [offset], inbounds=True), target.as_pointer())


def pick(builder: ir.IRBuilder, a: Any, b: Any, lanes: list[int]) -> Any:
    """Lanes of a (from 0) and b (from a's number of lanes on)."""
    return builder.shuffle_vector(
        a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
    )


def multiply_add(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """``a · b + c``."""
    # fmuladd, not fma: without the instruction a true fma would be a library call per lane.
    vector = a.type
    bits = 32 if isinstance(vector.element, ir.FloatType) else 64
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(vector, [vector] * 3),
        f"llvm.fmuladd.v{vector.count}f{bits}",
    )
    return builder.call(function, [a, b, c])


def halves_added(builder: ir.IRBuilder, vector: Any, lanes: int) -> Any:
    """Add the upper half to the lower until `lanes` remain."""
    while vector.type.count > lanes:
        half = vector.type.count // 2
        lower = pick(builder, vector, vector, list(range(half)))
        upper = pick(builder, vector, vector, list(range(half, 2 * half)))
        vector = builder.fadd(lower, upper)
    return vector


def product_sums(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """Products of a and b, added up register by register: a vector of one register's lanes."""
    step = min(REGISTER, a.type.count)
    sums = None
    for start in range(0, a.type.count, step):
        lanes = list(range(start, start + step))
        x, y = pick(builder, a, a, lanes), pick(builder, b, b, lanes)
        sums = builder.fmul(x, y) if sums is None else multiply_add(builder, x, y, sums)
    return sums


def splatted(builder: ir.IRBuilder, number: Any, vector: ir.VectorType) -> Any:
    """The number in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return pick(builder, one, empty, [0] * vector.count)


def first_lane(builder: ir.IRBuilder, vector: Any) -> Any:
    """Number in lane 0."""
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))
