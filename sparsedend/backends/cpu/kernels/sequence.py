"""Kernels called one after the other, with no Python between them, by one thread or several.

A parallel region of Numba's for each kernel costs 4 µs, which is what the small ones of a step
take. Here threads come together once for all kernels. Each does its own part of a kernel, then any
that nobody has begun, and goes on to the next kernel when all parts of this one are done. So nobody
waits for a thread that is late, since other processes have its core: only for one that has begun.
"""

from numba import types
from numba.extending import intrinsic

from ..compilation import inlined, kernel
from ..native import CALL
from ..simd import address
from .atomics import give_way, pause, take, tell_one_more, told

#: Columns of a part: the entry of its kernel, the first of its words, where its bounds are, how
#: many come after the first, the two bounds, and how many parts the kernel has. It fills a cache
#: line.
ENTRY, WORDS, WHERE, AFTER, FIRST, LAST, PARTS = range(7)
COLUMNS = 8
#: Words of the room: parts that are done, the status of a kernel that failed, and from then on
#: which parts are begun, in other cache lines.
DONE, FAILED, BEGUN = 0, 1, 8
#: Turns of waiting after which another thread, or another process, is let have the core: 50 µs.
TURNS = 1000

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


@inlined
def _do(parts, part, words, room):
    if room[FAILED] == 0:
        row = address(parts) + 8 * COLUMNS * part
        at = parts[part, WORDS]
        _call(parts[part, ENTRY], row + 8 * WHERE, row + 8 * AFTER, row, address(words) + 8 * at)
        if words[at] != 0:
            room[FAILED] = words[at]


@kernel
def share(thread, _, parts, words, room):
    """What one of several threads does: its own part of each kernel, and any that is not begun.

    Parameters
    ----------
    thread : int
    parts, words, room
        As for `run`.
    """
    first = 0
    while first < len(parts):
        turns = 0
        while told(room, DONE) < first:
            turns += 1
            if turns < TURNS:
                pause()
            else:
                give_way()
        count = parts[first, PARTS]
        for turn in range(count):
            part = first + (thread + turn) % count
            if told(room, BEGUN + part) == 0 and take(room, BEGUN + part):
                _do(parts, part, words, room)
                tell_one_more(room, DONE)
        first += count


@kernel
def run(parts, words, order_at, order, room, threads, entry, numbers, shared):
    """Call kernels one after the other; return the status of one that fails, or 0.

    Parameters
    ----------
    parts : (parts, `COLUMNS`) int64
        In the order of the kernels.
    words : (words,) int64
    order_at : (places,) int64
        First words of the arguments that are to be `order`.
    order : (samples,) int64
    room : (`BEGUN` + parts,) int64
        What threads tell each other.
    threads : int
    entry, numbers, shared : int
        Where there are several: the entry of `share`, where their numbers are as Numba's threads
        take them, and its words.
    """
    for at in order_at:
        words[at + 2] = words[at + 5] = order.size
        words[at + 4] = address(order)
    room[:] = 0
    # Before anybody begins: parts of one kernel share their status.
    for part in range(len(parts)):
        words[parts[part, WORDS]] = 0
    if threads == 1:
        for part in range(len(parts)):
            _do(parts, part, words, room)
    else:
        # The calling thread is told to be one of so many, also in other loops of Numba's.
        before = _get_num_threads()
        _parallel_for(entry, numbers, numbers + 8, numbers + 16, shared, 0, 1, threads)
        _set_num_threads(before)
    return room[FAILED]
