"""Where a training stands, and how it came there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .backends import NumpyBackend
from .backends.numpy_backend import Array
from .network import Network
from .optimizers import Adam
from .randomness import stream


class Evaluation(NamedTuple):
    """Mean cross-entropy in nats, and the share of images classified correctly (0 … 1)."""

    loss: float
    accuracy: float


@dataclass
class History:
    """One entry an epoch: mean losses in nats, accuracies in 0 … 1, wall time in seconds.

    The training figures are means over the epoch's batches, each before its own step; the seconds
    are those of the epoch with its validation.
    """

    training_loss: list[float] = field(default_factory=list)
    training_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Epochs finished."""
        return len(self.seconds)

    @property
    def best_epoch(self) -> int:
        """The epoch of least validation loss, counted from 1; 0 before the first."""
        return int(np.argmin(self.validation_loss)) + 1 if self.validation_loss else 0

    def add(self, training: Evaluation, validation: Evaluation, seconds: float) -> None:
        """Enter an epoch."""
        self.training_loss.append(training.loss)
        self.training_accuracy.append(training.accuracy)
        self.validation_loss.append(validation.loss)
        self.validation_accuracy.append(validation.accuracy)
        self.seconds.append(seconds)


@dataclass
class Training:
    """Where a training stands between two epochs; with the parameters, all that resuming needs.

    Attributes
    ----------
    optimizer : Adam
    shuffle, dropout : Generator
    history : History
    best : (size,) array, optional
        Parameters after the best epoch; kept for early stopping alone.
    """

    optimizer: Adam
    shuffle: np.random.Generator
    dropout: np.random.Generator
    history: History = field(default_factory=History)
    best: Array | None = None

    @classmethod
    def begin(cls, network: Network, seed: int = 1, optimizer: Adam | None = None) -> Training:
        """Stand at the start of a training."""
        optimizer = optimizer or Adam()
        optimizer.start(network.backend, network.parameters)
        return cls(optimizer, stream(seed, "shuffle"), stream(seed, "dropout"))

    def follow(self, backend: NumpyBackend) -> None:
        """Move to where the backend of its network computes."""
        self.optimizer.first = backend.place(self.optimizer.first)
        self.optimizer.second = backend.place(self.optimizer.second)
        if self.best is not None:
            self.best = backend.place(self.best)
