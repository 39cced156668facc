"""Kernels called one after the other, with no Python between them."""

from numba import types
from numba.extending import intrinsic

from ..compilation import kernel
from ..native import CALL
from ..simd import address

#: By the symbols that Numba's threads are loaded with.
_parallel_for = types.ExternalFunction("numba_parallel_for", types.void(*[types.intp] * 8))
_set_num_threads = types.ExternalFunction("set_num_threads", types.void(types.intp))
_get_num_threads = types.ExternalFunction("get_num_threads", types.intp())


@intrinsic
def _call(context, entry, bounds, parts, step, words):
    """Call a function of `native.entry`."""

    def generate(context, builder, signature, args):
        function = builder.inttoptr(args[0], CALL.as_pointer())
        given = [builder.inttoptr(arg, kind) for arg, kind in zip(args[1:], CALL.args, strict=True)]
        builder.call(function, given)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@kernel
def run(calls, words, order_at, order, room, threads):
    """Call kernels one after the other; return the status of the first that fails, or 0.

    Parameters
    ----------
    calls : (calls, 4) int64
        Of each: the address of its entry, the first of its words, how often its loop is done, and
        the threads that it deserves.
    words : (words,) int64
    order_at : (places,) int64
        First words of the arguments that are to be `order`.
    order : (samples,) int64
    room : (4 + threads,) int64
        What it may write into: what the threads of a call are told.
    threads : int
        That a call may take at most.
    """
    for at in order_at:
        words[at + 2] = words[at + 5] = order.size
        words[at + 4] = address(order)
    first, where = address(words), address(room)
    room[0], room[2] = where + 24, 8
    before = _get_num_threads() if threads > 1 else 1
    status = 0
    for each in range(len(calls)):
        entry, at, times = calls[each, 0], calls[each, 1], calls[each, 2]
        parts = room[1] = min(calls[each, 3], threads)
        for part in range(parts + 1):
            room[3 + part] = times * part // parts
        here = first + 8 * at
        if parts == 1:
            _call(entry, where, where + 8, where + 16, here)
        else:
            _parallel_for(entry, where, where + 8, where + 16, here, 0, 1, parts)
        status = words[at]
        if status != 0:
            break
    if threads > 1:
        # The calling thread was told to be one of so many, also in other loops of Numba's.
        _set_num_threads(before)
    return status
