"""The same network, from the same weights, with all data on the device.

A contestant has `name` and `losses(orders)`, mean losses of steps one after the other, and
`steps(count)`, which does so many and waits for the last. `bytes` is the memory it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend import Adam, Network, backends, connectivity, layers
from sparsedend.initializers import glorot

SLOPE = 0.1
#: Adam's, everywhere. PyTorch adds it after the correction of the second moment, we before; of this
#: size neither matters, and all do the same work.
EPSILON = 1e-12


class Problem:
    """Images, labels, and a network whose dendrites have exactly `synapses` anywhere."""

    def __init__(
        self, inputs: int, dendrites: int, somata: int, batch: int, synapses: int = 16
    ) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (16 * batch, inputs), dtype=np.uint8)
        self.labels = rng.integers(0, 10, len(self.images))
        self.batch = batch
        self.structures = (
            connectivity.random(rng, inputs, dendrites * somata, synapses, exact=True),
            connectivity.tree(somata, dendrites),
        )

    def network(self, backend: str) -> Network:
        """The network with everyone's first weights."""
        synapses, cables = self.structures
        stack = [layers.Dendritic(synapses, cables), layers.Dense(cables.shape[0], 10)]
        inputs = self.images.shape[1]
        network = Network(stack, (1, inputs, 1), backend=backends.create(backend))
        network.initialize(np.random.default_rng(1), glorot)
        return network

    @cache  # noqa: B019
    def orders(self, count: int) -> NDArray:
        """Images of so many batches."""
        rng = np.random.default_rng(2)
        shuffled = [rng.permutation(len(self.images)) for _ in range(-(-count // 16))]
        return np.concatenate(shuffled)[: count * self.batch]


class Ours:
    """sparsedend on the GPU."""

    name = "sparsedend cupy"

    def __init__(self, problem: Problem) -> None:
        import cupy

        self.pool = cupy.get_default_memory_pool()
        before = self.pool.used_bytes()
        self.problem = problem
        self.network = network = problem.network("cupy")
        self.backend = backend = network.backend
        self.adam = adam = Adam(epsilon=EPSILON)
        adam.start(backend, network.parameters)
        with backend.limited():
            network.reserve(problem.images, problem.batch)
            self.labels = backend.place(problem.labels)

            def step(batch: Any, labels: Any, rates: Any, random: Any) -> None:
                network.forward(batch, random)
                network.score(labels)
                network.backward()
                adam.apply(backend, network.parameters, network.gradients, rates)

            self.epoch = backend.batches(step, self.labels, problem.batch)
            self.bytes = self.pool.used_bytes() - before

    def losses(self, orders: NDArray) -> list[float]:
        """Mean loss of each batch."""
        found = []
        with self.backend.limited():
            for _ in self.epoch(orders, self.adam.rates(len(orders) // self.problem.batch), None):
                found.append(self.network.totals()[0] / self.problem.batch)
        return found

    def steps(self, count: int) -> None:
        """So many steps, done when this returns."""
        with self.backend.limited():
            for _ in self.epoch(self.problem.orders(count), self.adam.rates(count), None):
                pass
            self.network.totals()


class Torch:
    """PyTorch with dense matrices whose absent weights' gradients are zeroed, as the authors do.

    Parameters
    ----------
    problem : Problem
    how : {"eager", "compiled", "graph"}
        Step by step; forward and backward by ``torch.compile``; the whole step in a CUDA graph.
    tf32 : bool
        Whether products may round their factors to 10 bits.
    """

    def __init__(self, problem: Problem, how: str, tf32: bool) -> None:
        import torch

        self.torch, self.problem = torch, problem
        self.name = f"PyTorch {how}{', TF32' if tf32 else ''}"
        self.precision = "high" if tf32 else "highest"
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        before = self._allocated()
        torch.set_float32_matmul_precision(self.precision)
        network = problem.network("numpy")
        dendritic, dense = network.layers
        self.images = self._placed(problem.images)
        self.labels = self._placed(problem.labels)
        self.order = self._placed(np.zeros(problem.batch, np.int64))
        self.matrices = [self._parameter(m) for m in self._dense(dendritic)]
        self.masks = [(matrix.detach() != 0).float() for matrix in self.matrices]
        w1, w2 = self.matrices
        b1, b2 = (self._parameter(dendritic.parameters[f"{n}_bias"]) for n in ("dendrite", "soma"))
        w3, b3 = (self._parameter(dense.parameters[name]) for name in ("weights", "bias"))
        self.adam = torch.optim.Adam(
            [w1, b1, w2, b2, w3, b3],
            lr=1e-3,
            eps=EPSILON,
            fused=True,
            capturable=self.device == "cuda",
        )
        functional = torch.nn.functional

        def loss(images: Any, labels: Any) -> Any:
            x = images.float() / 255
            x = functional.leaky_relu(functional.linear(x, w1, b1), SLOPE)
            x = functional.leaky_relu(functional.linear(x, w2, b2), SLOPE)
            return functional.cross_entropy(functional.linear(x, w3, b3), labels)

        self._loss = torch.compile(loss) if how == "compiled" else loss
        self._step: Callable[[], None] = self._eager_step
        if how == "graph":
            self._capture()
        self.bytes = self._allocated() - before

    def losses(self, orders: NDArray) -> list[float]:
        """Mean loss of each batch."""
        return [self._do(order).item() for order in self._batches(orders)]

    def steps(self, count: int) -> None:
        """So many steps, done when this returns."""
        loss = None
        for order in self._batches(self.problem.orders(count)):
            loss = self._do(order)
        assert loss is not None
        loss.item()

    def _batches(self, orders: NDArray) -> Any:
        self.torch.set_float32_matmul_precision(self.precision)
        return self._placed(orders).reshape(-1, self.problem.batch)

    def _do(self, order: Any) -> Any:
        self.order.copy_(order)
        self._step()
        return self.loss

    def _eager_step(self) -> None:
        self.adam.zero_grad(set_to_none=True)
        self.loss = self._loss(self.images[self.order], self.labels[self.order])
        self.loss.backward()
        for matrix, mask in zip(self.matrices, self.masks, strict=True):
            matrix.grad.mul_(mask)
        self.adam.step()

    def _capture(self) -> None:
        """Record a step; those done to warm up are taken back."""
        torch = self.torch
        parameters = self.adam.param_groups[0]["params"]
        before = [parameter.detach().clone() for parameter in parameters]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._eager_step()
        torch.cuda.current_stream().wait_stream(stream)
        self.adam.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._eager_step()
        with torch.no_grad():
            for parameter, values in zip(parameters, before, strict=True):
                parameter.copy_(values)
                for state in self.adam.state[parameter].values():
                    state.zero_()
        self._step = graph.replay

    def _dense(self, dendritic: layers.Dendritic) -> list[Any]:
        """Matrices on the device, filled there."""
        found = []
        for name in ("synapses", "cables"):
            structure = dendritic.structures[name]
            matrix = self.torch.zeros(structure.shape, device=self.device)
            rows, columns = self._placed(structure.rows), self._placed(structure.indices.copy())
            matrix[rows.long(), columns.long()] = self._placed(dendritic.parameters[name])
            found.append(matrix)
        return found

    def _placed(self, values: NDArray) -> Any:
        return self.torch.from_numpy(np.array(values)).to(self.device)

    def _parameter(self, values: Any) -> Any:
        values = self._placed(values) if isinstance(values, np.ndarray) else values
        return self.torch.nn.Parameter(values)

    def _allocated(self) -> int:
        return self.torch.cuda.memory_allocated() if self.device == "cuda" else 0


def check_equal(contestants: list[Any]) -> None:
    """Five times the same batch: the first loss, and how far the others fall below it."""
    first = contestants[0]
    orders = np.tile(first.problem.orders(1), 5)
    reference = np.array(first.losses(orders))
    for contestant in contestants[1:]:
        losses = np.array(contestant.losses(orders))
        falls, expected = losses[0] - losses, reference[0] - reference
        tolerance = 0.02 if "TF32" in contestant.name else 0.01
        if not (
            np.isclose(losses[0], reference[0], rtol=tolerance / 100)
            and np.allclose(falls, expected, rtol=tolerance, atol=1e-4)
        ):
            raise AssertionError(
                f"{contestant.name} has losses {losses}, not {reference}: work is not equal"
            )
