"""Any sparse matrix of weights."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.sparse import csr_array

from ..backends import Array
from ..structure import Structure
from .dense import State
from .layer import Layer, Room, register


@register
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
        self.structures = {"weights": weights}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {"weights": (self.structures["weights"].nnz,), "bias": (self.outputs,)}

    @property
    def dense_size(self) -> int:
        """Parameters of an all-to-all layer of this size."""
        return (self.inputs + 1) * self.outputs

    @property
    def weights(self) -> csr_array:
        """Weights, (outputs, inputs), sharing memory with the parameters."""
        return self.connections["weights"].matrix(self.parameters["weights"])

    def room(self, room: Room) -> State:
        """State of one session."""
        return State(room.activations(self.outputs), room.gradients, room.input_delta(self.inputs))

    def forward(self, x: Array, state: State) -> Array:
        """``W x + b``."""
        state.x = x
        weights, bias = self.parameters["weights"], self.parameters["bias"]
        self.backend.sparse_forward(x, self.connections["weights"], weights, bias, state.out)
        return state.out

    def backward(self, delta: Array, state: State) -> Array | None:
        """Gradients of weights, biases and, where wanted, inputs."""
        weights, structure = self.parameters["weights"], self.connections["weights"]
        gradients = state.gradients
        self.backend.sparse_weight_gradient(
            state.x, structure, weights, delta, gradients["weights"], gradients["bias"]
        )
        if state.input_delta is not None:
            self.backend.sparse_input_gradient(
                structure, structure.transposed, weights, delta, state.input_delta
            )
        return state.input_delta
