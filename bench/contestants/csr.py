"""SciPy's CSR matrices, or MKL's product of them, with the rest in NumPy.

As somebody would write it who has these packages and nothing else. Feature-major, the layout that
suits CSR products.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..works import Dendritic, Layer, Matrix, Perceptron, Work, floats
from . import Contestant
from .runner import EPSILON, Runner, Trainer, log_softmax

Product = Callable[[Any, NDArray], NDArray]
Step = Callable[[list[NDArray]], None]


def runner(work: Work, contestant: Contestant) -> Runner:
    """The work by the product of "scipy" or "mkl"."""
    product = _mkl_product() if contestant.variant == "mkl" else _scipy_product
    return (LayerRunner if isinstance(work, Layer) else Network)(work, product)


def _mkl_product() -> Product:
    # The package looks for MKL where the system keeps its libraries, not where pip puts it.
    for library in Path(sys.prefix, "lib").glob("libmkl_rt.so*"):
        os.environ.setdefault("MKL_RT", str(library))
    from sparse_dot_mkl import dot_product_mkl

    return dot_product_mkl


def _scipy_product(matrix: Any, dense: NDArray) -> NDArray:
    return matrix @ dense


class Weights:
    """A CSR matrix, or a dense one, with a bias: ``W x + b``."""

    def __init__(self, matrix: Matrix, product: Product, dense: bool = False) -> None:
        self.structure, self.bias = matrix.structure, matrix.bias.copy()
        if dense:
            self.matrix = self.weights = matrix.dense()
            self.product = _scipy_product
        else:
            self.weights, self.product = matrix.weights.copy(), product
            self.matrix = self.structure.matrix(self.weights)

    def forward(self, x: NDArray) -> NDArray:
        """Outputs."""
        self.x = x
        return self.product(self.matrix, x) + self.bias[:, None]

    def gradient(self, delta: NDArray) -> NDArray:
        """Of the weights that exist."""
        if self.matrix is self.weights:
            return delta @ self.x.T
        rows, columns = self.structure.rows, self.structure.indices
        found = np.empty_like(self.weights)
        for first in range(0, len(rows), 65_536):  # of all at once, the rows would not fit
            part = slice(first, first + 65_536)
            np.einsum("kb,kb->k", delta[rows[part]], self.x[columns[part]], out=found[part])
        return found

    def input_gradient(self, delta: NDArray) -> NDArray:
        """``Wᵀ delta``."""
        return self.product(self.matrix.T, delta)


class Tree(Weights):
    """A sum over each output's own inputs, with a bias."""

    def __init__(self, matrix: Matrix) -> None:
        self.bias = matrix.bias.copy()
        self.weights = matrix.weights.reshape(len(self.bias), -1, 1).copy()

    def forward(self, x: NDArray) -> NDArray:
        """Outputs."""
        self.x = x.reshape(*self.weights.shape[:2], -1)
        return (self.x * self.weights).sum(axis=1) + self.bias[:, None]

    def gradient(self, delta: NDArray) -> NDArray:
        """Of the weights."""
        return np.einsum("sdb,sb->sd", self.x, delta)[..., None]

    def input_gradient(self, delta: NDArray) -> NDArray:
        """``Wᵀ delta``."""
        return (self.weights * delta[:, None]).reshape(-1, delta.shape[1])


class LayerRunner(Runner):
    """One layer."""

    def __init__(self, work: Layer, product: Product) -> None:
        x, delta, matrix = work.draw()
        self.layer = Weights(matrix, product)
        self.x, self.delta = np.ascontiguousarray(x.T), np.ascontiguousarray(delta.T)
        self.parts = {"forward": lambda: self.layer.forward(self.x)}
        if work.backward:
            self.layer.forward(self.x)
            self.parts["backward"] = self.backward

    def backward(self) -> list[NDArray]:
        """All gradients."""
        of_inputs = self.layer.input_gradient(self.delta).T.ravel()
        return [self.layer.gradient(self.delta), self.delta.sum(axis=1), of_inputs]

    def outputs(self) -> NDArray:
        """The layer's outputs."""
        return self.layer.forward(self.x).T

    def proof(self) -> NDArray | None:
        """Gradients of weights, biases and inputs."""
        return np.concatenate(self.backward()) if "backward" in self.parts else None


class Network(Trainer):
    """Layers with leaky ReLU, or ReLU, between them; Adam, or Nesterov's momentum, in place."""

    def __init__(self, work: Dendritic | Perceptron, product: Product) -> None:
        start = work.draw()
        self.images, self.labels, self.slope = start.images, start.labels, np.float32(work.slope)
        self.layers = [Tree(m) if m.tree else Weights(m, product, m.full) for m in start.layers]
        self.begin(work, start.images)
        if work.task != "inference":
            parameters = [a for layer in self.layers for a in (layer.weights, layer.bias)]
            if isinstance(work, Dendritic):
                self.change = adam(parameters)
            else:
                rates = np.float32(work.rate), np.float32(work.momentum)
                self.change = nesterov(parameters, *rates)

    def logits(self, images: NDArray) -> NDArray:
        """Logits of bytes or floats."""
        x = floats(np.ascontiguousarray(images.T))
        for number, layer in enumerate(self.layers):
            if number:
                x = np.maximum(x, self.slope * x if self.slope else 0)
            x = layer.forward(x)
        return x.T

    def step(self, order: NDArray) -> float:
        """One step."""
        logs, labels = log_softmax(self.logits(self.images[order])), self.labels[order]
        places = np.arange(labels.size), labels
        delta = np.exp(logs)
        delta[places] -= 1
        delta = delta.T / np.float32(labels.size)
        gradients: list[NDArray] = []
        for layer in reversed(self.layers):
            gradients = [layer.gradient(delta), delta.sum(axis=1), *gradients]
            if layer is not self.layers[0]:
                delta = layer.input_gradient(delta)
                slopes = layer.x.reshape(delta.shape) > 0
                delta *= np.where(slopes, np.float32(1), self.slope) if self.slope else slopes
        self.change(gradients)
        return -float(logs[places].mean())


def adam(parameters: list[NDArray]) -> Step:
    """Steps of Adam in place, at PyTorch's default rates."""
    moments = [(np.zeros_like(a), np.zeros_like(a)) for a in parameters]
    count = itertools.count(1)

    def step(gradients: list[NDArray]) -> None:
        steps = next(count)
        rate = np.float32(1e-3 * (1 - 0.999**steps) ** 0.5 / (1 - 0.9**steps))
        for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= rate * m / (np.sqrt(v) + np.float32(EPSILON))

    return step


def nesterov(parameters: list[NDArray], rate: np.float32, momentum: np.float32) -> Step:
    """Steps with Nesterov's momentum, in place."""
    velocities = [np.zeros_like(a) for a in parameters]

    def step(gradients: list[NDArray]) -> None:
        for p, g, v in zip(parameters, gradients, velocities, strict=True):
            v *= momentum
            v += g
            p -= rate * (g + momentum * v)

    return step
