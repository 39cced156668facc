"""All to all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..backends import Array
from .layer import Layer, Room, register


@dataclass
class State:
    """Of one session."""

    out: Array
    gradients: Mapping[str, Array]
    input_delta: Array | None
    x: Array = None


@register
class Dense(Layer):
    """``y = W x + b`` with a dense W, (outputs, inputs).

    Raises
    ------
    InputError
        Where a size is below 1.
    """

    kind = "dense"

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.settings = {"inputs": self.inputs, "outputs": self.outputs}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {"weights": (self.outputs, self.inputs), "bias": (self.outputs,)}

    def room(self, room: Room) -> State:
        """State of one session."""
        return State(room.activations(self.outputs), room.gradients, room.input_delta(self.inputs))

    def forward(self, x: Array, state: State) -> Array:
        """``W x + b``."""
        state.x = x
        weights, bias = self.parameters["weights"], self.parameters["bias"]
        self.backend.dense_forward(x, weights, bias, state.out)
        return state.out

    def backward(self, delta: Array, state: State) -> Array | None:
        """Gradients of weights, biases and, where wanted, inputs."""
        gradients = state.gradients
        self.backend.dense_weight_gradient(state.x, delta, gradients["weights"], gradients["bias"])
        if state.input_delta is not None:
            self.backend.dense_input_gradient(self.parameters["weights"], delta, state.input_delta)
        return state.input_delta
