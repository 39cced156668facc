"""PyTorch: dense, masked dense, ``torch.sparse`` CSR and gather, on a CPU or GPU; sparselab too.

A variant is how a sparse product is done and, after "+", how steps are: "compiled", in a CUDA
"graph", with the factors of products rounded to "tf32". Cables are an elementwise product and a
sum, but for the dense variants, which do them as the authors of dendritic networks do, by a dense
matrix as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ..works import Dendritic, Layer, Matrix, Work
from . import Contestant
from .runner import EPSILON, QUEUED, Runner, Trainer


def runner(work: Work, contestant: Contestant) -> Runner:
    """The work by a product of `PRODUCTS`."""
    torch.manual_seed(0)
    name, *how = contestant.variant.split("+")
    if "tf32" in how:
        torch.set_float32_matmul_precision("high")
    if isinstance(work, Layer):
        return LayerRunner(work, PRODUCTS[name], "compiled" in how)
    if isinstance(work, Dendritic):
        capturable = {"capturable": True} if "graph" in how else {}
        optimizer = partial(torch.optim.Adam, lr=1e-3, eps=EPSILON, fused=True, **capturable)
    else:
        momentum = {"momentum": work.momentum, "nesterov": True}
        optimizer = partial(torch.optim.SGD, lr=work.rate, **momentum)
    images, labels, matrices = work.draw()
    network = Network(matrices, PRODUCTS[name], work.slope)
    compiled, device = "compiled" in how, contestant.device
    trainer = TorchTrainer(network, images, labels, optimizer, device, compiled)
    trainer.trains_the_same = name != "dense" or work.connections == work.dense_values
    trainer.begin(work, images, QUEUED if device == "cuda" else 1)
    if "graph" in how:
        trainer.capture()
    return trainer


def _tensor(values: NDArray, dtype: type | None = None) -> Any:
    """A copy."""
    return torch.from_numpy(np.array(values, dtype))


def _csr(indptr: Any, indices: Any, values: Any, shape: Any) -> Any:
    return torch.sparse_csr_tensor(indptr, indices, values, size=shape, check_invariants=False)


class Product(torch.nn.Module):
    """``x Wᵀ + b``, (batch, inputs) -> (batch, outputs), by the weights that exist."""

    def __init__(self, matrix: Matrix, weights: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(weights)
        self.bias = torch.nn.Parameter(_tensor(matrix.bias))

    def after_backward(self) -> None:
        """Nothing: the weights are trained."""

    def gradient(self) -> Any:
        """Of the weights that exist."""
        return self.weight.grad.reshape(-1)


class Dense(Product):
    """With all weights."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(matrix, torch.from_numpy(matrix.dense()))
        self.structure = matrix.structure

    def forward(self, x: Any) -> Any:
        """The product."""
        return functional.linear(x, self.weight, self.bias)

    def gradient(self) -> Any:
        """Of the weights that exist."""
        return self.weight.grad[_tensor(self.structure.rows), _tensor(self.structure.indices)]


class Masked(Dense):
    """Dense, with the absent weights' gradients zeroed, as the authors of dendritic networks do."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(matrix)
        self.register_buffer("mask", torch.from_numpy(matrix.mask()))

    def after_backward(self) -> None:
        """Zero the gradients of absent weights."""
        self.weight.grad.mul_(self.mask)


class Tree(Product):
    """A sum over each output's own inputs."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(matrix, _tensor(matrix.weights).view(len(matrix.bias), -1))

    def forward(self, x: Any) -> Any:
        """The product."""
        return (x.view(len(x), *self.weight.shape) * self.weight).sum(2) + self.bias


class Csr(Product):
    """Product by ``torch.sparse`` CSR, weight gradient by its sampled product."""

    def __init__(self, matrix: Matrix) -> None:
        super().__init__(matrix, _tensor(matrix.weights))
        structure, transposed = matrix.structure, matrix.structure.transposed
        self.shape = structure.shape
        self.places = _tensor(structure.indptr), _tensor(structure.indices)
        self.transposed = _tensor(transposed.indptr, np.int32), _tensor(transposed.rows, np.int32)
        self.positions = _tensor(transposed.positions, np.int64)
        self.zeros = _csr(*self.places, torch.zeros(structure.nnz), self.shape)

    def forward(self, x: Any) -> Any:
        """The product."""
        return _CsrProduct.apply(self.weight, x.t().contiguous(), self).t() + self.bias


class _CsrProduct(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Any, x: Any, product: Csr) -> Any:
        context.save_for_backward(weight, x)
        context.product = product
        return _csr(*product.places, weight, product.shape) @ x

    @staticmethod
    def backward(context: Any, delta: Any) -> Any:
        weight, x = context.saved_tensors
        product, delta = context.product, delta.contiguous()
        sampled = torch.sparse.sampled_addmm(product.zeros, delta, x.t(), beta=0)
        of_inputs = None
        if context.needs_input_grad[1]:
            values = weight[product.positions]
            of_inputs = _csr(*product.transposed, values, product.shape[::-1]) @ delta
        return sampled.values(), of_inputs, None


class Gather(Product):
    """Inputs gathered for each output; constant fan-in alone."""

    def __init__(self, matrix: Matrix) -> None:
        rows = len(matrix.bias)
        super().__init__(matrix, _tensor(matrix.weights).view(rows, -1))
        self.index = _tensor(matrix.structure.indices, np.int64).view(rows, -1)

    def forward(self, x: Any) -> Any:
        """The product."""
        return (x[:, self.index] * self.weight).sum(2) + self.bias


class Sparselab(Product):
    """Sparselab's SparseLinear with our connections."""

    def __init__(self, matrix: Matrix) -> None:
        import sparselab

        outputs, inputs = matrix.structure.shape
        layer = sparselab.SparseLinear(
            inputs, outputs, bias=False, sparsity=0.99, padding_ratio=0.0
        )
        arrays = (matrix.structure.indptr, matrix.structure.indices, matrix.weights)
        existing = _csr(*map(_tensor, arrays), matrix.structure.shape)
        layer._csr = sparselab.PaddedCSR.from_torch_sparse_csr(existing, padding_ratio=0.0)
        super().__init__(matrix, torch.from_numpy(np.asarray(layer._csr.values)))
        self.layer, layer._values = layer, self.weight

    def forward(self, x: Any) -> Any:
        """The product."""
        return self.layer(x) + self.bias

    def gradient(self) -> Any:
        """Of the weights that exist; an empty row has one that does not."""
        return self.weight.grad[torch.from_numpy(np.asarray(self.layer._csr.col_indices) >= 0)]


PRODUCTS: dict[str, type] = {
    "dense": Dense,
    "masked": Masked,
    "csr": Csr,
    "gather": Gather,
    "sparselab": Sparselab,
}


class Network(torch.nn.Module):
    """Matrices by `product` with leaky ReLU, or ReLU, between them; full ones are dense."""

    def __init__(self, layers: list[Matrix], product: type, slope: float) -> None:
        super().__init__()
        self.slope, self.products = slope, torch.nn.ModuleList()
        for matrix in layers:
            tree = matrix.tree and not issubclass(product, Dense)
            self.products.append((Dense if matrix.full else Tree if tree else product)(matrix))

    def forward(self, images: Any) -> Any:
        """Logits of images (batch, inputs) of bytes or floats."""
        x = images.float() / 255 if images.dtype == torch.uint8 else images
        for number, product in enumerate(self.products):
            if number:
                x = functional.leaky_relu(x, self.slope) if self.slope else functional.relu(x)
            x = product(x)
        return x


class LayerRunner(Runner):
    """One layer."""

    def __init__(self, work: Layer, product: type, compiled: bool) -> None:
        start = work.draw()
        self.product = product(start.layer)
        self.layer = torch.compile(self.product) if compiled else self.product
        self.x = torch.from_numpy(start.x).requires_grad_(work.backward)
        self.delta = torch.from_numpy(start.delta)
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
        for tensor in (self.x, *self.product.parameters()):
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
        gradients = (self.product.gradient(), self.product.bias.grad, self.x.grad.reshape(-1))
        return torch.cat(gradients).numpy()


class TorchTrainer(Trainer):
    """A network, trained by cross-entropy and what `optimizer` makes of its parameters."""

    def __init__(
        self,
        network: Network,
        images: NDArray,
        labels: NDArray,
        optimizer: Callable[[Any], Any],
        device: str = "cpu",
        compiled: bool = False,
    ) -> None:
        self.device, self.network = device, network.to(device)
        self.images, self.labels = self.placed(images), self.placed(labels.astype(np.int64))
        self.optimizer = optimizer(network.parameters())
        compiler = torch.compile if compiled else lambda function: function
        self.forward = compiler(network)
        self.loss = compiler(lambda x, y: functional.cross_entropy(network(x), y))
        self.graph: Any = None

    def placed(self, images: NDArray) -> Any:
        """Images, or other numbers, on the device."""
        return torch.from_numpy(images).to(self.device)

    def logits(self, images: Any) -> Any:
        """Logits on the host, without anything for a backward pass."""
        with torch.inference_mode():
            return self.forward(images).cpu()

    def step(self, order: NDArray) -> float:
        """One step."""
        return self.queue(self.placed(order)).item()

    def steps(self, orders: list[NDArray]) -> None:
        """All steps, and then a wait."""
        lengths = [len(order) for order in orders]
        for order in self.placed(np.concatenate(orders)).split(lengths):
            loss = self.queue(order)
        loss.item()

    def queue(self, order: Any) -> Any:
        """One step, which a GPU need not have done when this returns; the loss."""
        if self.graph is None:
            return self.eager(order)
        self.order.copy_(order)
        self.graph.replay()
        return self.recorded

    def eager(self, order: Any) -> Any:
        """One step, operation by operation; the loss."""
        loss = self.loss(self.images[order], self.labels[order])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for product in self.network.products:
            product.after_backward()
        self.optimizer.step()
        return loss

    def capture(self) -> None:
        """Record a step; those done to warm up are taken back."""
        parameters = list(self.network.parameters())
        before = [parameter.detach().clone() for parameter in parameters]
        self.order = self.placed(self.orders[0])
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.eager(self.order)
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.recorded = self.eager(self.order)
        with torch.no_grad():
            for parameter, values in zip(parameters, before, strict=True):
                parameter.copy_(values)
                for state in self.optimizer.state[parameter].values():
                    state.zero_()
        self.graph = graph
