"""Losses that compare each output with a target of its own: a formula, and little else."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..backends import Array, Backend
from ..backends.arrays import as_host_array
from ..errors import InputError
from ..numbers import real
from .loss import Loss, real_targets, register

__all__ = ["ElementwiseLoss", "Huber", "MeanSquaredError", "SigmoidCrossEntropy"]


class ElementwiseLoss(Loss):
    """The mean over the outputs of ``formula(output, target, *numbers)``.

    A subclass gives the formula (`backends.formulas`), which returns the loss of an output, its
    derivative by the output, and whether the output is right, and perhaps `numbers`, its further
    arguments.
    """

    judges = False

    @property
    def numbers(self) -> tuple[float, ...]:
        """Further arguments of the formula: the settings."""
        return tuple(self.settings.values())

    @staticmethod
    @abstractmethod
    def formula(output: Any, target: Any, *numbers: Any) -> Any:
        """Formula of (loss, derivative, whether it is right)."""

    def checked(self, targets: Array, samples: int, outputs: int, dtype: DTypeLike) -> Array:
        """Real numbers, (samples, outputs); (samples,) will do for one output.

        Raises
        ------
        InputError
            Where they are not, or one is not finite.
        """
        return real_targets(targets, samples, outputs, dtype)

    def score(
        self,
        backend: Backend,
        outputs: Array,
        targets: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Add to the totals, and leave the gradient in `delta`."""
        backend.formula_loss(
            self.formula, self.numbers, outputs, targets, order, weights, delta, totals
        )

    def answers(self, outputs: Array, *, probabilities: bool) -> Array:
        """The outputs, (samples,) where there is one, else (samples, outputs)."""
        if probabilities:
            raise InputError(
                f"probabilities are asked for, but {type(self).__name__} has none: leave them out"
            )
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs


@register
class MeanSquaredError(ElementwiseLoss):
    """``(output - target)²``."""

    kind = "mean-squared-error"

    @staticmethod
    def formula(output: Any, target: Any) -> Any:
        """Formula of (loss, derivative, whether it is right)."""
        error = output - target
        return error * error, 2 * error, error == 0


@register
class Huber(ElementwiseLoss):
    """``½ e²`` where the error e is below `limit`, ``limit · (|e| - ½ limit)`` beyond.

    Huber 1964; as in PyTorch's HuberLoss and Keras's Huber.

    Raises
    ------
    InputError
        Where the limit is not above 0.
    """

    kind = "huber"

    def __init__(self, limit: float = 1.0) -> None:
        self.limit = real("limit", limit, 0, above=True)

    @staticmethod
    def formula(output: Any, target: Any, limit: Any) -> Any:
        """Formula of (loss, derivative, whether it is right)."""
        error = output - target
        # The error, cut off at the limit, is the derivative.
        cut = np.minimum(np.maximum(error, -limit), limit)
        return cut * (error - 0.5 * cut), cut, error == 0


@register
class SigmoidCrossEntropy(ElementwiseLoss):
    """Cross-entropy in nats of ``sigmoid(output)`` for targets 0 and 1: any number of labels each.

    A sample is right where every output lies on its target's side of 0.
    """

    kind = "sigmoid-cross-entropy"
    judges = True

    @staticmethod
    def formula(output: Any, target: Any) -> Any:
        """Formula of (loss, derivative, whether it is right)."""
        # log(1 + exp(output)) without overflow, and the sigmoid likewise.
        softplus = np.maximum(output, 0) + np.log1p(np.exp(-abs(output)))
        sigmoid = 0.5 + 0.5 * np.tanh(0.5 * output)
        return softplus - target * output, sigmoid - target, (output > 0) == (target > 0.5)

    def checked(self, targets: Array, samples: int, outputs: int, dtype: DTypeLike) -> Array:
        """Targets from 0 to 1, (samples, outputs).

        Raises
        ------
        InputError
            Where they are not.
        """
        found = real_targets(targets, samples, outputs, dtype)
        outside = (found < 0) | (found > 1)
        if outside.any():
            row, column = (int(at[0]) for at in np.nonzero(outside))
            raise InputError(
                f"the target of sample {row} is {float(found[row, column]):g}: give numbers from 0 "
                "to 1, one for each output"
            )
        return found

    def answers(self, outputs: Array, *, probabilities: bool) -> Array:
        """Labels, (samples, outputs) int64 of 0 and 1, or their probabilities."""
        if probabilities:
            return 0.5 + 0.5 * np.tanh(0.5 * outputs)
        return (outputs > 0).astype(np.int64)

    def class_counts(self, targets: Array, classes: int) -> NDArray:
        """Samples that have each label."""
        return (as_host_array(targets) > 0.5).sum(axis=0)

    def class_weights(self, targets: Array, table: NDArray) -> NDArray:
        """Each sample has the mean of those of its labels, and 1 where it has none."""
        labels = as_host_array(targets) > 0.5
        counts = labels.sum(axis=1)
        return np.where(counts > 0, labels @ table / np.maximum(counts, 1), 1.0)
