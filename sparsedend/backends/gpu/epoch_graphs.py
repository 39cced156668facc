"""Steps that are captured once, each with the batch before it, and replayed for many epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..types import Rates, Step
from . import program
from .device import Upload, capture, cupy
from .launch import launch
from .randomness import DeviceRandom, key_of

#: Steps of a graph, where so many are left: to launch one takes the host about as long as a small
#: step takes the device.
STEPS = 16


class EpochGraphs:
    """What `Backend.batches` prepares, on a GPU.

    All that changes from step to step lies in the device's memory: an epoch's order and rates are
    copied there once, and the first kernel of a step takes from them what is next. So the step is
    the same for all batches of a length: a CUDA graph of one step, and one of `STEPS` of them, are
    launched over and over, and the host waits for nothing.

    Parameters
    ----------
    step : callable
    batch_size : int

    Attributes
    ----------
    order : (samples,) int64
    epoch_rates : (batches, numbers) float64
    batch : (batch_size,) int64
    rates : (numbers,) float64
        Of the batch.
    random : DeviceRandom
    """

    def __init__(self, step: Step, batch_size: int) -> None:
        self._step = step
        self._batch_size = batch_size
        self._shape: tuple[int, ...] = ()

    def epoch(self, order: NDArray, rates: Sequence[Rates], random: Any) -> Iterator[None]:
        """Queue the step for batch after batch of `order`; yields after each.

        Raises
        ------
        InputError
            Where there are not as many rates as batches.
        """
        batches = -(-len(order) // self._batch_size)
        if len(rates) != batches:
            raise InputError(f"{len(rates)} rates for {batches} batches: give an entry for each")
        if not batches:
            return
        shape = (len(order), batches, len(rates[0]))
        if shape != self._shape:
            self._make_room(*shape)
        key = np.zeros(2, np.uint32) if random is None else key_of(random)
        self._upload.write(
            key,
            np.zeros(2, np.int64),
            np.asarray(order, np.int64),
            np.array(rates, np.float64),
        )
        left = len(order)
        while left:
            samples = min(self._batch_size, left)
            steps = self._do(samples, left // samples, None if random is None else self.random)
            left -= samples * steps
            yield from [None] * steps

    def _make_room(self, samples: int, batches: int, numbers: int) -> None:
        self._shape = samples, batches, numbers
        self._upload = Upload(3 + samples + batches * numbers)
        words = self._upload.words
        self.random = DeviceRandom(words[:1].view(np.uint32), words[1:3])
        self.order = words[3 : 3 + samples]
        self.epoch_rates = words[3 + samples :].view(np.float64)
        self.batch = cupy.zeros(min(self._batch_size, samples), np.int64)
        self.rates = cupy.zeros(numbers, np.float64)
        #: By the length of the batch, whether there are random numbers, and the number of steps.
        self._graphs: dict[tuple[int, bool, int], Callable[[], None]] = {}
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
            self._graphs[key] = capture(lambda: self._queue(samples, steps, random))
        self._graphs[key]()
        return steps

    def _queue(self, samples: int, steps: int, random: DeviceRandom | None) -> None:
        batch = self.batch[:samples]
        for _ in range(steps):
            self._next_batch(batch)
            self.random.begin_step()
            self._step(batch, self.rates, random)

    def _next_batch(self, batch: Any) -> None:
        """Give the next step its samples and rates, and move the epoch's cursor on."""
        launch(
            np.float32,
            "next_batch",
            (1,),
            self.order,
            self.epoch_rates,
            batch.size,
            self.rates.size,
            self.random.cursor,
            batch,
            self.rates,
            code=program.text(program.EPOCHS),
        )
