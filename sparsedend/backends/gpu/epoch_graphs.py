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
    copied there once, and the first kernel of a graph takes from them what its steps need. So the
    steps are the same for all batches of a length: a CUDA graph of one step, and one of `STEPS` of
    them, are launched over and over, and the host waits for nothing.

    Parameters
    ----------
    step : callable
    batch_size : int

    Attributes
    ----------
    order : (samples,) int64
    epoch_rates : (batches, numbers) float64
    key : (2,) uint32
        Of the epoch's random numbers.
    cursor : (2,) int64
        First sample, and number, of the next batch.
    batches : (steps * batch_size,) int64
        Samples of the steps of a graph, one batch after the other.
    rates : (steps, numbers) float64
    positions : (steps,) int64
        First sample after each batch.
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
            steps = self._do(samples, left // samples, random is not None)
            left -= samples * steps
            yield from [None] * steps

    def _make_room(self, samples: int, batches: int, numbers: int) -> None:
        self._shape = samples, batches, numbers
        self._upload = Upload(3 + samples + batches * numbers)
        words = self._upload.words
        self.key, self.cursor = words[:1].view(np.uint32), words[1:3]
        self.order = words[3 : 3 + samples]
        self.epoch_rates = words[3 + samples :].view(np.float64)
        steps = min(STEPS, batches)
        self.batches = cupy.zeros(steps * min(self._batch_size, samples), np.int64)
        self.rates = cupy.zeros((steps, numbers), np.float64)
        self.positions = cupy.zeros(steps, np.int64)
        self._rates_of_steps = [self.rates[step] for step in range(steps)]
        #: By the length of the batch, whether there are random numbers, and the number of steps.
        self._graphs: dict[tuple[int, bool, int], Callable[[], None]] = {}
        self._loaded: set[tuple[int, bool]] = set()

    def _do(self, samples: int, left: int, random: bool) -> int:
        """Do one or `STEPS` of the steps left, and return how many.

        The first step of a kind is done directly, which loads its kernels.
        """
        kind = (samples, random)
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

    def _queue(self, samples: int, steps: int, random: bool) -> None:
        self._next_batches(samples, steps)
        for step in range(steps):
            batch = self.batches[step * samples : (step + 1) * samples]
            own = DeviceRandom(self.key, self.positions[step : step + 1]) if random else None
            self._step(batch, self._rates_of_steps[step], own)

    def _next_batches(self, samples: int, steps: int) -> None:
        """Give the next steps their samples, rates and positions, and move the cursor on."""
        launch(
            np.float32,
            "next_batches",
            (1,),
            self.order,
            self.epoch_rates,
            steps,
            samples,
            self.rates.shape[1],
            self.cursor,
            self.batches,
            self.rates,
            self.positions,
            code=program.text(program.EPOCHS),
        )
