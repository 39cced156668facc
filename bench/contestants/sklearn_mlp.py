"""scikit-learn's MLPClassifier: dense, all weights trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from ..works import Perceptron, floats
from . import Contestant
from .runner import Trainer


def runner(work: Perceptron, contestant: Contestant) -> Trainer:
    """The work by ``partial_fit``, of a classifier whose weights were replaced."""
    start = work.draw()
    classifier = MLPClassifier(
        work.sizes[1:-1],
        solver="sgd",
        alpha=0,
        batch_size=work.batch,
        learning_rate_init=work.rate,
        momentum=work.momentum,
        random_state=0,
    )
    trainer = SklearnTrainer(classifier, start.images, start.labels)
    trainer.step(np.arange(work.batch))  # which makes the arrays that are then replaced
    for number, matrix in enumerate(start.layers):
        classifier.coefs_[number][:] = matrix.dense().T
        classifier.intercepts_[number][:] = matrix.bias
    for velocity in classifier._optimizer.velocities:
        velocity[:] = 0
    trainer.trains_the_same = work.connections == work.dense_values
    trainer.begin(work, start.images)
    return trainer


class SklearnTrainer(Trainer):
    """A classifier, trained on images of bytes, which each step scales, or floats."""

    def __init__(self, classifier: MLPClassifier, images: NDArray, labels: NDArray) -> None:
        self.classifier, self.images, self.labels = classifier, images, labels
        self.classes = np.unique(labels)

    def logits(self, images: NDArray) -> NDArray:
        """Log-probabilities."""
        return self.classifier.predict_log_proba(floats(images))

    def step(self, order: NDArray) -> float:
        """One step."""
        self.steps([order])
        return self.classifier.loss_

    def steps(self, orders: list[NDArray]) -> None:
        """An epoch of the classifier's, which shuffles it by itself."""
        order = np.concatenate(orders)
        self.classifier.partial_fit(
            floats(self.images[order]), self.labels[order], classes=self.classes
        )
