"""How a gradient changes the parameters."""

from __future__ import annotations

import math
from typing import Any

from .backends import NumpyBackend
from .backends.numpy_backend import Array, Rates
from .errors import InputError


class Adam:
    """Adam (Kingma & Ba 2015) over one flat vector.

    The epsilon is added to the root of the uncorrected second moment, as in the paper's last form
    of the algorithm (section 2) and in Keras, with which the published figures were made.

    Parameters
    ----------
    learning_rate : float
    beta1, beta2 : float
        Decay of the first and second moment, in [0, 1).
    epsilon : float
    weight_decay : float
        0 or more. Every step takes ``learning rate · weight decay`` of each parameter off it,
        decoupled from the gradient (Loshchilov & Hutter 2019; the factor as in PyTorch's AdamW).

    Attributes
    ----------
    learning_rate, weight_decay : float
        May change between epochs. The others may not: a GPU repeats steps that were recorded.
    steps : int
        Begun so far.

    Raises
    ------
    InputError
        Where a value lies outside its range.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        for name, value in (("learning rate", learning_rate), ("epsilon", epsilon)):
            if not (value > 0 and math.isfinite(value)):
                raise InputError(f"{name} is {value}: give a finite number above 0")
        for name, value in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= value < 1:
                raise InputError(f"{name} is {value}: give a number from 0 up to, not including, 1")
        if not 0 <= weight_decay * learning_rate < 1:
            raise InputError(
                f"weight decay is {weight_decay}: give 0 or more, and less than 1 / learning rate"
            )
        self.learning_rate = learning_rate
        # Kernels take a Python integer for one of theirs: 0 and 1 are real numbers here.
        self.beta1 = float(beta1)
        self.beta2 = float(beta2)
        self.epsilon = float(epsilon)
        self.weight_decay = weight_decay
        self.steps = 0

    @property
    def settings(self) -> dict[str, float]:
        """Arguments that make another one like this."""
        return {
            "learning_rate": self.learning_rate,
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "weight_decay": self.weight_decay,
        }

    def start(self, backend: NumpyBackend, parameters: Array) -> None:
        """Make the two moments for a flat vector of parameters, and forget all earlier steps."""
        self.first = backend.zeros(parameters.shape, parameters.dtype)
        self.second = backend.zeros(parameters.shape, parameters.dtype)
        self.steps = 0

    def step(
        self, backend: NumpyBackend, parameters: Array, gradients: Array, scale: float = 1.0
    ) -> None:
        """Change the parameters in place, by `scale` times the learning rate."""
        (rates,) = self.rates(1, scale)
        self.apply(backend, parameters, gradients, rates)

    def rates(self, steps: int, scale: float = 1.0) -> list[Rates]:
        """Begin so many steps: what `apply` needs for each, at `scale` times the learning rate."""
        learning_rate = self.learning_rate * scale
        decay = learning_rate * self.weight_decay
        found = []
        for _ in range(steps):
            self.steps += 1
            rate = learning_rate * math.sqrt(1 - self.beta2**self.steps)
            rate /= 1 - self.beta1**self.steps
            found.append((rate, decay))
        return found

    def apply(self, backend: NumpyBackend, parameters: Array, gradients: Array, rates: Any) -> None:
        """Change the parameters in place, by one of the steps that `rates` has begun."""
        self._apply(backend, parameters, gradients, self.first, self.second, rates)

    def rehearse(self, backend: NumpyBackend, parameters: Array) -> None:
        """Step on no parameters at all, so that what has to be compiled is compiled."""
        none = parameters[:0]
        self._apply(backend, none, none, none, none, (1.0, 1.0))

    def _apply(
        self,
        backend: NumpyBackend,
        parameters: Array,
        gradients: Array,
        first: Array,
        second: Array,
        rates: Any,
    ) -> None:
        backend.adam(
            parameters,
            gradients,
            first,
            second,
            rates,
            self.beta1,
            self.beta2,
            self.epsilon,
        )
