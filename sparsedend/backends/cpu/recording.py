"""What is done again and again with the same arrays: recorded once, then one native call."""

from __future__ import annotations

import threading
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


class Program(NamedTuple):
    """Kernels with their arguments, as `sequence.run` takes them.

    Attributes
    ----------
    calls, words, order_at
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
        self._calls: list[tuple[int, int, int]] = []
        self._words: list[int] = []
        self._order_at: list[int] = []
        self._samples_at: list[tuple[int, int]] = []
        self._rates_at: list[tuple[int, int]] = []
        self._kept: list[Any] = []

    def add(
        self,
        kernel: Any,
        work: int,
        arguments: tuple[Any, ...],
        rates: Rates = (),
        rates_from: int = 0,
    ) -> None:
        """Note a kernel that has been called.

        Parameters
        ----------
        kernel : dispatcher
        work : int
            Multiply-adds, about.
        arguments : tuple of array, number, Tile or None
        rates : tuple of float
            The batch's, where they are among the arguments, and from which argument on.
        """
        if rates and rates is not self.rates:
            self.possible = False
        if not self.possible:
            return
        self.work += work
        threads = max(1, min(self.threads, work // WORTH_A_THREAD))
        self._calls.append((native.entry(kernel, arguments), len(self._words), threads))
        for number, argument in enumerate(arguments):
            at, rate = len(self._words), number - rates_from
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
            np.array(self._calls, np.int64).reshape(-1, 3),
            words,
            np.array(self._order_at, np.int64),
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
        self._forked = without_threads()

    def __call__(self, samples: Array, order: Array, rates: Rates, random: Any) -> Any:
        """Do the step; return what it returned when it was recorded."""
        if self._forked is not without_threads():
            self._programs.clear()
            self._forked, self._threads = True, 1
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
            with limited_blas(1):
                self._run(program, order)
        else:
            self._run(program, order)
        return program.result

    def _run(self, program: Program, order: Array) -> None:
        threads = self._pace.begin()
        failed = sequence.run(
            program.calls, program.words, program.order_at, order, self._threads, threads
        )
        self._pace.end()
        if failed:
            raise MemoryError("a kernel could not get the memory that it needs")

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
            sequence.run(program.calls[:0], program.words, program.order_at[:0], order, 1, 1)
        self._pace = Pace(self._threads, recording.work)
        return result


def _arrays(samples: Array) -> tuple[NDArray, ...]:
    return samples.arrays if isinstance(samples, SparseRows) else (samples,)


class Recordings(threading.local):
    """The recording that is under way in each thread."""

    current: Recording | None = None

    def give_up(self) -> None:
        """What is done cannot be repeated as it is."""
        if self.current is not None:
            self.current.possible = False
