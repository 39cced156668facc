"""What threads tell each other through words of memory, and how they wait: no lock, no system."""

import os
import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ..simd.llvm import pointer

_WORD = ir.IntType(64)
#: What tells a core that a loop waits, so that a thread beside it on the same core gets more: an
#: intrinsic of LLVM's and its arguments.
_PAUSES = {
    ("x86_64", "AMD64"): ("llvm.x86.sse2.pause", ()),
    ("aarch64", "arm64"): ("llvm.aarch64.hint", (1,)),
}

#: Let another thread have the core.
give_way = types.ExternalFunction(
    "SwitchToThread" if os.name == "nt" else "sched_yield", types.int32()
)


@intrinsic
def told(_context, array, at):
    """``array[at]`` and all that was written before it by who has put it there."""

    def codegen(context, builder, signature, args):
        return builder.load_atomic(pointer(context, builder, array, *args, _WORD), "acquire", 8)

    return types.int64(array, types.int64), codegen


@intrinsic
def tell_one_more(_context, array, at):
    """``array[at] += 1``, after all that was written before."""

    def codegen(context, builder, signature, args):
        where = pointer(context, builder, array, *args, _WORD)
        builder.atomic_rmw("add", where, _WORD(1), "release")
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@intrinsic
def take(_context, array, at):
    """Put 1 into ``array[at]``; whether there was 0: of several threads it is so for one."""

    def codegen(context, builder, signature, args):
        where = pointer(context, builder, array, *args, _WORD)
        before = builder.atomic_rmw("xchg", where, _WORD(1), "acq_rel")
        return builder.icmp_signed("==", before, _WORD(0))

    return types.boolean(array, types.int64), codegen


@intrinsic
def pause(_context):
    """A moment."""

    def codegen(context, builder, signature, args):
        for name, numbers in (_PAUSES[each] for each in _PAUSES if platform.machine() in each):
            given = [ir.IntType(32)(number) for number in numbers]
            kind = ir.FunctionType(ir.VoidType(), [each.type for each in given])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), given)
        return context.get_dummy_value()

    return types.void(), codegen
