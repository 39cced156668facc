"""Steps that are captured once, each with the batch before it, and replayed for many epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .numpy_backend import Array, Rates, Step

if TYPE_CHECKING:
    from .cupy_backend import CupyBackend

#: Steps of a graph, where so many are left: to launch one takes the host about as long as a small
#: step takes the device.
STEPS = 16


class DeviceRandom:
    """Random numbers that kernels make from a key, a position and a number.

    Attributes
    ----------
    key : (2,) uint32
        Drawn from a Generator of the host by `seed`.
    cursor : (2,) int64
        The epoch's position, which differs from step to step.
    """

    def __init__(self, backend: CupyBackend) -> None:
        self._backend = backend
        self.key = backend.zeros(2, np.uint32)
        self.cursor = backend.zeros(2, np.int64)
        self.begin_step()

    def seed(self, generator: np.random.Generator) -> None:
        """Take a key from the generator."""
        self._backend.write(self.key, generator.integers(2**32, size=2, dtype=np.uint32))

    def begin_step(self) -> None:
        """Number what uses the random numbers of a step from 0 on."""
        self._number = -1

    def next_number(self) -> int:
        """Number of one more use within a step."""
        self._number += 1
        return self._number


class EpochGraphs:
    """What `NumpyBackend.batches` prepares, on a GPU.

    All that changes from step to step lies in the device's memory: an epoch's order and rates are
    copied there once, and the first kernel of a step takes from them what is next. So the step is
    the same for all batches of a length: a CUDA graph of one step, and one of `STEPS` of them, are
    launched over and over, and the host waits for nothing.

    Parameters
    ----------
    backend : CupyBackend
    step : callable
    labels : (images,) int64
        On the device.
    batch_size : int

    Attributes
    ----------
    order : (samples,) int64
    epoch_rates : (batches, 2) float64
    rates : (2,) float64
        Of the batch.
    random : DeviceRandom
    """

    def __init__(self, backend: CupyBackend, step: Step, labels: Array, batch_size: int) -> None:
        self._backend = backend
        self._step = step
        self._batch_size = min(batch_size, labels.size)
        self._batch = backend.zeros(self._batch_size, np.int64)
        self._batch_labels = backend.zeros(self._batch_size, np.int64)
        self.labels = labels
        self.rates = backend.zeros(2, np.float64)
        self.random = DeviceRandom(backend)
        self._make_room(0, 0)

    def epoch(self, order: Array, rates: Sequence[Rates], random: Any) -> Iterator[None]:
        """Queue the step for batch after batch of `order`; yields after each."""
        if len(order) != self.order.size:
            self._make_room(len(order), len(rates))
        self._backend.write(self.order, np.asarray(order, np.int64))
        self._backend.write(self.epoch_rates, np.array(rates, np.float64))
        self._backend.write(self.random.cursor, np.zeros(2, np.int64))
        if random is not None:
            self.random.seed(random)
            random = self.random
        left = len(order)
        while left:
            samples = min(self._batch_size, left)
            steps = self._do(samples, left // samples, random)
            left -= samples * steps
            yield from [None] * steps

    def _make_room(self, samples: int, batches: int) -> None:
        self.order = self._backend.zeros(samples, np.int64)
        self.epoch_rates = self._backend.zeros((batches, 2), np.float64)
        #: By the length of the batch, whether there are random numbers, and the number of steps.
        self._graphs: dict[tuple[int, bool, int], Any] = {}
        self._loaded: set[tuple[int, bool]] = set()

    def _do(self, samples: int, left: int, random: DeviceRandom | None) -> int:
        """Do one or `STEPS` of the steps left, and return how many.

        The first step of a kind is done directly, which loads its kernels.
        """
        kind = (samples, random is not None)
        if kind not in self._loaded:
            self._loaded.add(kind)
            self._queue(samples, 1, random)
            return 1
        steps = STEPS if left >= STEPS else 1
        key = (*kind, steps)
        if key not in self._graphs:
            self._graphs[key] = self._backend.capture(lambda: self._queue(samples, steps, random))
        self._graphs[key].launch(self._backend.stream)
        return steps

    def _queue(self, samples: int, steps: int, random: DeviceRandom | None) -> None:
        batch, labels = self._batch[:samples], self._batch_labels[:samples]
        for _ in range(steps):
            self._backend.next_batch(self, batch, labels)
            self.random.begin_step()
            self._step(batch, labels, self.rates, random)
