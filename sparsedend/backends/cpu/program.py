"""Kernels with their arguments: one at a time, or many as one native call."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import aligned_zeros
from ..types import Array, Rates
from . import native
from .compilation import one_at_a_time, without_threads
from .kernels import sequence

#: Multiply-adds for which a second thread pays: what one does while threads come together, which
#: takes 4 µs, and what it does while they go on to the next call, 0.5 µs.
WORTH_MEETING, WORTH_A_THREAD = 60_000, 10_000
#: Numba's own threads serve one caller at a time, and end the process of a second one.
_turn = threading.Lock()
#: An order where there is none.
NOWHERE = np.empty(0, np.int64)


class Call(NamedTuple):
    """A kernel with its arguments.

    Attributes
    ----------
    kernel : dispatcher
    times : int or None
        How often its loop is done, which threads may share; None where there is none to share.
    work : int
        Multiply-adds, about.
    arguments : tuple of array, number, Tile or None
    rates : tuple of float
        The batch's, where they are among the arguments.
    rates_from : int
        From which argument on.
    """

    kernel: Any
    times: int | None
    work: int
    arguments: tuple[Any, ...]
    rates: Rates = ()
    rates_from: int = 0

    def threads(self, most: int, *, alone: bool = False) -> int:
        """Threads that it deserves, among others or `alone`."""
        if self.times is None:
            return 1
        worth = WORTH_MEETING if alone else WORTH_A_THREAD
        return max(1, min(most, self.times, self.work // worth))

    def _here(self, most: int) -> int:
        """The same in this process, for a call by itself."""
        return 1 if without_threads() else self.threads(most, alone=True)

    def at(self, words: list[int], most: int, *, each: bool = False) -> Placed:
        """The same for a program with so many threads at most, in which its words begin there."""
        entry = native.entry(self.kernel, self.arguments, shared=self.times is not None)
        threads = most if each else self.threads(most)
        return Placed(entry, words, self.times or 0, threads, each)

    def compile(self, most: int) -> None:
        """Compile what `do` calls, so that it is soon left."""
        threads = self._here(most)
        call = self.at([0], threads)
        if threads > 1:
            Program([call], [], [], threads).compile(NOWHERE)

    def do(self, most: int) -> None:
        """Do it now, with so many threads at most."""
        threads = self._here(most)
        if threads == 1:
            whole = () if self.times is None else (0, self.times)
            self.kernel(*whole, *self.arguments)
            return
        words = [0, *chain.from_iterable(map(native.words, self.arguments))]
        Program([self.at([0], threads)], words, [], threads).run(NOWHERE, threads)


class Placed(NamedTuple):
    """A call whose arguments are among the words of a program.

    Attributes
    ----------
    entry : int
        Of `native.entry`.
    words : list of int
        The first of its words; of as many threads as there are of these, each one's own.
    times, threads : int
        How often its loop is done, and the threads that it deserves.
    each : bool
        Whether each of them does the whole loop.
    """

    entry: int
    words: list[int]
    times: int
    threads: int
    each: bool

    def parts(self, most: int) -> list[tuple[int, ...]]:
        """Rows of the table that `sequence.run` takes, but for where their bounds are."""
        count = min(self.threads, most)
        bounds = [self.times * part // count for part in range(count + 1)]
        shares = [(0, self.times)] * count if self.each else list(pairwise(bounds))
        return [
            (self.entry, self.words[part % len(self.words)], 0, 1, *share, count, 0)
            for part, share in enumerate(shares)
        ]


class Program:
    """Calls one after the other as a native call, by one thread or by several.

    Parameters
    ----------
    calls : list of Placed
    words : list of int
        Of all arguments.
    order_at : list of int
        First words of the arguments that are the order.
    threads : int
        At most.

    Attributes
    ----------
    words : (words,) int64
        They may be changed.
    """

    def __init__(
        self, calls: list[Placed], words: list[int], order_at: list[int], threads: int
    ) -> None:
        self.words = np.array(words, np.int64)
        self._order_at = np.array(order_at, np.int64)
        self._one = _table(calls, 1)
        self._all = _table(calls, threads)
        self._room = aligned_zeros(sequence.BEGUN + len(self._all), np.int64)
        self._numbers = _numbers(threads)
        given = self._all, self.words, self._room
        self._shared = np.array([0, *chain.from_iterable(map(native.words, given))])
        self._entry = native.entry(sequence.share, given, shared=True) if threads > 1 else 0
        self._where = _address(self._numbers), _address(self._shared)

    def run(self, order: Array, threads: int) -> None:
        """Do it, by one thread or all of them.

        Raises
        ------
        MemoryError
            Where a kernel gets no memory.
        """
        if threads == 1:
            self._run(self._one, order, 1)
            return
        with _turn if one_at_a_time() else nullcontext():
            self._run(self._all, order, threads)

    def compile(self, order: Array) -> None:
        """Compile what does it, and do nothing."""
        self._run(self._one[:0], order, 1)

    def _run(self, parts: NDArray, order: Array, threads: int) -> None:
        entry, where = self._entry, self._where
        if sequence.run(
            parts, self.words, self._order_at, order, self._room, threads, entry, *where
        ):
            raise MemoryError("a kernel could not get the memory that it needs")


def _table(calls: list[Placed], threads: int) -> NDArray:
    rows = list(chain.from_iterable(call.parts(threads) for call in calls))
    table = aligned_zeros((len(rows), sequence.COLUMNS), np.int64)
    table[:] = rows
    bounds = _address(table) + 8 * sequence.FIRST
    table[:, sequence.WHERE] = bounds + 8 * sequence.COLUMNS * np.arange(len(rows))
    return table


def _numbers(threads: int) -> NDArray:
    """Threads' numbers as Numba's threads take them: where they are, how many, and their size."""
    numbers = np.array([0, threads, 8, *range(threads + 1)])
    numbers[0] = _address(numbers[3:])
    return numbers


def _address(array: NDArray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
