"""What a contestant is to the harness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray


class Runner(ABC):
    """One work, ready to run.

    Attributes
    ----------
    parts : mapping of str to callable
        What is timed, by name; each call does the part once.
    """

    parts: dict[str, Callable[[], object]]

    @abstractmethod
    def outputs(self) -> NDArray:
        """Log-probabilities, or a layer's outputs, of the first batch: (batch, outputs)."""

    def proof(self) -> NDArray | None:
        """Numbers that are equal where the same parameters are trained in the same way.

        How far the loss falls, or a layer's gradients; None where more parameters are trained, or
        none.
        """
        return None

    def limited(self) -> AbstractContextManager[None]:
        """Context to run in."""
        return nullcontext()


class Cycle:
    """Calls `step` with one batch after the other, and keeps the losses of a proof."""

    def __init__(self, step: Callable[[NDArray], float], orders: list[NDArray]) -> None:
        self.step = step
        self.orders = orders
        self.turn = 0

    def __call__(self) -> float:
        """One step on the next batch."""
        self.turn += 1
        return self.step(self.orders[self.turn % len(self.orders)])

    def losses(self) -> NDArray:
        """How far the loss of the first batch has fallen after each of four steps on it."""
        first, *rest = [self.step(self.orders[0]) for _ in range(5)]
        return first - np.array(rest)


def log_softmax(logits: NDArray) -> NDArray:
    """Log-probabilities of logits (samples, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def dense(structure: object, weights: NDArray) -> NDArray:
    """The matrix with all its zeros, in C order."""
    return np.ascontiguousarray(structure.matrix(weights).toarray())  # type: ignore[attr-defined]
