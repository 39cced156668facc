"""scikit-learn's MLPClassifier: dense, all weights trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from ..works import Perceptron, batches, floats
from .runner import Cycle, Runner, dense


def runner(work: Perceptron, variant: str) -> Runner:
    """The work by ``partial_fit``; `variant` is not used."""
    return PerceptronRunner(work)


class PerceptronRunner(Runner):
    """A classifier whose weights were replaced."""

    def __init__(self, work: Perceptron) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        self.orders = batches(start, work.batch)
        self.classifier = MLPClassifier(
            work.sizes[1:-1],
            solver="sgd",
            alpha=0,
            batch_size=work.batch,
            learning_rate_init=work.rate,
            momentum=work.momentum,
            random_state=0,
        )
        self.classes = np.arange(work.sizes[-1])
        self.step(self.orders[0])  # which makes the arrays that are then replaced
        for number, (structure, weights, bias) in enumerate(start.layers):
            self.classifier.coefs_[number][:] = dense(structure, weights).T
            self.classifier.intercepts_[number][:] = bias
        for velocity in self.classifier._optimizer.velocities:
            velocity[:] = 0
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}
        self.full = work.connections == work.dense_values

    def step(self, order: NDArray) -> float:
        """One step."""
        self.classifier.partial_fit(
            floats(self.images[order]), self.labels[order], classes=self.classes
        )
        return self.classifier.loss_

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return self.classifier.predict_log_proba(floats(self.images[self.orders[0]]))

    def proof(self) -> NDArray | None:
        """Losses, where all weights exist."""
        return self.steps.losses() if self.full else None
