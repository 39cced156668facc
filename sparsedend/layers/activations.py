"""Activations: each a formula of its input and one of its derivative, seen from its output."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from ..backends import Array
from ..backends.formulas import same, where
from ..numbers import real
from .elementwise import Elementwise, InPlace
from .layer import register

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
]


class Activation(Elementwise):
    """``y = f(x)``; a subclass gives its two formulas (`backends.formulas`).

    `value` maps x to y. `gradient` maps y and the gradient of y to that of x, so that an output may
    take the place of its input. `numbers` are further arguments of both.
    """

    numbers: tuple[float, ...] = ()

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.settings = {"features": self.inputs}

    @staticmethod
    @abstractmethod
    def value(x: Any, *numbers: Any) -> Any:
        """Formula of y."""

    @staticmethod
    @abstractmethod
    def gradient(y: Any, delta: Any, *numbers: Any) -> Any:
        """Formula of the gradient of x."""

    def forward(self, x: Array, state: InPlace) -> Array:
        """``f(x)``."""
        y = x if state.out is None else state.out
        self.backend.elementwise(self.value, (y,), (x,), self.numbers)
        state.y = y
        return y

    def backward(self, delta: Array, state: InPlace) -> Array:
        """Gradient of x, in place."""
        self.backend.elementwise(self.gradient, (delta,), (state.y, delta), self.numbers)
        return delta


@register
class LeakyReLU(Activation):
    """``y = x where x > 0 else slope · x``.

    Raises
    ------
    InputError
        Where the slope is negative, which would hide the sign of x, or not finite.
    """

    kind = "leaky-relu"

    def __init__(self, features: int, slope: float = 0.1) -> None:
        super().__init__(features)
        self.slope = real("slope", slope, 0)
        self.settings = {"features": self.inputs, "slope": self.slope}
        self.numbers = (self.slope,)

    @staticmethod
    def value(x: Any, slope: Any) -> Any:
        """Formula of y."""
        return where(x > 0, x, slope * x)

    @staticmethod
    def gradient(y: Any, delta: Any, slope: Any) -> Any:
        """Formula of the gradient of x."""
        return delta * where(y > 0, 1, slope)


@register
class ReLU(Activation):
    """``y = max(x, 0)``."""

    kind = "relu"

    @staticmethod
    def value(x: Any) -> Any:
        """Formula of y."""
        return np.maximum(x, 0)

    @staticmethod
    def gradient(y: Any, delta: Any) -> Any:
        """Formula of the gradient of x."""
        return delta * (y > 0)


@register
class Tanh(Activation):
    """``y = tanh(x)``."""

    kind = "tanh"

    @staticmethod
    def value(x: Any) -> Any:
        """Formula of y."""
        return np.tanh(x)

    @staticmethod
    def gradient(y: Any, delta: Any) -> Any:
        """Formula of the gradient of x."""
        return delta * (1 - y * y)


@register
class Sigmoid(Activation):
    """``y = 1 / (1 + exp(-x))``, as ``(1 + tanh(x / 2)) / 2``, which never overflows."""

    kind = "sigmoid"

    @staticmethod
    def value(x: Any) -> Any:
        """Formula of y."""
        return 0.5 + 0.5 * np.tanh(0.5 * x)

    @staticmethod
    def gradient(y: Any, delta: Any) -> Any:
        """Formula of the gradient of x."""
        return delta * (y * (1 - y))


@register
class Softplus(Activation):
    """``y = log(1 + exp(x))``, whose derivative is ``1 - exp(-y)``."""

    kind = "softplus"

    @staticmethod
    def value(x: Any) -> Any:
        """Formula of y."""
        return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))

    @staticmethod
    def gradient(y: Any, delta: Any) -> Any:
        """Formula of the gradient of x."""
        return delta * -np.expm1(-y)


@register
class Identity(Elementwise):
    """``y = x``."""

    kind = "identity"
    reads_outputs = False

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.settings = {"features": self.inputs}

    def forward(self, x: Array, state: InPlace) -> Array:
        """The inputs themselves where they may be overwritten by the next layer, else a copy."""
        if state.out is None:
            return x
        self.backend.elementwise(same, (state.out,), (x,))
        return state.out

    def backward(self, delta: Array, state: InPlace) -> Array:
        """The gradient itself."""
        return delta


#: By the name under which a dendritic layer is given one.
ACTIVATIONS: dict[str, type[Elementwise]] = {
    each.kind: each for each in (LeakyReLU, ReLU, Tanh, Sigmoid, Softplus, Identity)
}
