"""SciPy's CSR matrices, or MKL's product of them, with the rest in NumPy.

As somebody would write it who has these packages and nothing else. Feature-major, the layout that
suits CSR products.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend.connectivity import Structure

from ..works import SLOPE, Dendritic, Layer, Perceptron, Work, batches, floats
from .ours import EPSILON
from .runner import Cycle, Runner, log_softmax

Product = Callable[[Any, NDArray], NDArray]


def runner(work: Work, variant: str) -> Runner:
    """The work by the product of "scipy" or "mkl"."""
    product = _mkl_product() if variant == "mkl" else _scipy_product
    kinds = {Dendritic: DendriticRunner, Layer: LayerRunner, Perceptron: PerceptronRunner}
    return kinds[type(work)](work, product)


def _mkl_product() -> Product:
    # The package looks for MKL where the system keeps its libraries, not where pip puts it.
    for library in Path(sys.prefix, "lib").glob("libmkl_rt.so*"):
        os.environ.setdefault("MKL_RT", str(library))
    from sparse_dot_mkl import dot_product_mkl

    return dot_product_mkl


def _scipy_product(matrix: Any, dense: NDArray) -> NDArray:
    return matrix @ dense


class Weights:
    """A sparse matrix with a bias, and their gradients."""

    def __init__(
        self, structure: Structure, weights: NDArray, bias: NDArray, product: Product
    ) -> None:
        self.structure, self.product = structure, product
        self.matrix = structure.matrix(weights.copy())
        self.bias = bias.copy()

    def forward(self, x: NDArray) -> NDArray:
        """``W x + b``."""
        self.x = x
        return self.product(self.matrix, x) + self.bias[:, None]

    def backward(self, delta: NDArray) -> list[NDArray]:
        """Gradients of the weights that exist and of the biases."""
        rows, columns = self.structure.rows, self.structure.indices
        gradient = np.empty_like(self.matrix.data)
        for first in range(0, len(rows), 65_536):  # of all at once, the rows would not fit
            part = slice(first, first + 65_536)
            np.einsum("kb,kb->k", delta[rows[part]], self.x[columns[part]], out=gradient[part])
        return [gradient, delta.sum(axis=1)]

    def input_gradient(self, delta: NDArray) -> NDArray:
        """``Wᵀ delta``."""
        return self.product(self.matrix.T, delta)


class LayerRunner(Runner):
    """One layer."""

    def __init__(self, work: Layer, product: Product) -> None:
        start = work.draw()
        self.weights = Weights(start.structure, start.weights, start.bias, product)
        self.x = np.ascontiguousarray(start.x.T)
        self.delta = np.ascontiguousarray(start.delta.T)
        self.parts = {"forward": lambda: self.weights.forward(self.x)}
        if work.backward:
            self.weights.forward(self.x)
            self.parts["backward"] = self.backward

    def backward(self) -> list[NDArray]:
        """All gradients."""
        gradients = self.weights.backward(self.delta)
        return [*gradients, self.weights.input_gradient(self.delta).T.ravel()]

    def outputs(self) -> NDArray:
        """The layer's outputs."""
        return self.weights.forward(self.x).T

    def proof(self) -> NDArray | None:
        """Gradients of weights, biases and inputs."""
        return np.concatenate(self.backward()) if "backward" in self.parts else None


class DendriticRunner(Runner):
    """Synapses by CSR, cables by a sum over each soma's dendrites, Adam in place."""

    def __init__(self, work: Dendritic, product: Product) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        self.orders = batches(start, work.batch)
        self.synapses = Weights(start.synapses, start.synapse_weights, start.dendrite_bias, product)
        self.cables = start.cable_weights.reshape(work.somata, work.dendrites, 1).copy()
        self.soma_bias = start.soma_bias.copy()
        self.classes, self.class_bias = start.class_weights.copy(), start.class_bias.copy()
        if work.task == "inference":
            self.parts = {"inference": lambda: self.logits(self.orders[0]).argmax(axis=0)}
            return
        self.adam = Adam(
            [
                self.synapses.matrix.data,
                self.synapses.bias,
                self.cables,
                self.soma_bias,
                self.classes,
                self.class_bias,
            ]
        )
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def logits(self, order: NDArray) -> NDArray:
        """Logits (classes, batch)."""
        x = floats(np.ascontiguousarray(self.images[order].T))
        self.dendrites = _leaky(self.synapses.forward(x))
        branches = self.dendrites.reshape(*self.cables.shape[:2], -1)
        sums = (branches * self.cables).sum(axis=1)
        self.somata = _leaky(sums + self.soma_bias[:, None])
        return self.classes @ self.somata + self.class_bias[:, None]

    def step(self, order: NDArray) -> float:
        """One step."""
        loss, delta = _loss(self.logits(order), self.labels[order])
        of_classes = [delta @ self.somata.T, delta.sum(axis=1)]
        delta = (self.classes.T @ delta) * _slopes(self.somata)
        branches = self.dendrites.reshape(*self.cables.shape[:2], -1)
        of_cables = np.einsum("sdb,sb->sd", branches, delta)[..., None]
        inner = (self.cables * delta[:, None]).reshape(self.dendrites.shape)
        inner *= _slopes(self.dendrites)
        of_synapses = self.synapses.backward(inner)
        self.adam.step([*of_synapses, of_cables, delta.sum(axis=1), *of_classes])
        return loss

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return log_softmax(self.logits(self.orders[0]).T)

    def proof(self) -> NDArray | None:
        """Losses."""
        return self.steps.losses() if "step" in self.parts else None


class PerceptronRunner(Runner):
    """Layers by CSR, ReLU, Nesterov's momentum."""

    def __init__(self, work: Perceptron, product: Product) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        self.orders = batches(start, work.batch)
        self.layers = [Weights(*layer, product) for layer in start.layers]
        self.parameters = [a for layer in self.layers for a in (layer.matrix.data, layer.bias)]
        self.velocities = [np.zeros_like(a) for a in self.parameters]
        self.rate, self.momentum = np.float32(work.rate), np.float32(work.momentum)
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def logits(self, order: NDArray) -> NDArray:
        """Logits (classes, batch)."""
        x = floats(np.ascontiguousarray(self.images[order].T))
        for layer in self.layers[:-1]:
            x = np.maximum(layer.forward(x), 0)
        return self.layers[-1].forward(x)

    def step(self, order: NDArray) -> float:
        """One step."""
        loss, delta = _loss(self.logits(order), self.labels[order])
        gradients: list[NDArray] = []
        for layer in reversed(self.layers):
            gradients = layer.backward(delta) + gradients
            if layer is not self.layers[0]:
                delta = layer.input_gradient(delta) * (layer.x > 0)
        for p, g, v in zip(self.parameters, gradients, self.velocities, strict=True):
            v *= self.momentum
            v += g
            p -= self.rate * (g + self.momentum * v)
        return loss

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        return log_softmax(self.logits(self.orders[0]).T)

    def proof(self) -> NDArray:
        """Losses."""
        return self.steps.losses()


class Adam:
    """Adam over a list of arrays, in place."""

    def __init__(self, parameters: list[NDArray]) -> None:
        self.parameters = parameters
        self.moments = [(np.zeros_like(a), np.zeros_like(a)) for a in parameters]
        self.steps = 0

    def step(self, gradients: list[NDArray]) -> None:
        """One step at PyTorch's default rates."""
        self.steps += 1
        rate = np.float32(1e-3 * (1 - 0.999**self.steps) ** 0.5 / (1 - 0.9**self.steps))
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= rate * m / (np.sqrt(v) + np.float32(EPSILON))


def _leaky(x: NDArray) -> NDArray:
    return np.maximum(x, np.float32(SLOPE) * x)


def _slopes(y: NDArray) -> NDArray:
    return np.where(y > 0, np.float32(1), np.float32(SLOPE))


def _loss(logits: NDArray, labels: NDArray) -> tuple[float, NDArray]:
    """Mean cross-entropy, and its gradient (classes, batch)."""
    logs = log_softmax(logits.T).T
    columns = np.arange(labels.size)
    loss = -float(logs[labels, columns].mean())
    delta = np.exp(logs)
    delta[labels, columns] -= 1
    return loss, delta / np.float32(labels.size)
