"""What a backend sets while it computes: threads; and what it hears of: compilation."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numba
from numba.core import event

from .compilation import one_at_a_time, without_threads

#: Numba's own threads serve one caller at a time, and end the process of a second one.
_turn = threading.RLock()


class _Inside(threading.local):
    """Of each thread: how often it is inside `limited`, and its number of threads outside."""

    depth = 0
    before = 0


class Limited:
    """What `NumbaBackend.limited` returns; inside another one of the same backend, nothing.

    Small steps enter it by the ten thousand, which as a generator would cost them 5 %.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.inside = threads, _Inside()

    def __enter__(self) -> None:
        self.inside.depth += 1
        if self.inside.depth > 1 or without_threads():
            return
        if one_at_a_time():
            _turn.acquire()
        self.inside.before = numba.get_num_threads()
        if self.inside.before != self.threads:
            numba.set_num_threads(self.threads)

    def __exit__(self, *error: object) -> None:
        self.inside.depth -= 1
        if self.inside.depth > 0 or without_threads():
            return
        if self.inside.before != self.threads:
            numba.set_num_threads(self.inside.before)
        if one_at_a_time():
            _turn.release()


class Compilations(event.Listener):
    """Calls `tell` whenever Numba compiles."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def on_start(self, event: event.Event) -> None:
        """Tell it."""
        self.tell()

    def on_end(self, event: event.Event) -> None:
        """Nothing: it was told."""
