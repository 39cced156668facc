"""Plugin of pytest: raw loads and stores that end the process when they leave their array.

``python -m pytest -p tests.backends.cpu.bounds``, with a folder of its own in ``NUMBA_CACHE_DIR``.
"""

from llvmlite import ir
from numba.core import cgutils

from sparsedend.backends.cpu.simd import llvm, operations, transpose

SIZE = ir.IntType(64)
unchecked = llvm.pointer


def pointer(context, builder, array, value, offset, target):
    made = context.make_array(array)(context, builder, value)
    length = context.get_abi_sizeof(target)
    first = builder.mul(builder.sext(offset, SIZE), made.itemsize)
    last = builder.add(first, ir.Constant(SIZE, length))
    room = builder.mul(made.nitems, made.itemsize)
    negative = builder.icmp_signed("<", first, ir.Constant(SIZE, 0))
    beyond = builder.icmp_signed(">", last, room)
    with builder.if_then(builder.or_(negative, beyond), likely=False):
        trap = ir.FunctionType(ir.VoidType(), [])
        builder.call(cgutils.get_or_insert_function(builder.module, trap, "llvm.trap"), [])
    return unchecked(context, builder, array, value, offset, target)


operations.pointer = transpose.pointer = pointer
