"""Other ways to train the same dendritic network, each from the same weights.

Every contestant has `name` and `step(order)`, which takes a batch of uint8 images, goes forward and
backward, changes the parameters by Adam and returns the batch's mean loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, backends, connectivity, layers
from sparsedend.initializers import glorot
from sparsedend.optimizers import Adam

SLOPE = 0.1
#: Adam's, everywhere. PyTorch adds it after the correction of the second moment, we (as Keras)
#: before; of this size neither matters, and all contestants do the same work.
EPSILON = 1e-12


class Problem:
    """Images, labels, and the weights from which all contestants start.

    Every dendrite has exactly `synapses`, so that a rival that needs a constant fan-in can take
    part.
    """

    def __init__(
        self, inputs: int, dendrites: int, somata: int, synapses: int = 16, images: int = 4096
    ) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (images, inputs), dtype=np.uint8)
        self.labels = rng.integers(0, 10, images)
        self.dendrites, self.somata = dendrites, somata
        self.synapses = connectivity.random(rng, inputs, dendrites * somata, synapses, exact=True)
        self.cables = connectivity.tree(somata, dendrites)

    def network(self, backend: str, threads: int) -> Network:
        """Our network, with the weights of everyone's start."""
        stack = [layers.Dendritic(self.synapses, self.cables), layers.Dense(self.somata, 10)]
        network = Network(
            stack, (1, self.images.shape[1], 1), backend=backends.create(backend, threads)
        )
        network.initialize(np.random.default_rng(1), glorot)
        return network


class Ours:
    """sparsedend."""

    def __init__(self, problem: Problem, backend: str, threads: int, batch: int) -> None:
        self.name = f"sparsedend {backend}"
        self.network = problem.network(backend, threads)
        self.labels = problem.labels
        self.network.reserve(problem.images, batch)
        self.adam = Adam(epsilon=EPSILON)
        self.adam.start(self.network.backend, self.network.parameters)

    def step(self, order: NDArray) -> float:
        """One step."""
        self.network.forward(order)
        loss, _ = self.network.loss(self.labels[order])
        self.network.backward()
        self.adam.step(self.network.backend, self.network.parameters, self.network.gradients)
        return loss / len(order)


class Torch:
    """PyTorch: dense classes and loss; `build` says how the dendrites are done.

    It starts from the weights of `network`, one dendritic layer and one of classes.
    """

    def __init__(
        self,
        network: Network,
        images: NDArray,
        labels: NDArray,
        name: str,
        build: Callable[..., Any],
        epsilon: float = EPSILON,
    ) -> None:
        import torch

        self.torch = torch
        self.name = name
        self.images = torch.from_numpy(images)
        self.labels = torch.from_numpy(labels)
        dendritic, dense = network.layers
        self.forward, self.parameters, self.after_backward = build(dendritic)
        self.weights = torch.nn.Parameter(torch.from_numpy(dense.parameters["weights"].copy()))
        self.bias = torch.nn.Parameter(torch.from_numpy(dense.parameters["bias"].copy()))
        everything = [*self.parameters, self.weights, self.bias]
        self.adam = torch.optim.Adam(everything, lr=1e-3, eps=epsilon, fused=True)

    def step(self, order: NDArray) -> float:
        """One step."""
        index = self.torch.from_numpy(order)
        logits = self.logits(self.images[index])
        loss = self.torch.nn.functional.cross_entropy(logits, self.labels[index])
        self.adam.zero_grad()
        loss.backward()
        self.after_backward()
        self.adam.step()
        return loss.item()

    def logits(self, images: Any) -> Any:
        """Logits of images (images, inputs) uint8."""
        somata = self.forward(images.float() / 255)
        return self.torch.nn.functional.linear(somata, self.weights, self.bias)


def masked_dense(ours: layers.Dendritic) -> Any:
    """Dense matrices whose absent entries' gradients are zeroed, as the authors do."""
    import torch

    w1 = torch.nn.Parameter(torch.from_numpy(ours.synapses.toarray()))
    w2 = torch.nn.Parameter(torch.from_numpy(ours.cables.toarray()))
    b1, b2 = _biases(ours)
    m1, m2 = (w1 != 0).float(), (w2 != 0).float()

    def forward(x: Any) -> Any:
        z = torch.nn.functional.leaky_relu(torch.nn.functional.linear(x, w1, b1), SLOPE)
        return torch.nn.functional.leaky_relu(torch.nn.functional.linear(z, w2, b2), SLOPE)

    def after_backward() -> None:
        w1.grad.mul_(m1)
        w2.grad.mul_(m2)

    return forward, [w1, b1, w2, b2], after_backward


def sparse_csr(ours: layers.Dendritic) -> Any:
    """Product by ``torch.sparse`` CSR, weight gradient by its sampled product."""
    import torch

    structure = ours.structure.synapses
    indptr = torch.from_numpy(structure.indptr.copy())
    indices = torch.from_numpy(structure.indices.copy())
    zeros = torch.sparse_csr_tensor(
        indptr, indices, torch.zeros(structure.nnz), size=structure.shape, check_invariants=False
    )

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, weights: Any, x: Any) -> Any:
            context.save_for_backward(x)
            matrix = torch.sparse_csr_tensor(
                indptr, indices, weights, size=structure.shape, check_invariants=False
            )
            return matrix @ x

        @staticmethod
        def backward(context: Any, delta: Any) -> Any:
            (x,) = context.saved_tensors
            sampled = torch.sparse.sampled_addmm(zeros, delta.contiguous(), x.t(), beta=0)
            return sampled.values(), None

    weights = torch.nn.Parameter(torch.from_numpy(ours.parameters["synapses"].copy()))
    return _tree(ours, [weights], lambda x: Product.apply(weights, x.t().contiguous()))


def gather(ours: layers.Dendritic) -> Any:
    """Inputs gathered for each dendrite, constant fan-in."""
    import torch

    rows = ours.dendrites
    index = torch.from_numpy(ours.structure.synapses.indices.reshape(rows, -1).astype(np.int64))
    weights = torch.nn.Parameter(
        torch.from_numpy(ours.parameters["synapses"].reshape(rows, -1).copy())
    )
    return _tree(ours, [weights], lambda x: (x[:, index] * weights).sum(2).t())


def sparselab(ours: layers.Dendritic) -> Any:
    """Sparselab's SparseLinear with our connections."""
    import sparselab
    import torch

    structure = ours.structure.synapses
    rows, columns = structure.shape
    layer = sparselab.SparseLinear(columns, rows, bias=False, sparsity=0.99, padding_ratio=0.0)
    matrix = torch.sparse_csr_tensor(
        torch.from_numpy(structure.indptr.copy()),
        torch.from_numpy(structure.indices.copy()),
        torch.from_numpy(ours.parameters["synapses"].copy()),
        size=(rows, columns),
        check_invariants=False,
    )
    layer._csr = sparselab.PaddedCSR.from_torch_sparse_csr(matrix, padding_ratio=0.0)
    layer._values = torch.nn.Parameter(torch.from_numpy(np.asarray(layer._csr.values)))
    return _tree(ours, [layer._values], lambda x: layer(x).t())


TORCH = {
    "PyTorch masked dense": masked_dense,
    "PyTorch torch.sparse CSR": sparse_csr,
    "PyTorch gather": gather,
    "sparselab": sparselab,
}


def _biases(ours: layers.Dendritic) -> list[Any]:
    import torch

    return [
        torch.nn.Parameter(torch.from_numpy(ours.parameters[name].copy()))
        for name in ("dendrite_bias", "soma_bias")
    ]


def _tree(ours: layers.Dendritic, synapses: list[Any], product: Any) -> Any:
    """Dendrites from `product` (dendrites, batch), cables as an elementwise product and sum."""
    import torch

    shape = (ours.outputs, ours.dendrites // ours.outputs)
    cables = torch.nn.Parameter(torch.from_numpy(ours.parameters["cables"].reshape(shape).copy()))
    b1, b2 = _biases(ours)

    def forward(x: Any) -> Any:
        z = torch.nn.functional.leaky_relu(product(x) + b1[:, None], SLOPE)
        somata = (z.view(*shape, -1) * cables[..., None]).sum(1) + b2[:, None]
        return torch.nn.functional.leaky_relu(somata, SLOPE).t()

    return forward, [*synapses, b1, cables, b2], lambda: None
