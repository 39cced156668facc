"""PyTorch: dense, masked dense, ``torch.sparse`` CSR and gather, eager and compiled; sparselab too.

A variant is how a sparse product is done. It is a module with `weight`s to train; cables are an
elementwise product and a sum, but for the masked dense variant, which does them as its authors do,
by a dense matrix as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sparsedend.connectivity import Structure

from ..works import SLOPE, Dendritic, DendriticStart, Layer, Perceptron, Work, batches
from .ours import EPSILON
from .runner import Cycle, Runner, dense, log_softmax


def runner(work: Work, variant: str) -> Runner:
    """The work by a product of `PRODUCTS`; with "+compiled", by the compiler."""
    torch.manual_seed(0)
    name, _, compiled = variant.partition("+")
    kinds = {Dendritic: DendriticRunner, Layer: LayerRunner, Perceptron: PerceptronRunner}
    return kinds[type(work)](work, PRODUCTS[name], bool(compiled))


class Dense(torch.nn.Module):
    """``x Wᵀ`` with all weights."""

    def __init__(self, structure: Structure, weights: NDArray) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(dense(structure, weights)))

    def forward(self, x: Any) -> Any:
        """(batch, inputs) -> (batch, outputs)."""
        return functional.linear(x, self.weight)

    def after_backward(self) -> None:
        """Nothing: all weights are trained."""

    def gradient(self, structure: Structure) -> Any:
        """Of the weights that exist."""
        return self.weight.grad[structure.rows, structure.indices]


class Masked(Dense):
    """Dense, with the absent weights' gradients zeroed, as the authors of dendritic networks do."""

    def __init__(self, structure: Structure, weights: NDArray) -> None:
        super().__init__(structure, weights)
        mask = torch.from_numpy(dense(structure, np.ones_like(weights)))
        self.register_buffer("mask", mask)

    def after_backward(self) -> None:
        """Zero the gradients of absent weights."""
        self.weight.grad.mul_(self.mask)


class Csr(torch.nn.Module):
    """Product by ``torch.sparse`` CSR, weight gradient by its sampled product."""

    def __init__(self, structure: Structure, weights: NDArray) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(weights.copy()))
        self.indptr = torch.from_numpy(structure.indptr.copy())
        self.indices = torch.from_numpy(structure.indices.copy())
        self.shape = structure.shape
        self.zeros = self.matrix(torch.zeros(structure.nnz))
        by_column = structure.transposed
        self.transposed = (
            torch.from_numpy(by_column.indptr.astype(np.int32)),
            torch.from_numpy(by_column.rows.astype(np.int32)),
            torch.from_numpy(by_column.positions.astype(np.int64)),
        )

    def matrix(self, values: Any) -> Any:
        """The matrix with these values."""
        return torch.sparse_csr_tensor(
            self.indptr, self.indices, values, size=self.shape, check_invariants=False
        )

    def forward(self, x: Any) -> Any:
        """(batch, inputs) -> (batch, outputs)."""
        return _CsrProduct.apply(self.weight, x.t().contiguous(), self).t()

    def after_backward(self) -> None:
        """Nothing: the weights that exist are trained."""

    def gradient(self, structure: Structure) -> Any:
        """Of the weights that exist."""
        return self.weight.grad


class _CsrProduct(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Any, x: Any, product: Csr) -> Any:
        context.save_for_backward(weight, x)
        context.product = product
        return product.matrix(weight) @ x

    @staticmethod
    def backward(context: Any, delta: Any) -> Any:
        weight, x = context.saved_tensors
        product, delta = context.product, delta.contiguous()
        sampled = torch.sparse.sampled_addmm(product.zeros, delta, x.t(), beta=0)
        of_inputs = None
        if context.needs_input_grad[1]:
            indptr, rows, positions = product.transposed
            matrix = torch.sparse_csr_tensor(
                indptr, rows, weight[positions], size=product.shape[::-1], check_invariants=False
            )
            of_inputs = matrix @ delta
        return sampled.values(), of_inputs, None


class Gather(torch.nn.Module):
    """Inputs gathered for each output; constant fan-in alone."""

    def __init__(self, structure: Structure, weights: NDArray) -> None:
        super().__init__()
        rows = structure.shape[0]
        self.index = torch.from_numpy(structure.indices.reshape(rows, -1).astype(np.int64))
        self.weight = torch.nn.Parameter(torch.from_numpy(weights.reshape(rows, -1).copy()))

    def forward(self, x: Any) -> Any:
        """(batch, inputs) -> (batch, outputs)."""
        return (x[:, self.index] * self.weight).sum(2)

    def after_backward(self) -> None:
        """Nothing: the weights that exist are trained."""

    def gradient(self, structure: Structure) -> Any:
        """Of the weights that exist."""
        return self.weight.grad.view(-1)


class Sparselab(torch.nn.Module):
    """Sparselab's SparseLinear with our connections."""

    def __init__(self, structure: Structure, weights: NDArray) -> None:
        import sparselab

        super().__init__()
        outputs, inputs = structure.shape
        self.layer = sparselab.SparseLinear(
            inputs, outputs, bias=False, sparsity=0.99, padding_ratio=0.0
        )
        matrix = torch.sparse_csr_tensor(
            torch.from_numpy(structure.indptr.copy()),
            torch.from_numpy(structure.indices.copy()),
            torch.from_numpy(weights.copy()),
            size=structure.shape,
            check_invariants=False,
        )
        self.layer._csr = sparselab.PaddedCSR.from_torch_sparse_csr(matrix, padding_ratio=0.0)
        values = torch.from_numpy(np.asarray(self.layer._csr.values))
        self.layer._values = torch.nn.Parameter(values)

    def forward(self, x: Any) -> Any:
        """(batch, inputs) -> (batch, outputs)."""
        return self.layer(x)

    def after_backward(self) -> None:
        """Nothing: the weights that exist are trained."""

    def gradient(self, structure: Structure) -> Any:
        """Of the weights that exist."""
        existing = (
            np.asarray(self.layer._csr.col_indices) >= 0
        )  # an empty row has one that does not
        return self.layer._values.grad[torch.from_numpy(existing)]


PRODUCTS: dict[str, type] = {
    "dense": Dense,
    "masked": Masked,
    "csr": Csr,
    "gather": Gather,
    "sparselab": Sparselab,
}


class LayerRunner(Runner):
    """One layer."""

    def __init__(self, work: Layer, product: type, compiled: bool) -> None:
        start = work.draw()
        self.structure = start.structure
        self.product = product(start.structure, start.weights)
        self.bias = torch.nn.Parameter(torch.from_numpy(start.bias.copy()))
        self.x = torch.from_numpy(start.x).requires_grad_(work.backward)
        self.delta = torch.from_numpy(start.delta)
        layer = lambda x: self.product(x) + self.bias  # noqa: E731
        if product is Dense:  # its bias costs nothing extra
            layer = lambda x: functional.linear(x, self.product.weight, self.bias)  # noqa: E731
        self.layer = torch.compile(layer) if compiled else layer
        self.inference = not work.backward
        self.parts: dict[str, Callable[[], object]] = {"forward": self.forward}
        if work.backward:
            self.forward()
            self.parts["backward"] = self.backward

    def forward(self) -> Any:
        """Outputs, kept for `backward`."""
        with torch.inference_mode(self.inference):
            self.y = self.layer(self.x)
        return self.y

    def backward(self) -> None:
        """All gradients; the graph is kept, so that it can be timed again and again."""
        for tensor in (self.x, self.bias, *self.product.parameters()):
            tensor.grad = None
        self.y.backward(self.delta, retain_graph=True)
        self.product.after_backward()

    def outputs(self) -> NDArray:
        """The layer's outputs."""
        return self.forward().detach().numpy()

    def proof(self) -> NDArray | None:
        """Gradients of weights, biases and inputs."""
        if self.inference:
            return None
        self.backward()
        of_weights = self.product.gradient(self.structure)
        return torch.cat([of_weights, self.bias.grad, self.x.grad.reshape(-1)]).numpy()


class _Trainer(Runner):
    """A model of images, trained by cross-entropy."""

    images: Any
    labels: Any
    products: list[Any]
    trains_the_same: bool
    optimizer: Any

    def logits(self, images: Any) -> Any:
        raise NotImplementedError

    def start(self, orders: list[NDArray], task: str, compiled: bool) -> None:
        """What is common to all, once the model is there."""
        self.orders = orders
        self.model = torch.compile(self.logits) if compiled else self.logits
        if task == "inference":
            request = self.images[torch.from_numpy(orders[0])]
            self.parts = {"inference": lambda: self.infer(request).argmax(1)}
            return
        self.steps = Cycle(self.step, orders)
        self.parts = {"step": self.steps}

    def infer(self, images: Any) -> Any:
        """Logits, without anything for a backward pass."""
        with torch.inference_mode():
            return self.model(images)

    def step(self, order: NDArray) -> float:
        """One step."""
        index = torch.from_numpy(order)
        loss = functional.cross_entropy(self.model(self.images[index]), self.labels[index])
        self.optimizer.zero_grad()
        loss.backward()
        for product in self.products:
            product.after_backward()
        self.optimizer.step()
        return loss.item()

    def outputs(self) -> NDArray:
        """Log-probabilities."""
        index = torch.from_numpy(self.orders[0])
        return log_softmax(self.infer(self.images[index]).numpy())

    def proof(self) -> NDArray | None:
        """Losses."""
        return self.steps.losses() if self.trains_the_same and "step" in self.parts else None


class DendriticRunner(_Trainer):
    """Dendrites and somata by one product each, or a sum over each soma's dendrites."""

    def __init__(self, work: Dendritic, product: type, compiled: bool) -> None:
        start = work.draw()
        self.trains_the_same = product is not Dense
        self.images, self.labels = torch.from_numpy(start.images), torch.from_numpy(start.labels)
        self.network = Network(start, product, (work.somata, work.dendrites))
        self.products = self.network.products
        everything = self.network.parameters()
        self.optimizer = torch.optim.Adam(everything, lr=1e-3, eps=EPSILON, fused=True)
        self.start(batches(start, work.batch), work.task, compiled)

    def logits(self, images: Any) -> Any:
        """Logits of bytes."""
        return self.network(images)


class Network(torch.nn.Module):
    """A dendritic network, from the weights of `start`, with synapses by `product`.

    Parameters
    ----------
    start : DendriticStart
    product : class of `PRODUCTS`
    tree : (int, int)
        Somata, and dendrites of each.
    """

    def __init__(self, start: DendriticStart, product: type, tree: tuple[int, int]) -> None:
        super().__init__()
        parameter = lambda a: torch.nn.Parameter(torch.from_numpy(a.copy()))  # noqa: E731
        self.synapses = product(start.synapses, start.synapse_weights)
        self.products = [self.synapses]
        self.matrix = None
        if issubclass(product, Dense):
            self.matrix = product(start.cables, start.cable_weights)
            self.products.append(self.matrix)
        else:
            self.cables = parameter(start.cable_weights.reshape(tree))
        self.dendrite_bias, self.soma_bias = map(parameter, (start.dendrite_bias, start.soma_bias))
        self.class_weights, self.class_bias = map(
            parameter, (start.class_weights, start.class_bias)
        )

    def forward(self, images: Any) -> Any:
        """Logits of images (batch, inputs) of bytes."""
        x = images.float() / 255
        z = functional.leaky_relu(self.synapses(x) + self.dendrite_bias, SLOPE)
        if self.matrix is not None:
            sums = self.matrix(z)
        else:
            sums = (z.view(len(z), *self.cables.shape) * self.cables).sum(2)
        somata = functional.leaky_relu(sums + self.soma_bias, SLOPE)
        return functional.linear(somata, self.class_weights, self.class_bias)


class PerceptronRunner(_Trainer):
    """Products with ReLU between them."""

    def __init__(self, work: Perceptron, product: type, compiled: bool) -> None:
        start = work.draw()
        self.trains_the_same = product is not Dense or work.connections == work.dense_values
        self.images, self.labels = torch.from_numpy(start.images), torch.from_numpy(start.labels)
        self.products, self.biases = [], []
        for structure, weights, bias in start.layers:
            full = structure.nnz == structure.shape[0] * structure.shape[1]
            self.products.append((Dense if full else product)(structure, weights))
            self.biases.append(torch.nn.Parameter(torch.from_numpy(bias.copy())))
        parameters = [p for product in self.products for p in product.parameters()]
        self.optimizer = torch.optim.SGD(
            [*parameters, *self.biases], lr=work.rate, momentum=work.momentum, nesterov=True
        )
        self.start(batches(start, work.batch), "step", compiled)

    def logits(self, images: Any) -> Any:
        """Logits of bytes or floats."""
        x = images.float() / 255 if images.dtype == torch.uint8 else images
        for number, (product, bias) in enumerate(zip(self.products, self.biases, strict=True)):
            x = product(functional.relu(x) if number else x) + bias
        return x
