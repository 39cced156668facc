"""Leaky rectification."""

from __future__ import annotations

from ..backends.numpy_backend import Array
from .layer import Drops, Elementwise


class LeakyReLU(Elementwise):
    """``y = x where x > 0 else slope · x``, in place.

    The activation overwrites the layer below's output, which nothing else reads.
    """

    kind = "leaky-relu"

    def __init__(self, features: int, slope: float = 0.1) -> None:
        super().__init__(features)
        self.settings = {"features": features, "slope": slope}
        self.slope = float(slope)

    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Nothing to make room for."""

    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """Rectified x, in place."""
        self._y = x
        self.backend.leaky_relu(x, self.slope, x)
        return x

    def backward(self, delta: Array) -> Array:
        """Gradient of the inputs, in place."""
        self.backend.leaky_relu_backward(self._y, self.slope, delta)
        return delta
