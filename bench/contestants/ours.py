"""sparsedend: all that bench knows of the library's inner workings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, Session, Training, backends, layers, predict
from sparsedend.backends import Backend
from sparsedend.optimizers import SGD, Adam, Optimizer
from sparsedend.workspace import Workspace

from ..machine import available_threads
from ..works import Dendritic, Layer, Matrix, Work, all_to_all
from . import Contestant
from .runner import EPSILON, QUEUED, Runner, Trainer

# The backend imports it late, and a run's memory is counted from here.
with suppress(ImportError):
    import numba  # noqa: F401

#: The run that a work's task "run" stands for.
COMMAND = ("train", "dann-r", "--dataset", "fmnist", "--epochs", "25")


def runner(work: Work, contestant: Contestant) -> Runner:
    """Our way to do it."""
    name, *model = contestant.variant.split("+")
    backend = backends.create(name, available_threads())
    if isinstance(work, Layer):
        return LayerRunner(work, backend)
    if isinstance(work, Dendritic):
        optimizer: Optimizer = Adam(epsilon=EPSILON)
    else:
        optimizer = SGD(work.rate, work.momentum, nesterov=True)
    images, labels, drawn = work.draw()
    # The matrices that a model has all to all, as whose network the work is done.
    filled = {"vann": len(drawn), "pdann": 1}.get("".join(model), 0)
    drawn = [matrix.filled() for matrix in drawn[:filled]] + drawn[filled:]
    made = network(drawn, work.slope, backend)
    del drawn  # which need not stay beside the network's own
    trainer = NetworkTrainer(made, images, labels, work.batch, optimizer)
    trainer.trains_the_same = not model
    trainer.begin(work, images, QUEUED if contestant.device == "cuda" else 1)
    if work.task == "run":
        sizes = ["--dendrites", str(work.dendrites), "--somata", str(work.somata)]
        threads = ["--threads", str(backend.threads)]
        trainer.parts = {"run": partial(command, *COMMAND, *sizes, *threads)}
    return trainer


def network(matrices: list[Matrix], slope: float, backend: Backend) -> Network:
    """Dendrites and somata where the second matrix is a tree; full matrices are dense."""
    first, *rest = matrices
    stack: list[layers.Layer] = []
    if rest and rest[0].tree and not first.full:
        stack.append(layers.Dendritic(first.structure, rest.pop(0).structure, slope))
    else:
        rest = matrices
    for matrix in rest:
        outputs, inputs = matrix.structure.shape
        if stack and not isinstance(stack[-1], layers.Dendritic):
            stack.append(layers.LeakyReLU(inputs, slope))
        sparse = layers.Sparse(matrix.structure)
        stack.append(layers.Dense(inputs, outputs) if matrix.full else sparse)
    return _given(Network(stack, (1, stack[0].inputs, 1), backend=backend), matrices)


def _given(network: Network, matrices: list[Matrix]) -> Network:
    """The network, with their weights."""
    drawn = [array for matrix in matrices for array in (matrix.weights, matrix.bias)]
    network.parameters = np.concatenate(drawn)
    return network


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
        self, network: Network, images: NDArray, labels: NDArray, batch: int, optimizer: Optimizer
    ) -> None:
        self.network, self.training = network, Training(optimizer, batch_size=batch)
        self.images, self.labels = images, labels

    @cached_property
    def session(self) -> Session:
        """Where it is trained; one that only predicts has none."""
        size = self.training.batch_size
        return Session(self.network, self.images, self.labels, batch_size=size)

    @cached_property
    def epoch(self) -> Callable[..., Any]:
        """Many steps, one after the other."""
        self.training.begin(self.network)
        return self.session.trainer(self.training, self.training.batch_size)

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.network.backend.limited()

    def placed(self, images: NDArray) -> Any:
        """Images where the backend computes."""
        return self.network.backend.place(images)

    def logits(self, images: Any) -> NDArray:
        """Logits."""
        return self.network.backend.fetch(predict(self.network, images, raw=True))

    def infer(self) -> NDArray:
        """Classes of the request."""
        return predict(self.network, self.request)

    def step(self, order: NDArray) -> float:
        """One step."""
        self.session.train_step(self.training, order)
        return self.session.totals().loss

    def steps(self, orders: list[NDArray]) -> None:
        """All steps, queued on a GPU, and then a wait."""
        rates = self.training.rates(len(orders))
        for _ in self.epoch(np.concatenate(orders), rates, self.training.dropout):
            pass
        self.session.totals()


class LayerRunner(Runner):
    """One sparse layer."""

    def __init__(self, work: Layer, backend: Backend) -> None:
        x, delta, matrix = work.draw()
        made = _given(
            Network([layers.Sparse(matrix.structure)], work.inputs, backend=backend), [matrix]
        )
        both = {"training": work.backward, "input_gradient": work.backward}
        self.workspace, self.batch = Workspace(made, work.batch, **both), work.batch
        ((self.layer, self.state, _),) = self.workspace.steps
        self.x = backend.zeros((work.inputs, self.workspace.width), np.float32)
        self.x[:, : work.batch] = x.T
        self.delta = self.workspace.delta
        self.delta[:, : work.batch] = delta.T
        self.parts = {"forward": partial(self.layer.forward, self.x, self.state)}
        if work.backward:
            self.parts["forward"]()
            self.parts["backward"] = partial(self.layer.backward, self.delta, self.state)

    def limited(self) -> AbstractContextManager[None]:
        """With the backend's threads."""
        return self.layer.backend.limited()

    def outputs(self) -> NDArray:
        """The layer's outputs."""
        return self.layer.forward(self.x, self.state)[:, : self.batch].T

    def proof(self) -> NDArray | None:
        """Gradients of weights, biases and inputs."""
        if "backward" not in self.parts:
            return None
        of_inputs = self.layer.backward(self.delta, self.state)[:, : self.batch].T
        return np.concatenate([self.workspace.gradients, of_inputs.ravel()])


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


def loops(work: Dendritic | Layer, backend: Backend) -> dict[str, Loop]:
    """Each loop of a step, by name."""
    return _layer_loops(work, backend) if isinstance(work, Layer) else _step_loops(work, backend)


def _layer_loops(work: Layer, backend: Backend) -> dict[str, Loop]:
    ours = LayerRunner(work, backend)
    structure, state = ours.layer.connections["weights"], ours.state
    weights, gradients = ours.layer.parameters["weights"], state.gradients
    into = gradients["weights"], gradients["bias"]
    row, count = 4 * ours.workspace.width, work.connections * work.batch
    runs = {
        "forward": lambda: ours.layer.forward(ours.x, state),
        "weight gradient": lambda: backend.sparse_weight_gradient(
            ours.x, structure, weights, ours.delta, *into
        ),
        "input gradient": lambda: backend.sparse_input_gradient(
            structure, structure.transposed, weights, ours.delta, state.input_delta
        ),
    }
    rows = {"forward": work.outputs, "weight gradient": work.outputs, "input gradient": work.inputs}
    size = work.connections * (row + 8)
    return {name: Loop(run, count, size + rows[name] * row) for name, run in runs.items()}


def _step_loops(work: Dendritic, backend: Backend) -> dict[str, Loop]:
    start = work.draw()
    made = network(start.layers, work.slope, backend)
    images, labels = backend.place(start.images), backend.place(start.labels)
    order = backend.place(np.arange(work.batch))
    workspace, training = Workspace(made, work.batch, training=True), Training()
    width, delta = workspace.width, workspace.delta
    (somata, inner, _), (classes, outer, _) = workspace.steps
    batch = backend.batch(images, width, made.dtype, sparse_readers=True)
    backend.take_batch(images, order, batch)
    activations = somata.forward(batch, inner)
    logits = classes.forward(activations, outer)
    score = partial(made.loss.score, backend, logits, labels, order, None, delta, workspace.totals)
    score()
    of_somata = classes.backward(delta, outer)
    training.begin(made)
    (rates,) = training.rates(1)
    placed = backend.place(np.array(rates)) if backend.name == "cupy" else rates

    row, pixel = 4 * width, batch.itemsize
    count, dense = work.connections * work.batch, classes.size * work.batch
    # For each synapse a row of the batch, its index and weight; for each dendrite signs and cable.
    synapses = work.connections * (pixel * width + 8) + work.size * (width // 4 + 16)
    of_classes = (work.somata + len(logits)) * row + 4 * classes.size
    forward, backward = row * work.somata, 4 * (work.connections + row * work.somata)
    taken = work.batch * work.inputs + work.inputs * width * pixel
    change = partial(training.apply, made, workspace.gradients, placed)
    found = {
        "take a batch": Loop(partial(backend.take_batch, images, order, batch), 0, taken),
        "dendrites and somata, forward": Loop(
            partial(somata.forward, batch, inner), count, synapses + forward
        ),
        "classes, forward": Loop(partial(classes.forward, activations, outer), dense, of_classes),
        "loss": Loop(score, 0, 2 * len(logits) * row),
        "classes, backward": Loop(
            partial(classes.backward, delta, outer), 2 * dense, 2 * of_classes
        ),
        "dendrites and somata, backward": Loop(
            partial(somata.backward, of_somata, inner), count, synapses + backward
        ),
        "Adam": Loop(change, 0, 28 * made.size, vectors=True),
    }

    def repeated(run: Callable[[], Any]) -> Callable[[], Any]:
        """As in the steps of an epoch: without Python between the loop and its threads."""
        return partial(backend.repeated(lambda *_: run()), images, order, placed, None)

    return {name: loop._replace(run=repeated(loop.run)) for name, loop in found.items()}
