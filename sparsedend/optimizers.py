"""Optimizers: how a gradient changes the parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .backends import Array, Backend
from .errors import InputError
from .numbers import real
from .registry import Registry

__all__ = ["KINDS", "SGD", "Adam", "AdamW", "Optimizer", "register"]


class Optimizer(ABC):
    """How a gradient changes the parameters: a description, which holds nothing of any training.

    The vectors that it keeps from step to step, such as moments, belong to a `Training`, begin as
    zeros, and lie in its checkpoint under the names in `states`.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    clip_norm : float, optional
        Scale a gradient whose Euclidean norm is larger down to this one.

    Attributes
    ----------
    kind : str
        Under which a checkpoint keeps the optimizer; for one of your own see `register`.
    states : tuple of str
        Names of the vectors, each as long as the parameters.
    settings : mapping of str to number
        Arguments that make another one like it.

    Raises
    ------
    InputError
        Where a number is out of range.
    """

    kind: ClassVar[str]
    states: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, clip_norm: float | None = None) -> None:
        self.learning_rate = real("learning rate", learning_rate, 0, above=True)
        self.clip_norm = None if clip_norm is None else real("clip norm", clip_norm, 0, above=True)

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments that make another one like this."""
        return dict(vars(self))

    def __repr__(self) -> str:
        given = ", ".join(
            f"{name}={value!r}" for name, value in self.settings.items() if value is not None
        )
        return f"{type(self).__name__}({given})"

    def rates(self, step: int, factor: float) -> tuple[float, ...]:
        """What `apply` needs that changes from step to step.

        Parameters
        ----------
        step : int
            Counted from 1.
        factor : float
            Of the learning rate, by the schedule.
        """
        return (factor * self.learning_rate,)

    @abstractmethod
    def apply(
        self,
        backend: Backend,
        parameters: Array,
        gradients: Array,
        state: Mapping[str, Array],
        rates: Any,
    ) -> None:
        """Change parameters and state in place, by operations of the backend alone.

        Parameters
        ----------
        parameters, gradients : (n,) array
            The flat vectors, or the same part of each.
        state : mapping of str to (n,) array
            By the names in `states`.
        rates
            What `rates` returned, or what `Backend.batches` made of it.
        """


#: Optimizers by the name under which a checkpoint keeps them.
KINDS: Registry[Optimizer] = Registry("optimizer", "sd.optimizers.register")
register = KINDS.register


@register
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015).

    The epsilon is added to the root of the uncorrected second moment, as in the paper's last form
    of the algorithm (section 2) and in Keras, with which the published figures were made.

    Parameters
    ----------
    learning_rate : float
    beta1, beta2 : float
        Decay of the first and second moment, in [0, 1).
    epsilon : float
    clip_norm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    InputError
        Where a number is out of range.
    """

    kind = "adam"
    states = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm)
        self.beta1 = real("beta1", beta1, 0, 1)
        self.beta2 = real("beta2", beta2, 0, 1)
        self.epsilon = real("epsilon", epsilon, 0, above=True)

    def rates(self, step: int, factor: float) -> tuple[float, ...]:
        """The learning rate with both bias corrections."""
        rate = factor * self.learning_rate * math.sqrt(1 - self.beta2**step)
        return (rate / (1 - self.beta1**step),)

    def apply(
        self,
        backend: Backend,
        parameters: Array,
        gradients: Array,
        state: Mapping[str, Array],
        rates: Any,
    ) -> None:
        """One step."""
        self._step(adam, backend, parameters, gradients, state, rates)

    def _step(
        self,
        formula: Any,
        backend: Backend,
        parameters: Array,
        gradients: Array,
        state: Mapping[str, Array],
        rates: Any,
    ) -> None:
        changed = (parameters, state["first_moment"], state["second_moment"])
        # Subtracted before rounding: in float32, 1 - 0.999 is 0.0010000467.
        numbers = (1 - self.beta1, 1 - self.beta2, self.epsilon)
        backend.elementwise(formula, changed, (*changed, gradients), numbers, rates)


@register
class AdamW(Adam):
    """Adam with weight decay that is no part of the gradient (Loshchilov & Hutter 2019).

    Parameters
    ----------
    learning_rate : float
    weight_decay : float
        Every step takes ``learning rate · weight decay`` of each parameter off it, as in PyTorch.
    beta1, beta2, epsilon, clip_norm
        As for `Adam`.

    Raises
    ------
    InputError
        Where a number is out of range, or a step would take all of a parameter or more.
    """

    kind = "adamw"

    def __init__(
        self,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-7,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, clip_norm)
        self.weight_decay = real("weight decay", weight_decay, 0)
        if self.weight_decay * self.learning_rate >= 1:
            raise InputError(
                f"weight decay is {self.weight_decay:g}: give less than 1 / learning rate"
            )

    def rates(self, step: int, factor: float) -> tuple[float, ...]:
        """The learning rate with both bias corrections, and the share taken off a parameter."""
        return (*super().rates(step, factor), factor * self.learning_rate * self.weight_decay)

    def apply(
        self,
        backend: Backend,
        parameters: Array,
        gradients: Array,
        state: Mapping[str, Array],
        rates: Any,
    ) -> None:
        """One step."""
        self._step(adamw, backend, parameters, gradients, state, rates)


def adam(p: Any, m: Any, v: Any, g: Any, rate: Any, share1: Any, share2: Any, epsilon: Any) -> Any:
    """Formula of a step; share1 is 1 - beta1."""
    m = m + share1 * (g - m)
    v = v + share2 * (g * g - v)
    return p - rate * m / (np.sqrt(v) + epsilon), m, v


def adamw(
    p: Any,
    m: Any,
    v: Any,
    g: Any,
    rate: Any,
    decay: Any,
    share1: Any,
    share2: Any,
    epsilon: Any,
) -> Any:
    """Formula of a step with the share `decay` of the parameter taken off besides."""
    m = m + share1 * (g - m)
    v = v + share2 * (g * g - v)
    return p - (rate * m / (np.sqrt(v) + epsilon) + decay * p), m, v


@register
class SGD(Optimizer):
    """Gradient descent, with momentum or Nesterov's (Sutskever et al. 2013, in PyTorch's form).

    ``v = momentum · v + gradient``; the parameters lose ``learning rate · v``, or with Nesterov's
    ``learning rate · (gradient + momentum · v)``.

    Parameters
    ----------
    learning_rate : float
    momentum : float
        In [0, 1); 0 is plain gradient descent, which keeps no vector.
    nesterov : bool
    clip_norm : float, optional
        As for every `Optimizer`.

    Raises
    ------
    InputError
        Where a number is out of range, or Nesterov's momentum is 0.
    """

    kind = "sgd"

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_norm)
        self.momentum = real("momentum", momentum, 0, 1)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise InputError("momentum is 0, which makes Nesterov's none: give one above it")

    @property
    def states(self) -> tuple[str, ...]:  # type: ignore[override]
        """The velocity, where there is momentum."""
        return ("velocity",) if self.momentum else ()

    def apply(
        self,
        backend: Backend,
        parameters: Array,
        gradients: Array,
        state: Mapping[str, Array],
        rates: Any,
    ) -> None:
        """One step."""
        if not self.momentum:
            backend.elementwise(descent, (parameters,), (parameters, gradients), (), rates)
            return
        changed = (parameters, state["velocity"])
        formula = nesterov if self.nesterov else momentum
        backend.elementwise(formula, changed, (*changed, gradients), (self.momentum,), rates)


def descent(p: Any, g: Any, rate: Any) -> Any:
    """Formula of a step without momentum."""
    return p - rate * g


def momentum(p: Any, v: Any, g: Any, rate: Any, decay: Any) -> Any:
    """Formula of a step with momentum."""
    v = decay * v + g
    return p - rate * v, v


def nesterov(p: Any, v: Any, g: Any, rate: Any, decay: Any) -> Any:
    """Formula of a step with Nesterov's momentum."""
    v = decay * v + g
    return p - rate * (g + decay * v), v
