"""One class of several."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..backends import Array, Backend
from ..backends.arrays import as_host_array
from ..errors import InputError
from .loss import Loss, register


@register
class SoftmaxCrossEntropy(Loss):
    """``-log softmax(outputs)[label]`` in nats: the outputs are the logits of the classes."""

    kind = "softmax-cross-entropy"

    def checked(self, targets: Array, samples: int, outputs: int, dtype: DTypeLike) -> Array:
        """Labels as int64.

        Raises
        ------
        InputError
            Where they are not one whole number a sample from 0 to the outputs - 1.
        """
        if outputs < 2:
            raise InputError(
                "the network has one output, which makes no classes: give a loss for values, such "
                "as losses.MeanSquaredError(), or build it with two outputs"
            )
        if targets.shape != (samples,) or targets.dtype.kind not in "iu":
            raise InputError(
                f"labels are {targets.dtype} of shape {targets.shape}: give {samples} integers, "
                "one for each sample"
            )
        wrong = np.flatnonzero((targets < 0) | (targets >= outputs))
        if wrong.size:
            sample = int(wrong[0])
            raise InputError(
                f"label {int(targets[sample])} of sample {sample} is out of range: "
                f"the network's classes are 0 … {outputs - 1}"
            )
        return targets.astype(np.int64)

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
        backend.softmax_cross_entropy(outputs, targets, order, weights, delta, totals)

    def answers(self, outputs: Array, *, probabilities: bool) -> Array:
        """Classes, (samples,) int64, or probabilities, (samples, classes)."""
        if not probabilities:
            return outputs.argmax(axis=1)
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def class_counts(self, targets: Array, classes: int) -> NDArray:
        """Samples of each class."""
        return np.bincount(as_host_array(targets), minlength=classes)

    def class_weights(self, targets: Array, table: NDArray) -> NDArray:
        """Each sample has its class's."""
        return table[as_host_array(targets)]
