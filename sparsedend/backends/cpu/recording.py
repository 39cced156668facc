"""What is done again and again with the same arrays: recorded once, then one native call."""

from __future__ import annotations

import threading
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sparse_rows import SparseRows
from ..threads import limited_blas
from ..types import Array, Pass, Rates
from . import native
from .compilation import without_threads
from .kernels import sequence
from .pace import Pace

#: Multiply-adds for which a second thread pays: what one does while a parallel region begins and
#: ends, which is about 4 µs.
WORTH_A_THREAD = 60_000
#: An order, and the places of an order, where there is none.
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

    def threads(self, most: int) -> int:
        """Threads that it deserves."""
        if self.times is None:
            return 1
        return max(1, min(most, self.times, self.work // WORTH_A_THREAD))

    def entry(self) -> int:
        """Address by which `sequence.run` calls it."""
        return native.entry(self.kernel, self.arguments, shared=self.times is not None)

    def do(self, most: int) -> None:
        """Do it now, with so many threads at most."""
        threads = 1 if without_threads() else self.threads(most)
        if threads == 1:
            whole = () if self.times is None else (0, self.times)
            self.kernel(*whole, *self.arguments)
            return
        words = [0, *chain.from_iterable(map(native.words, self.arguments))]
        calls = np.array([[self.entry(), 0, self.times, threads]])
        _run(calls, np.array(words), NOWHERE, NOWHERE, _room(threads), threads)


class Program(NamedTuple):
    """Kernels with their arguments, as `sequence.run` takes them.

    Attributes
    ----------
    calls, words, order_at, room
        As for `sequence.run`.
    samples_at : list of (int, int)
        First words of the arguments that are arrays of the samples, and which of these.
    rates_at : list of (int, int)
        Words that are the batch's rates, and which of them.
    numbers : (words,) float64
        The same words, for the rates.
    result : Any
        What the action returned.
    one_blas_thread : bool
        Whether BLAS must compute with one thread meanwhile.
    kept : list
        All others whose addresses are among the words.
    """

    calls: NDArray
    words: NDArray
    order_at: NDArray
    room: NDArray
    samples_at: list[tuple[int, int]]
    rates_at: list[tuple[int, int]]
    numbers: NDArray
    result: Any
    one_blas_thread: bool
    kept: list[Any]


class Recording:
    """An action under way, whose kernels are noted as they are called.

    Parameters
    ----------
    samples : (samples, features) array or SparseRows
    order : (batch,) int64
    rates : tuple of float
        What changes from time to time, told by their identity.
    threads : int
    """

    def __init__(self, samples: Array, order: Array, rates: Rates, threads: int) -> None:
        self.order, self.rates, self.threads = order, rates, threads
        self._samples = [id(each) for each in _arrays(samples)]
        self.possible = True
        self.one_blas_thread = False
        self.work = 0
        self._calls: list[tuple[int, int, int, int]] = []
        self._words: list[int] = []
        self._order_at: list[int] = []
        self._samples_at: list[tuple[int, int]] = []
        self._rates_at: list[tuple[int, int]] = []
        self._kept: list[Any] = []

    def add(self, call: Call) -> None:
        """Note a call that has been done."""
        rates = call.rates
        if rates and rates is not self.rates:
            self.possible = False
        if not self.possible:
            return
        self.work += call.work
        times = call.times or 0
        self._calls.append((call.entry(), len(self._words), times, call.threads(self.threads)))
        self._words.append(0)
        for number, argument in enumerate(call.arguments):
            at, rate = len(self._words), number - call.rates_from
            if argument is self.order:
                self._order_at.append(at)
            elif id(argument) in self._samples:
                self._samples_at.append((at, self._samples.index(id(argument))))
            elif 0 <= rate < len(rates):
                self._rates_at.append((at, rate))
            else:
                self._kept.append(argument)
            self._words.extend(native.words(argument))

    def program(self, result: Any) -> Program | None:
        """What was noted, where it is all that was done."""
        if not self.possible:
            return None
        words = np.array(self._words, np.int64)
        return Program(
            np.array(self._calls, np.int64).reshape(-1, 4),
            words,
            np.array(self._order_at, np.int64),
            _room(self.threads),
            self._samples_at,
            self._rates_at,
            words.view(np.float64),
            result,
            self.one_blas_thread,
            self._kept,
        )


class Repeated:
    """A step that is done natively from the second time on, where all that it does is kernels.

    Parameters
    ----------
    step : callable
        Given the same arrays but samples and `order`, it does the same.
    threads : int
        At most.
    recordings : Recordings
        Of the backend that the step computes with.
    """

    def __init__(self, step: Pass, threads: int, recordings: Recordings) -> None:
        self._step, self._threads, self._recordings = step, threads, recordings
        self._pace = Pace(1, 0)
        #: By whether there are random numbers; None where what is done must be done anew.
        self._programs: dict[bool, Program | None] = {}

    def __call__(self, samples: Array, order: Array, rates: Rates, random: Any) -> Any:
        """Do the step; return what it returned when it was recorded."""
        key = random is None
        if key not in self._programs:
            return self._recorded(samples, order, rates, random)
        program = self._programs[key]
        if program is None or self._recordings.current is not None:
            return self._step(samples, order, rates, random)
        arrays, numbers = _arrays(samples), program.numbers
        for at, which in program.samples_at:
            native.point(program.words, at, arrays[which])
        for at, which in program.rates_at:
            numbers[at] = rates[which]
        if program.one_blas_thread:
            with limited_blas(1, product=True):
                self._run(program, order)
        else:
            self._run(program, order)
        return program.result

    def _run(self, program: Program, order: Array) -> None:
        calls, words, order_at, room, *_ = program
        if without_threads():
            _run(calls, words, order_at, order, room, 1)
            return
        threads = self._pace.begin()
        _run(calls, words, order_at, order, room, threads)
        self._pace.end()

    def _recorded(self, samples: Array, order: Array, rates: Rates, random: Any) -> Any:
        if self._recordings.current is not None:
            return self._step(samples, order, rates, random)
        recording = Recording(samples, order, rates, self._threads)
        self._recordings.current = recording
        try:
            result = self._step(samples, order, rates, random)
        finally:
            self._recordings.current = None
        program = self._programs[random is None] = recording.program(result)
        if program is not None:
            # Compiled now, for the next step may be timed.
            calls, words, order_at, room, *_ = program
            _run(calls[:0], words, order_at[:0], order, room, 1)
        self._pace = Pace(self._threads, recording.work)
        return result


def _run(
    calls: NDArray, words: NDArray, order_at: NDArray, order: Array, room: NDArray, threads: int
) -> None:
    if sequence.run(calls, words, order_at, order, room, threads):
        raise MemoryError("a kernel could not get the memory that it needs")


def _room(threads: int) -> NDArray:
    return np.empty(4 + threads, np.int64)


def _arrays(samples: Array) -> tuple[NDArray, ...]:
    return samples.arrays if isinstance(samples, SparseRows) else (samples,)


class Recordings(threading.local):
    """The recording that is under way in each thread."""

    current: Recording | None = None

    def give_up(self) -> None:
        """What is done cannot be repeated as it is."""
        if self.current is not None:
            self.current.possible = False
