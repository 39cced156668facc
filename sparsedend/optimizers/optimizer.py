"""What every optimizer has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ..backends import Array, Backend
from ..numbers import real


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
    states: ClassVar[tuple[str, ...]] = ()

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
