"""What a contestant is to the harness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..works import RUN, Dendritic, Perceptron, batches

#: Adam's, everywhere. PyTorch adds it after the correction of the second moment, we (as Keras)
#: before; of this size neither matters, and all contestants do the same work.
EPSILON = 1e-12
#: Steps that a contestant on a GPU does before it waits for the last of them.
QUEUED = 192


class Runner(ABC):
    """One work, ready to run.

    Attributes
    ----------
    parts : mapping of str to callable
        What is timed, by name.
    repeats : int
        How many times a call does its part.
    """

    parts: dict[str, Callable[[], object]]
    repeats = 1

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


class Trainer(Runner):
    """A model of images (images, inputs) that learns batch after batch.

    Attributes
    ----------
    trains_the_same : bool
        Whether its parameters are those of the work, and no more.
    """

    trains_the_same = True

    @abstractmethod
    def logits(self, images: Any) -> Any:
        """Logits (batch, classes) of images, perhaps each beyond those by a number of its own."""

    def placed(self, images: NDArray) -> Any:
        """Images where the model computes."""
        return images

    @abstractmethod
    def step(self, order: NDArray) -> float:
        """Train on the images of these indices; the mean loss before."""

    def steps(self, orders: list[NDArray]) -> None:
        """Train on one batch after the other; done when this returns."""
        for order in orders:
            self.step(order)

    def begin(self, work: Dendritic | Perceptron, images: NDArray, queued: int = 1) -> None:
        """Make the work's task the part that is timed, so many steps at once."""
        self.task, self.turn = work.task, 0
        self.repeats = queued if work.task == "step" else 1
        self.orders = batches(len(images), work.batch)
        self.request = self.placed(images[self.orders[0]])
        actions = {"step": self.next, "inference": self.infer, "run": self.run}
        self.parts = {work.task: actions[work.task]}

    def next(self) -> None:
        """As many steps as are queued at once."""
        if self.repeats == 1:
            self.turn += 1
            self.step(self.orders[self.turn % len(self.orders)])
            return
        turns = range(self.turn, self.turn + self.repeats)
        self.turn += self.repeats
        self.steps([self.orders[turn % len(self.orders)] for turn in turns])

    def infer(self) -> Any:
        """Classes of the request."""
        return self.logits(self.request).argmax(1)

    def run(self) -> None:
        """A whole training's steps, and nothing else."""
        self.steps([self.orders[turn % len(self.orders)] for turn in range(RUN)])

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return log_softmax(np.asarray(self.logits(self.request)))

    def proof(self) -> NDArray | None:
        """How far the loss of the first batch has fallen after each of four steps on it."""
        if self.task == "inference" or not self.trains_the_same:
            return None
        first, *rest = [self.step(self.orders[0]) for _ in range(5)]
        return first - np.array(rest)


def log_softmax(logits: NDArray) -> NDArray:
    """Log-probabilities of logits (samples, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
