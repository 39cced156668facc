"""sparsedend."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from sparsedend import Network, backends, layers, predict
from sparsedend.backends.numpy_backend import available_threads
from sparsedend.optimizers import Adam

from ..works import SLOPE, Dendritic, Layer, Perceptron, Work, batches
from .runner import Cycle, Runner, log_softmax

#: Adam's, everywhere. PyTorch adds it after the correction of the second moment, we (as Keras)
#: before; of this size neither matters, and all contestants do the same work.
EPSILON = 1e-12


def runner(work: Work, backend: str) -> Runner:
    """Our way to do it."""
    kinds = {Dendritic: DendriticRunner, Layer: LayerRunner, Perceptron: PerceptronRunner}
    return kinds[type(work)](work, backends.create(backend, available_threads()))


class DendriticRunner(Runner):
    """A network of one dendritic layer and one of classes."""

    def __init__(self, work: Dendritic, backend: backends.NumpyBackend) -> None:
        start = work.draw()
        stack = [
            layers.Dendritic(start.synapses, start.cables, SLOPE),
            layers.Dense(work.somata, len(start.class_bias)),
        ]
        self.images, self.labels = backend.place(start.images), backend.place(start.labels)
        self.orders = [backend.place(order) for order in batches(start, work.batch)]
        self.network = Network(stack, (1, work.inputs, 1), backend=backend)
        drawn = np.concatenate([a.reshape(-1) for a in start[4:]])
        self.network.parameters[:] = backend.place(drawn)
        del start, drawn  # which need not stay beside the network's own
        if work.task == "inference":
            self.request = self.images[self.orders[0]]
            self.parts = {"inference": lambda: predict(self.network, self.request)}
            return
        self.network.reserve(self.images, work.batch)
        self.adam = Adam(epsilon=EPSILON)
        self.adam.start(self.network.backend, self.network.parameters)
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.network.backend.limited()

    def step(self, order: NDArray) -> float:
        """One step."""
        self.network.forward(order)
        loss, _ = self.network.loss(self.labels[order])
        self.network.backward()
        self.adam.step(self.network.backend, self.network.parameters, self.network.gradients)
        return loss / len(order)

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        fetch = self.network.backend.fetch
        if "inference" in self.parts:
            return np.log(fetch(predict(self.network, self.request, probabilities=True)))
        return log_softmax(fetch(self.network.forward(self.orders[0]))[:, : len(self.orders[0])].T)

    def proof(self) -> NDArray | None:
        """Losses."""
        return self.steps.losses() if "step" in self.parts else None


class LayerRunner(Runner):
    """The backend's three sparse operations."""

    def __init__(self, work: Layer, backend: backends.NumpyBackend) -> None:
        start = work.draw()
        width = backend.width(work.batch)
        layer = layers.Sparse(start.structure)
        parameters = backend.zeros(layer.size, np.float32)
        parameters[:] = np.concatenate([start.weights, start.bias])
        gradients = backend.zeros(layer.size, np.float32)
        layer.bind(backend, np.float32, parameters, gradients)
        layer.reserve(width, input_gradient=work.backward)
        self.backend, self.layer, self.batch = backend, layer, work.batch
        self.x = backend.zeros((work.inputs, width), np.float32)
        self.x[:, : work.batch] = start.x.T
        self.delta = backend.zeros((work.outputs, width), np.float32)
        self.delta[:, : work.batch] = start.delta.T
        self.parts = {"forward": partial(layer.forward, self.x)}
        if work.backward:
            self.layer.forward(self.x)
            self.parts["backward"] = partial(layer.backward, self.delta)

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.backend.limited()

    def outputs(self) -> NDArray:
        """The layer's outputs."""
        return self.layer.forward(self.x)[:, : self.batch].T

    def proof(self) -> NDArray | None:
        """Gradients of weights, biases and inputs."""
        if "backward" not in self.parts:
            return None
        of_inputs = self.layer.backward(self.delta)[:, : self.batch].T
        gradients = self.layer.gradients
        return np.concatenate([gradients["weights"], gradients["bias"], of_inputs.ravel()])


class PerceptronRunner(Runner):
    """Sparse layers, dense ones where every weight exists, and Nesterov's momentum.

    The library has Adam alone; the momentum of the published protocols is the loop below.
    """

    def __init__(self, work: Perceptron, backend: backends.NumpyBackend) -> None:
        start = work.draw()
        self.images, self.labels = start.images, start.labels
        self.orders = batches(start, work.batch)
        self.rate, self.momentum = np.float32(work.rate), np.float32(work.momentum)
        stack: list[layers.Layer] = []
        for structure, _, _ in start.layers:
            outputs, inputs = structure.shape
            if stack:
                stack.append(layers.LeakyReLU(inputs, 0.0))
            full = structure.nnz == inputs * outputs
            stack.append(layers.Dense(inputs, outputs) if full else layers.Sparse(structure))
        self.network = Network(stack, (1, work.sizes[0], 1), backend=backend)
        drawn = [array for _, *both in start.layers for array in both]
        self.network.parameters[:] = np.concatenate(drawn)
        self.velocity = backend.zeros(self.network.size, np.float32)
        self.network.reserve(self.images, work.batch)
        self.steps = Cycle(self.step, self.orders)
        self.parts = {"step": self.steps}

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.network.backend.limited()

    def step(self, order: NDArray) -> float:
        """One step."""
        network = self.network
        network.forward(order)
        loss, _ = network.loss(self.labels[order])
        network.backward()
        nesterov(network.parameters, network.gradients, self.velocity, self.rate, self.momentum)
        return loss / len(order)

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        logits = self.network.forward(self.orders[0])[:, : len(self.orders[0])].T
        return log_softmax(logits)

    def proof(self) -> NDArray:
        """Losses."""
        return self.steps.losses()


@njit(parallel=True, fastmath=True)
def nesterov(parameters, gradients, velocity, rate, momentum):  # type: ignore[no-untyped-def]
    """Gradient descent with Nesterov's momentum (Sutskever et al. 2013), in PyTorch's form."""
    for i in prange(parameters.size):
        velocity[i] = momentum * velocity[i] + gradients[i]
        parameters[i] -= rate * (gradients[i] + momentum * velocity[i])
