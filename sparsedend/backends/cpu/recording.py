"""What is done again and again with the same arrays: recorded once, then one native call."""

from __future__ import annotations

import threading
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sparse_rows import SparseRows
from ..threads import limited_blas
from ..types import Array, Pass, Rates
from . import copies, native
from .compilation import without_threads
from .pace import Pace
from .program import Call, Program


class Recorded(NamedTuple):
    """What was done, to be done again.

    Attributes
    ----------
    program : Program
    samples_at : list of (int, int)
        First words of the arguments that are arrays of the samples, and which of these.
    rates_at : list of (int, int)
        Words that are the batch's rates, and which of them.
    numbers : (words,) float64
        The program's words, for the rates.
    result : Any
        What the action returned.
    one_blas_thread : bool
        Whether BLAS must compute with one thread meanwhile.
    kept : list
        All arguments whose addresses are among the words.
    """

    program: Program
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
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Note a call that has been done."""
        if call.rates and call.rates is not self.rates:
            self.possible = False
        self.work += call.work
        self._calls.append(call)

    def recorded(self, result: Any) -> Recorded | None:
        """What was noted, where it is all that was done."""
        if not self.possible:
            return None
        notes, calls = _Notes(self.order, self._samples), []
        batches = [any(map(copies.step, call.arguments)) for call in self._calls]
        kernels = [call.kernel for call in compress(self._calls, batches)]
        # Copies that are read and not filled first would be those of an earlier batch.
        copied = not copies.FILLS.isdisjoint(kernels[:1]) and copies.KNOWN.issuperset(kernels)
        for call, batch in zip(self._calls, batches, strict=True):
            number = self.threads if copied and batch else 1
            words = [notes.add(call, copy) for copy in range(number)]
            each = number > 1 and call.kernel in copies.FILLS
            calls.append(call.at(words, self.threads, each=each))
        program = Program(calls, notes.words, notes.order_at, self.threads)
        return Recorded(
            program,
            notes.samples_at,
            notes.rates_at,
            program.words.view(np.float64),
            result,
            self.one_blas_thread,
            notes.kept,
        )


class _Notes:
    """The words of calls, one after the other, and where among them is what changes."""

    def __init__(self, order: Array, samples: list[int]) -> None:
        self._order, self._samples = order, samples
        self.words: list[int] = []
        self.order_at: list[int] = []
        self.samples_at: list[tuple[int, int]] = []
        self.rates_at: list[tuple[int, int]] = []
        self.kept: list[Any] = []

    def add(self, call: Call, copy: int) -> int:
        """Note a call that has the copy of that number, where there are any; its first word."""
        first = len(self.words)
        self.words.append(0)
        for number, argument in enumerate(call.arguments):
            at, rate = len(self.words), number - call.rates_from
            if argument is self._order:
                self.order_at.append(at)
            elif id(argument) in self._samples:
                self.samples_at.append((at, self._samples.index(id(argument))))
            elif 0 <= rate < len(call.rates):
                self.rates_at.append((at, rate))
            else:
                self.kept.append(argument)
            self.words.extend(native.words(argument, copy * copies.step(argument)))
        return first


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
        self._known: dict[bool, Recorded | None] = {}

    def __call__(self, samples: Array, order: Array, rates: Rates, random: Any) -> Any:
        """Do the step; return what it returned when it was recorded."""
        key = random is None
        if key not in self._known:
            return self._recorded(samples, order, rates, random)
        known = self._known[key]
        if known is None or self._recordings.current is not None:
            return self._step(samples, order, rates, random)
        arrays, numbers, program = _arrays(samples), known.numbers, known.program
        for at, which in known.samples_at:
            native.point(program.words, at, arrays[which])
        for at, which in known.rates_at:
            numbers[at] = rates[which]
        if known.one_blas_thread:
            with limited_blas(1, product=True):
                self._run(program, order)
        else:
            self._run(program, order)
        return known.result

    def _run(self, program: Program, order: Array) -> None:
        if without_threads():
            program.run(order, 1)
            return
        threads = self._pace.begin()
        program.run(order, threads)
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
        known = self._known[random is None] = recording.recorded(result)
        if known is not None:
            # For the next step may be timed.
            known.program.compile(order)
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
