"""Activations dropped at random in training."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends import Array
from ..backends.formulas import product, same
from ..numbers import real
from .elementwise import Elementwise
from .layer import Batch, Room, register


@dataclass
class State:
    """Of one session."""

    out: Array | None
    factors: Array
    batch: Batch


@register
class Dropout(Elementwise):
    """``y = x / (1 - rate)``, or 0 with probability `rate`; outside of training ``y = x``.

    Inverted dropout (Srivastava et al. 2014, section 10): the layer below gets no gradient where
    its output was dropped.

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
    reads_outputs = False
    drops = True

    def __init__(self, features: int, rate: float) -> None:
        super().__init__(features)
        self.rate = real("dropout", rate, 0, 1, above=True)
        self.settings = {"features": self.inputs, "rate": self.rate}

    def room(self, room: Room) -> State:
        """State of one session."""
        out = None if room.overwritable else room.activations(self.outputs)
        return State(out, room.delta(self.outputs), room.batch)

    def forward(self, x: Array, state: State) -> Array:
        """What is left of x."""
        batch = state.batch
        if batch.random is None:
            return x
        if state.out is not None:
            self.backend.elementwise(same, (state.out,), (x,))
            x = state.out
        self.backend.dropout(x, batch.samples, batch.random, self.rate, state.factors)
        return x

    def backward(self, delta: Array, state: State) -> Array:
        """Gradient of the inputs, in place."""
        if state.batch.random is None:
            return delta
        self.backend.elementwise(product, (delta,), (delta, state.factors))
        return delta
