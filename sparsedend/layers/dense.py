"""All to all."""

from __future__ import annotations

from collections.abc import Mapping

from ..backends.numpy_backend import Array
from ..errors import InputError
from .layer import Drops, Layer


class Dense(Layer):
    """``y = W x + b`` with a dense W, (outputs, inputs)."""

    kind = "dense"

    def __init__(self, inputs: int, outputs: int) -> None:
        for name, size in (("inputs", inputs), ("outputs", outputs)):
            if size < 1:
                raise InputError(f"{name} of a dense layer is {size}: give 1 or more")
        super().__init__(inputs, outputs)
        self.settings = {"inputs": inputs, "outputs": outputs}

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {"weights": (self.outputs, self.inputs), "bias": (self.outputs,)}

    @property
    def dense_size(self) -> int:
        """Number of parameters."""
        return self.size

    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Make room for `width` columns."""
        self._out = self._activations(width)
        self._input_gradient = self._room(self.inputs if input_gradient else 0, width)

    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """``W x + b``."""
        self._x = x
        self.backend.dense_forward(
            x, self.parameters["weights"], self.parameters["bias"], self._out
        )
        return self._out

    def backward(self, delta: Array) -> Array:
        """Gradients of weights, biases and, with room for it, inputs."""
        self.backend.dense_weight_gradient(
            self._x, delta, self.gradients["weights"], self.gradients["bias"]
        )
        if self._input_gradient.size:
            self.backend.dense_input_gradient(
                self.parameters["weights"], delta, self._input_gradient
            )
        return self._input_gradient
