"""nerva-numpy: dense matrices and formulas in NumPy, all weights trained.

A teaching package by the authors of Nerva, and not Nerva itself, whose C++ library uses MKL's CSR.
"""

from __future__ import annotations

import numpy as np
from nerva_numpy.activation_functions import ReLUActivation
from nerva_numpy.layers import ActivationLayer, LinearLayer
from nerva_numpy.loss_functions import StableSoftmaxCrossEntropyLossFunction
from nerva_numpy.multilayer_perceptron import MultilayerPerceptron
from numpy.typing import NDArray

from ..works import Perceptron, floats
from . import Contestant
from .runner import Trainer


def runner(work: Perceptron, contestant: Contestant) -> Trainer:
    """The work by Nerva's layers."""
    return PerceptronTrainer(work)


class PerceptronTrainer(Trainer):
    """Nerva's training loop, one batch at a time."""

    def __init__(self, work: Perceptron) -> None:
        start = work.draw()
        self.images, self.rate = start.images, np.float32(work.rate)
        self.targets = np.eye(work.sizes[-1], dtype=np.float32)[start.labels]
        self.trains_the_same = work.connections == work.dense_values
        layers = []
        for matrix in start.layers:
            outputs, inputs = matrix.structure.shape
            last = len(layers) == len(start.layers) - 1
            layer = (
                LinearLayer(inputs, outputs)
                if last
                else ActivationLayer(inputs, outputs, ReLUActivation())
            )
            layer.W[:], layer.b[:] = matrix.dense(), matrix.bias
            layer.set_optimizer(f"Nesterov({work.momentum})")
            layers.append(layer)
        self.network = MultilayerPerceptron(layers)
        self.loss = StableSoftmaxCrossEntropyLossFunction()
        self.begin(work, start.images)

    def logits(self, images: NDArray) -> NDArray:
        """Logits of bytes or floats."""
        return self.network.feedforward(floats(images))

    def step(self, order: NDArray) -> float:
        """One step."""
        logits, targets = self.logits(self.images[order]), self.targets[order]
        gradient = self.loss.gradient(logits, targets) / np.float32(len(order))
        self.network.backpropagate(logits, gradient)
        self.network.optimize(self.rate)
        return self.loss(logits, targets) / len(order)
