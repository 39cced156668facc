"""nerva-numpy: dense matrices and formulas in NumPy, all weights trained."""

from __future__ import annotations

import numpy as np
from nerva_numpy.activation_functions import ReLUActivation
from nerva_numpy.layers import ActivationLayer, LinearLayer
from nerva_numpy.loss_functions import StableSoftmaxCrossEntropyLossFunction
from nerva_numpy.multilayer_perceptron import MultilayerPerceptron
from numpy.typing import NDArray

from ..works import Perceptron, batches, floats
from .runner import Cycle, Runner, dense, log_softmax


def runner(work: Perceptron, variant: str) -> Runner:
    """The work by Nerva's layers; `variant` is not used."""
    return PerceptronRunner(work)


class PerceptronRunner(Runner):
    """Nerva's training loop, one batch at a time."""

    def __init__(self, work: Perceptron) -> None:
        start = work.draw()
        self.images, self.rate = start.images, np.float32(work.rate)
        self.targets = np.eye(work.sizes[-1], dtype=np.float32)[start.labels]
        self.orders = batches(start, work.batch)
        self.full = work.connections == work.dense_values
        layers = []
        for structure, weights, bias in start.layers:
            outputs, inputs = structure.shape
            last = len(layers) == len(start.layers) - 1
            layer = (
                LinearLayer(inputs, outputs)
                if last
                else ActivationLayer(inputs, outputs, ReLUActivation())
            )
            layer.W[:], layer.b[:] = dense(structure, weights), bias
            layer.set_optimizer(f"Nesterov({work.momentum})")
            layers.append(layer)
        self.network = MultilayerPerceptron(layers)
        self.loss = StableSoftmaxCrossEntropyLossFunction()
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def step(self, order: NDArray) -> float:
        """One step."""
        logits, targets = self.network.feedforward(floats(self.images[order])), self.targets[order]
        gradient = self.loss.gradient(logits, targets) / np.float32(len(order))
        self.network.backpropagate(logits, gradient)
        self.network.optimize(self.rate)
        return self.loss(logits, targets) / len(order)

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return log_softmax(self.network.feedforward(floats(self.images[self.orders[0]])))

    def proof(self) -> NDArray | None:
        """Losses, where all weights exist."""
        return self.steps.losses() if self.full else None
