"""Operations on each element or sample: formulas, dropout, losses, clipping."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Backend
from ..formulas import Formula
from ..types import Array
from . import formulas
from .device import cupy, place, sums
from .launch import blocks, launch, launch_elements
from .program import SUMS, THREADS
from .randomness import DeviceRandom, once


class ElementOperations(Backend):
    """What knows no connections."""

    # Elementwise

    def elementwise(
        self,
        formula: Formula,
        outputs: tuple[Array, ...],
        inputs: tuple[Array, ...],
        numbers: tuple[float, ...] = (),
        rates: Any = (),
    ) -> None:
        """A kernel that the formula is traced into, once for each kind of arrays."""
        if not isinstance(rates, cupy.ndarray):
            numbers, rates = (*rates, *numbers), ()
        made = formulas.elementwise(
            formula,
            *(tuple(map(_storage, each)) for each in (outputs, inputs)),
            len(numbers),
            len(rates),
        )
        launch_elements(
            outputs[0].dtype,
            made.name,
            outputs[0].size,
            *inputs,
            *outputs,
            *([rates] if len(rates) else []),
            *map(float, numbers),
            code=made.code,
        )

    def dropout(self, x: Array, samples: int, random: Any, rate: float, factors: Array) -> None:
        """``x *= factors``, which become 0 with probability `rate`, else 1/(1 - rate)."""
        if not isinstance(random, DeviceRandom):
            random = once(random)
        launch_elements(
            x.dtype,
            "dropout",
            x.size,
            random.key,
            random.position,
            random.next_number(),
            samples,
            x.shape[1],
            float(rate),
            1 / (1 - float(rate)),
            x,
            factors,
        )

    # Losses

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Softmax with its maximum subtracted, a sample a thread."""
        launch(
            logits.dtype,
            "softmax_cross_entropy",
            (1,),
            logits,
            labels,
            *_samples(logits, order, weights, delta),
            delta,
            totals,
        )

    def formula_loss(
        self,
        formula: Formula,
        numbers: tuple[float, ...],
        outputs: Array,
        targets: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """A kernel that the formula is traced into, a sample a thread."""
        made = formulas.loss(formula, len(numbers))
        launch(
            outputs.dtype,
            made.name,
            (1,),
            outputs,
            targets,
            *_samples(outputs, order, weights, delta),
            delta,
            totals,
            *map(float, numbers),
            code=made.code,
        )

    # Optimizers

    def clip_norm(self, gradients: Array, limit: float) -> None:
        """Sums of squares, and a kernel that multiplies where it must; the host does not wait."""
        size = gradients.size
        grid = (min(SUMS, blocks(size, THREADS)),)
        launch(gradients.dtype, "square_sums", grid, gradients, sums(), np.int64(size))
        arguments = (gradients, sums(), np.float64(limit), np.int64(size))
        launch(gradients.dtype, "clip", grid, *arguments)


def _storage(array: Array) -> str:
    """How a kernel calls the type of the array's elements."""
    return "stored" if array.dtype == np.float16 else "real"


def _samples(outputs: Array, order: Array, weights: Array | None, delta: Array) -> tuple[Any, ...]:
    """What all losses are told of the samples: order, weights, and the sizes of the outputs."""
    placed = place(order)
    weighted = (delta, 0) if weights is None else (weights, 1)
    return (placed, *weighted, placed.size, *outputs.shape)
