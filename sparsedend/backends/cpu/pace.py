"""One thread or all of them: whichever the machine, as busy as it is now, is faster with.

Where other processes use the cores too, two threads that wait for each other can take ten times as
long as one (bench/results/contention.md). How busy the others are changes, so both are tried now
and then. What comes out is the same bits.
"""

from __future__ import annotations

import statistics
import time
from collections import deque

#: Shares of the time that may go into trying the other number of threads: at first, and then.
FIRST_TRIALS, TRIALS = 0.1, 0.02
#: Calls of each before the two are compared, and of how many of the last the median is taken: one
#: that was interrupted says nothing.
FEW, RECENT = 4, 7
#: Calls of a trial, of which the last counts: threads that have slept are slow at first, and so are
#: cores that have nothing of it near.
BURST = 8
#: Multiply-adds for which one thread is tried first: others gain little at best.
SMALL = 6_000_000
#: How much less the other must take.
LESS = 0.9


class Pace:
    """How many threads a call is to take, by how long those before it took.

    Parameters
    ----------
    threads : int
        At most.
    work : int
        Multiply-adds of a call, about.
    """

    def __init__(self, threads: int, work: int) -> None:
        self._alone = threads == 1
        one, all_of_them = _Tried(1), _Tried(threads)
        small = work < SMALL
        self._chosen, self._other = (one, all_of_them) if small else (all_of_them, one)
        self._now = self._chosen
        self._saved = 0.0
        self._left = 0

    def begin(self) -> int:
        """Threads for the call that begins."""
        if self._alone:
            return 1
        if not self._left and self._saved > BURST * self._other.median:
            self._left = BURST
            self._saved = 0.0
        self._now = self._other if self._left else self._chosen
        self._began = time.perf_counter()
        return self._now.threads

    def end(self) -> None:
        """The call has ended."""
        if self._alone:
            return
        seconds = time.perf_counter() - self._began
        chosen, other = self._chosen, self._other
        known = len(other.seconds) >= FEW
        if not self._left:
            chosen.seconds.append(seconds)
            self._saved += (TRIALS if known else FIRST_TRIALS) * seconds
            return
        self._left -= 1
        if self._left:
            return
        other.seconds.append(seconds)
        other.median = statistics.median(other.seconds)
        chosen.median = statistics.median(chosen.seconds)
        if known and other.median < LESS * chosen.median:
            self._chosen, self._other = other, chosen


class _Tried:
    """How long the last calls with so many threads took, and their median when it was needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.seconds: deque[float] = deque(maxlen=RECENT)
        self.median = 0.0
