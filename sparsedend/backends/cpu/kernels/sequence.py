"""Kernels called one after the other, with no Python between them."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..compilation import kernel_without_threads

WORDS = ir.IntType(64).as_pointer()


@intrinsic
def _call(context, address, arguments):
    """Call a function of `native.entry` with the address of its arguments' words."""

    def generate(context, builder, signature, args):
        shape = ir.FunctionType(ir.IntType(32), [WORDS])
        function = builder.inttoptr(args[0], shape.as_pointer())
        return builder.call(function, [builder.inttoptr(args[1], WORDS)])

    return types.int32(types.int64, types.int64), generate


#: By the symbol that Numba's threads are loaded with; its Python function would keep `run` from
#: being kept on disk.
_set_num_threads = types.ExternalFunction("set_num_threads", types.void(types.intp))


@kernel_without_threads
def run(calls, words, order_at, order, before, threads):
    """Call kernels one after the other; return the status of the first that fails, or 0.

    Parameters
    ----------
    calls : (calls, 3) int64
        Of each: the address of its entry, the first of its words, the threads that it deserves.
    words : (words,) int64
    order_at : (places,) int64
        First words of the arguments that are to be `order`.
    order : (samples,) int64
    before, threads : int
        The calling thread's number of threads, and how many a call may take at most.
    """
    for at in order_at:
        words[at + 2] = words[at + 5] = order.size
        words[at + 4] = order.ctypes.data
    first = words.ctypes.data
    now = before
    status = 0
    for each in range(len(calls)):
        wanted = min(calls[each, 2], threads)
        if wanted != now:
            _set_num_threads(wanted)
            now = wanted
        status = _call(calls[each, 0], first + 8 * calls[each, 1])
        if status != 0:
            break
    if now != before:
        _set_num_threads(before)
    return status
