"""sparsedend: all that bench knows of the library's inner workings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, backends, layers, predict
from sparsedend.backends import NumpyBackend
from sparsedend.optimizers import Adam

from ..machine import available_threads
from ..works import Dendritic, Layer, Matrix, Work, all_to_all
from . import Contestant
from .runner import EPSILON, QUEUED, Runner, Trainer

#: The run that a work's task "run" stands for.
COMMAND = ("train", "dann-r", "--dataset", "fmnist", "--epochs", "25")


def runner(work: Work, contestant: Contestant) -> Runner:
    """Our way to do it."""
    backend = backends.create(contestant.variant, available_threads())
    if isinstance(work, Layer):
        return LayerRunner(work, backend)
    if isinstance(work, Dendritic):
        optimizer: Any = Adam(epsilon=EPSILON)
    else:
        optimizer = Nesterov(work.rate, work.momentum)
    images, labels, drawn = work.draw()
    made = network(drawn, work.slope, backend)
    del drawn  # which need not stay beside the network's own
    trainer = NetworkTrainer(made, images, labels, work.batch, optimizer)
    trainer.begin(work, images, QUEUED if contestant.device == "cuda" else 1)
    if work.task == "run":
        sizes = ["--dendrites", str(work.dendrites), "--somata", str(work.somata)]
        threads = ["--threads", str(backend.threads)]
        trainer.parts = {"run": partial(command, *COMMAND, *sizes, *threads)}
    return trainer


def network(matrices: list[Matrix], slope: float, backend: NumpyBackend) -> Network:
    """Dendrites and somata where the second matrix is a tree; full matrices are dense."""
    first, *rest = matrices
    stack: list[layers.Layer] = []
    if rest and rest[0].tree:
        stack.append(layers.Dendritic(first.structure, rest.pop(0).structure, slope))
    else:
        rest = matrices
    for matrix in rest:
        outputs, inputs = matrix.structure.shape
        if stack and not isinstance(stack[-1], layers.Dendritic):
            stack.append(layers.LeakyReLU(inputs, slope))
        sparse = layers.Sparse(matrix.structure)
        stack.append(layers.Dense(inputs, outputs) if matrix.full else sparse)
    made = Network(stack, (1, first.structure.shape[1], 1), backend=backend)
    drawn = [array for matrix in matrices for array in (matrix.weights, matrix.bias)]
    made.parameters[:] = backend.place(np.concatenate(drawn))
    return made


def matrices(network: Network) -> list[Matrix]:
    """What `network` makes an equal one of; it is on the host."""
    found = []
    for layer in network.layers:
        values = iter(layer.parameters.values())
        dense = [all_to_all(layer.outputs, layer.inputs)] if layer.parameters else []
        for structure in list(layer.structures.values()) or dense:
            found.append(Matrix(structure, next(values).reshape(-1), next(values)))
    return found


def command(*arguments: str) -> None:
    """A command of sparsedend's with a new checkpoint, from the process's start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        output = ["--output", str(Path(folder) / "a.h5")]
        line = [sys.executable, "-m", "sparsedend", *arguments, *output]
        answer = subprocess.run(line, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError((answer.stderr.strip().splitlines() or ["no word"])[-1])


class NetworkTrainer(Trainer):
    """A network of ours, on images of bytes or floats."""

    def __init__(
        self, network: Network, images: NDArray, labels: NDArray, batch: int, optimizer: Any
    ) -> None:
        self.network, self.backend, self.batch = network, network.backend, batch
        self.optimizer = optimizer
        self.images, self.labels = self.backend.place(images), self.backend.place(labels)
        optimizer.start(self.backend, network.parameters)
        self.make_room()

    def make_room(self) -> None:
        """Be ready for batches of the images."""
        self.network.reserve(self.images, self.batch)
        self.epoch = self.backend.batches(self.queue, self.labels, self.batch)

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.backend.limited()

    def placed(self, images: NDArray) -> Any:
        """Images where the backend computes."""
        return self.backend.place(images)

    def logits(self, images: Any) -> NDArray:
        """Log-probabilities."""
        found = predict(self.network, images, probabilities=True)
        self.make_room()
        return np.log(self.backend.fetch(found))

    def infer(self) -> NDArray:
        """Classes of the request."""
        return predict(self.network, self.request)

    def queue(self, batch: Any, labels: Any, rates: Any, random: Any) -> None:
        """One step, which a GPU need not have done when this returns."""
        network = self.network
        network.forward(batch, random)
        network.score(labels)
        network.backward()
        self.optimizer.apply(self.backend, network.parameters, network.gradients, rates)

    def step(self, order: NDArray) -> float:
        """One step."""
        (rates,) = self.optimizer.rates(1)
        order = self.backend.place(order)
        self.queue(order, self.labels[order], rates, None)
        return self.network.totals()[0] / len(order)

    def steps(self, orders: list[NDArray]) -> None:
        """All steps, on a GPU by graphs of several, and then a wait."""
        if self.backend.name != "cupy":
            super().steps(orders)
            return
        for _ in self.epoch(np.concatenate(orders), self.optimizer.rates(len(orders)), None):
            pass
        self.network.totals()


class LayerRunner(Runner):
    """The backend's three sparse operations."""

    def __init__(self, work: Layer, backend: NumpyBackend) -> None:
        x, delta, matrix = work.draw()
        width = backend.width(work.batch)
        layer = layers.Sparse(matrix.structure)
        parameters = backend.zeros(layer.size, np.float32)
        parameters[:] = np.concatenate([matrix.weights, matrix.bias])
        layer.bind(backend, np.float32, parameters, backend.zeros(layer.size, np.float32))
        layer.reserve(width, input_gradient=work.backward)
        self.backend, self.layer, self.batch = backend, layer, work.batch
        self.x = backend.zeros((work.inputs, width), np.float32)
        self.x[:, : work.batch] = x.T
        self.delta = backend.zeros((work.outputs, width), np.float32)
        self.delta[:, : work.batch] = delta.T
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


class Loop(NamedTuple):
    """A part of a step, by itself.

    Attributes
    ----------
    run : callable
        Does it once, or queues it on a GPU.
    multiply_adds : int
        With the synapses, or of dense weights; 0 where they do not count.
    bytes : int
        That it must read and write if nothing is kept nearer than the L2 cache.
    vectors : bool
        Whether those are the flat vectors, which a cache need not hold.
    """

    run: Callable[[], Any]
    multiply_adds: int
    bytes: int
    vectors: bool = False


def loops(work: Dendritic | Layer, backend: NumpyBackend) -> dict[str, Loop]:
    """Each loop of a step, by name."""
    return _layer_loops(work, backend) if isinstance(work, Layer) else _step_loops(work, backend)


def _layer_loops(work: Layer, backend: NumpyBackend) -> dict[str, Loop]:
    ours = LayerRunner(work, backend)
    layer, structure = ours.layer, ours.layer.structure
    weights, gradients = layer.parameters["weights"], layer.gradients
    of_inputs = backend.zeros(ours.x.shape, np.float32)
    row, count = 4 * ours.x.shape[1], work.connections * work.batch
    size = work.connections * (row + 8) + work.outputs * row
    return {
        "forward": Loop(lambda: layer.forward(ours.x), count, size),
        "weight gradient": Loop(
            lambda: backend.sparse_weight_gradient(
                ours.x, structure, weights, ours.delta, gradients["weights"], gradients["bias"]
            ),
            count,
            size,
        ),
        "input gradient": Loop(
            lambda: backend.sparse_input_gradient(
                structure, structure.transposed, weights, ours.delta, of_inputs
            ),
            count,
            work.connections * (row + 8) + work.inputs * row,
        ),
    }


def _step_loops(work: Dendritic, backend: NumpyBackend) -> dict[str, Loop]:
    start = work.draw()
    made = network(start.layers, work.slope, backend)
    images, labels = backend.place(start.images), backend.place(start.labels[: work.batch])
    made.reserve(images, work.batch)
    somata, classes = made.layers
    width = backend.width(work.batch)
    batch = backend.batch(images, width, made.dtype, sparse_readers=True)
    order = backend.place(np.arange(work.batch))
    backend.take_batch(images, order, batch)
    activations = somata.forward(batch)
    logits = classes.forward(activations)
    delta, totals = backend.zeros(logits.shape, made.dtype), backend.zeros(2, np.float64)
    backend.softmax_cross_entropy(logits, labels, delta, totals)
    of_somata = classes.backward(delta)
    adam = Adam()
    adam.start(backend, made.parameters)
    rates = backend.place(np.array([1e-3, 0.0])) if backend.name == "cupy" else (1e-3, 0.0)

    row, pixel = 4 * width, batch.itemsize
    count, dense = work.connections * work.batch, classes.size * work.batch
    # For each synapse a row of the batch, its index and weight; for each dendrite signs and cable.
    synapses = work.connections * (pixel * width + 8) + work.size * (width // 4 + 16)
    of_classes = (work.somata + len(logits)) * row + 4 * classes.size
    return {
        "take a batch": Loop(
            lambda: backend.take_batch(images, order, batch),
            0,
            work.batch * work.inputs + work.inputs * width * pixel,
        ),
        "dendrites and somata, forward": Loop(
            lambda: somata.forward(batch), count, synapses + work.somata * row
        ),
        "classes, forward": Loop(lambda: classes.forward(activations), dense, of_classes),
        "loss": Loop(
            lambda: backend.softmax_cross_entropy(logits, labels, delta, totals),
            0,
            2 * len(logits) * row,
        ),
        "classes, backward": Loop(lambda: classes.backward(delta), 2 * dense, 2 * of_classes),
        "dendrites and somata, backward": Loop(
            lambda: somata.backward(of_somata),
            count,
            synapses + 4 * work.connections + 4 * work.somata * row,
        ),
        "Adam": Loop(
            lambda: adam.apply(backend, made.parameters, made.gradients, rates),
            0,
            28 * made.size,
            vectors=True,
        ),
    }


class Nesterov:
    """The momentum of the published protocols, until the library has it."""

    def __init__(self, rate: float, momentum: float) -> None:
        self.settings = np.float32(rate), np.float32(momentum)

    def start(self, backend: NumpyBackend, parameters: NDArray) -> None:
        """Stand still."""
        self.velocity = backend.zeros(parameters.shape, parameters.dtype)

    def rates(self, steps: int) -> list[Any]:
        """One pair a step."""
        return [self.settings] * steps

    def apply(self, backend: Any, parameters: NDArray, gradients: NDArray, rates: Any) -> None:
        """One step, in PyTorch's form."""
        rate, momentum = rates
        self.velocity *= momentum
        self.velocity += gradients
        parameters -= rate * (gradients + momentum * self.velocity)
