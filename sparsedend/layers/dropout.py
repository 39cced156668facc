"""Activations dropped at random in training."""

from __future__ import annotations

from ..backends.numpy_backend import Array
from ..errors import InputError
from .layer import Drops, Elementwise


class Dropout(Elementwise):
    """``y = x / (1 - rate)``, or 0 with probability `rate`; outside of training ``y = x``.

    Inverted dropout (Srivastava et al. 2014, section 10), in place: the layer below sees a 0 where
    its output was dropped, and no gradient there.

    Parameters
    ----------
    features : int
    rate : float
        In (0, 1).

    Raises
    ------
    InputError
        Where the rate lies outside its range.
    """

    kind = "dropout"

    def __init__(self, features: int, rate: float) -> None:
        if not 0 < rate < 1:
            raise InputError(f"dropout is {rate}: give a rate from 0 up to, not including, 1")
        super().__init__(features)
        self.settings = {"features": features, "rate": rate}
        self.rate = rate

    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Make room for `width` columns."""
        self._factors = self._room(self.outputs, width)

    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """What is left of x, in place."""
        if drops is not None:
            self.backend.dropout(x, drops.samples, drops.random, self.rate, self._factors)
        return x

    def backward(self, delta: Array) -> Array:
        """Gradient of the inputs, in place; only after a `forward` of training."""
        self.backend.dropout_backward(self._factors, delta)
        return delta
