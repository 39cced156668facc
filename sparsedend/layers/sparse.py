"""Any sparse matrix of weights."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.sparse import csr_array

from ..backends.numpy_backend import Array
from ..connectivity import Structure
from .layer import Drops, Layer


class Sparse(Layer):
    """``y = W x + b`` with W on the connections that exist.

    Parameters
    ----------
    weights : Structure, (outputs, inputs)
        Rows may be empty and of any length.
    """

    kind = "sparse"
    reads_sparsely = True

    def __init__(self, weights: Structure) -> None:
        super().__init__(weights.shape[1], weights.shape[0])
        self.structure = weights
        self.structures = {"weights": weights}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {"weights": (self.structure.nnz,), "bias": (self.outputs,)}

    @property
    def dense_size(self) -> int:
        """Parameters of an all-to-all layer of this size."""
        return (self.inputs + 1) * self.outputs

    @property
    def weights(self) -> csr_array:
        """Weights, (outputs, inputs), sharing memory with the parameters."""
        return self.connections["weights"].matrix(self.parameters["weights"])

    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Make room for `width` columns."""
        self._connections = self.connections["weights"]
        self._out = self._activations(width)
        self._input_gradient = self._room(self.inputs if input_gradient else 0, width)

    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """``W x + b``."""
        self._x = x
        weights, bias = self.parameters["weights"], self.parameters["bias"]
        self.backend.sparse_forward(x, self._connections, weights, bias, self._out)
        return self._out

    def backward(self, delta: Array) -> Array:
        """Gradients of weights, biases and, with room for it, inputs."""
        weights = self.parameters["weights"]
        self.backend.sparse_weight_gradient(
            self._x,
            self._connections,
            weights,
            delta,
            self.gradients["weights"],
            self.gradients["bias"],
        )
        if self._input_gradient.size:
            self.backend.sparse_input_gradient(
                self._connections,
                self._connections.transposed,
                weights,
                delta,
                self._input_gradient,
            )
        return self._input_gradient
