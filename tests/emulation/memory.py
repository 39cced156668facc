"""Memory of the device and of the host: guarded, used in order, given out again.

Guards stand around all memory. They are NaN, whatever they are read as, and nothing may write to
them; AddressSanitizer forbids to read them, too, where it is loaded. Each use of memory must be
ordered with those before it that conflict with it. The pool gives what was freed to the next who
allocates on the same stream, at once: nothing on another stream may be using it then.
"""

import ctypes
import weakref
from typing import NamedTuple

import numpy as np

from .builds import BUILD
from .streams import LOCK, Stream, get_current_stream, unsafe

#: Bytes before and after memory. Arithmetic makes another NaN of what they hold, in a double and in
#: every second float, so that a kernel which changes them is found out.
GUARD = 512
PATTERN = np.uint64(0x7FF47DA57FA57DA5)
_REPEATED = np.full(GUARD, PATTERN).view(np.uint8)


class Use(NamedTuple):
    """Of memory, by an operation of that number on a stream: bytes from `first` to `last`."""

    stream: Stream
    number: int
    first: int
    last: int
    written: bool
    what: str


class Freed(NamedTuple):
    """Memory that was freed while other streams may have used it."""

    size: int
    uses: list


class Guarded:
    """Bytes between guards, wherever they belong."""

    def __init__(self, size):
        self.size = size
        self.raw = np.full((size + 3 * GUARD) // 8 + 1, PATTERN).view(np.uint8)
        self.start = GUARD + -(self.raw.ctypes.data + GUARD) % GUARD
        self.bytes = self.raw[self.start : self.start + size]
        self.guards = self.raw[: self.start], self.raw[self.start + size :]
        for each in self.guards:
            _forbid(each)

    def check(self, what):
        """See that nothing was written to the guards."""
        if BUILD.runtime == "libasan.so":  # It does itself, and these may not be read.
            return
        for part, phase in zip(self.guards, (0, self.size % 8), strict=True):
            if (part != _REPEATED[phase : phase + len(part)]).any():
                raise AssertionError(f"{what} wrote beyond the ends of an array")


class Memory:
    """Memory of the device, of the pool of the stream that it was allocated on.

    Attributes
    ----------
    allocated, used : int
        Bytes, of all memory that there ever was, and that there is.
    guarded : Guarded
        What it consists of.
    uses : list of Use
    """

    allocated = used = 0

    def __init__(self, size):
        unsafe("memory is allocated")
        home = get_current_stream()
        with LOCK:
            _check_pool(home, size)
            Memory.allocated += size
            Memory.used += size
        self.size, self.uses = size, []
        self.guarded = Guarded(size)
        self.bytes = self.guarded.bytes
        # What nothing has written is NaN in any floating type.
        self.bytes[:] = 0xFF
        weakref.finalize(self, _free, home, size, self.uses).atexit = False

    def use(self, new):
        """Note a use, which must be ordered with all others that conflict with it."""
        with LOCK:
            left = []
            for old in self.uses:
                meets = old.first < new.last and new.first < old.last
                if meets and (old.written or new.written):
                    assert old.stream.precedes(new.stream, old.number), (
                        f"{new.what} uses memory that {old.what} uses on another stream, and "
                        "neither waits for the other"
                    )
                covers = new.first <= old.first and old.last <= new.last
                same = old.stream is new.stream and new.written >= old.written
                if not (covers and (new.written or same)):
                    left.append(old)
            self.uses[:] = [*left, new]


def _check_pool(home, size):
    """See that nobody uses what the pool may give out."""
    freed, before = [], list(home.freed)
    for each in before:
        uses = [use for use in each.uses if not use.stream.precedes(home, use.number)]
        if uses and size <= each.size:
            raise AssertionError(
                f"memory that was freed is given out again, and {uses[0].what} may still use it "
                "on another stream"
            )
        if uses:
            freed.append(Freed(each.size, uses))
    home.freed[: len(before)] = freed


def _free(home, size, uses):
    with LOCK:
        Memory.used -= size
        others = [use for use in uses if use.stream is not home]
        if others:
            home.freed.append(Freed(size, others))


def _forbid(part):
    """Have AddressSanitizer report who reads or writes these bytes."""
    if BUILD.runtime == "libasan.so":
        poison = ctypes.CDLL(None).__asan_poison_memory_region
        poison(ctypes.c_void_p(part.ctypes.data), ctypes.c_size_t(part.size))


class PinnedMemory(np.ndarray):
    """Seen by both sides at the same address."""


def alloc_pinned_memory(size):
    memory = Memory(size)
    pinned = memory.bytes.view(PinnedMemory)
    pinned.memory, pinned.ptr = memory, pinned.ctypes.data
    return pinned


class HostBytes:
    """What an array of the host holds when it is copied, which may be later.

    Parameters
    ----------
    values : np.ndarray
    """

    def __init__(self, values):
        owner = values
        while isinstance(owner.base, np.ndarray | memoryview):
            base = owner.base
            owner = base.obj if isinstance(base, memoryview) else base
        self._owner = weakref.ref(owner)
        self._address, self._size = values.ctypes.data, values.nbytes

    def get(self):
        assert self._owner() is not None, "memory of the host was freed before it was copied"
        return np.frombuffer(ctypes.string_at(self._address, self._size), np.uint8)
