"""How a gradient changes the parameters."""

from __future__ import annotations

import math

from .backends import NumpyBackend
from .backends.numpy_backend import Array
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
    ) -> None:
        for name, value in (("learning rate", learning_rate), ("epsilon", epsilon)):
            if not (value > 0 and math.isfinite(value)):
                raise InputError(f"{name} is {value}: give a finite number above 0")
        for name, value in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= value < 1:
                raise InputError(f"{name} is {value}: give a number from 0 up to, not including, 1")
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.steps = 0

    def start(self, backend: NumpyBackend, parameters: Array) -> None:
        """Make the two moments for a flat vector of parameters, and forget all earlier steps."""
        self.first = backend.zeros(parameters.shape, parameters.dtype)
        self.second = backend.zeros(parameters.shape, parameters.dtype)
        self.steps = 0

    def step(self, backend: NumpyBackend, parameters: Array, gradients: Array) -> None:
        """Change the parameters in place."""
        self.steps += 1
        rate = self.learning_rate * math.sqrt(1 - self.beta2**self.steps)
        rate /= 1 - self.beta1**self.steps
        backend.adam(
            parameters,
            gradients,
            self.first,
            self.second,
            rate,
            self.beta1,
            self.beta2,
            self.epsilon,
        )

    def rehearse(self, backend: NumpyBackend, parameters: Array) -> None:
        """Step on no parameters at all, so that what has to be compiled is compiled."""
        none = parameters[:0]
        backend.adam(
            none, none, none, none, self.learning_rate, self.beta1, self.beta2, self.epsilon
        )
