"""What every epoch of a training came to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..session import Evaluation

NOTHING = Evaluation(float("nan"), float("nan"))


@dataclass
class History:
    """One entry an epoch: mean losses, accuracies in 0 … 1, wall time in seconds.

    The training figures are means over the epoch's batches, each before its own step; the seconds
    are those of the epoch with its validation. What there is none of is NaN.
    """

    training_loss: list[float] = field(default_factory=list)
    training_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __repr__(self) -> str:
        if not self.epochs:
            return "<History of 0 epochs>"
        at = self.best_epoch - 1
        figures = [f"training loss {self.training_loss[at]:.4f}"]
        if not np.isnan(self.validation_loss[at]):
            figures.append(f"validation loss {self.validation_loss[at]:.4f}")
        if not np.isnan(self.validation_accuracy[at]):
            figures.append(f"accuracy {self.validation_accuracy[at]:.2%}")
        best = ", ".join(figures)
        return f"<History of {self.epochs} epochs, best is {self.best_epoch}: {best}>"

    @property
    def epochs(self) -> int:
        """Epochs finished."""
        return len(self.seconds)

    @property
    def best_epoch(self) -> int:
        """The epoch of least validation loss, counted from 1; 0 before the first.

        Without validation, that of least training loss.
        """
        if not self.epochs:
            return 0
        losses = (
            self.training_loss if np.isnan(self.validation_loss).all() else self.validation_loss
        )
        return int(np.nanargmin(losses)) + 1

    def add(self, training: Evaluation, validation: Evaluation, seconds: float) -> None:
        """Enter an epoch."""
        self.training_loss.append(training.loss)
        self.training_accuracy.append(training.accuracy)
        self.validation_loss.append(validation.loss)
        self.validation_accuracy.append(validation.accuracy)
        self.seconds.append(seconds)
