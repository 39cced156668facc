"""What every loss has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..backends import Array, Backend
from ..errors import InputError
from ..registry import Registry


class Loss(ABC):
    """How outputs are compared with targets, and what they mean.

    Attributes
    ----------
    kind : str
        Under which a checkpoint keeps the loss; for one of your own see `register`.
    settings : mapping of str to number
        Arguments that make another one like it.
    judges : bool
        Whether a sample is right or wrong, so that there is an accuracy.
    """

    kind: ClassVar[str]
    judges: ClassVar[bool] = True

    @property
    def settings(self) -> Mapping[str, Any]:
        """Arguments that make another one like this."""
        return dict(vars(self))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({given})"

    @abstractmethod
    def checked(self, targets: Array, samples: int, outputs: int, dtype: DTypeLike) -> Array:
        """Targets as `score` takes them, on a GPU where they lie on one.

        Parameters
        ----------
        targets : array
            What the caller gave.
        samples : int
        outputs : int
            Of the network.
        dtype : float32 or float64
            The network's.

        Raises
        ------
        InputError
            Where they are no targets of this loss, one a sample.
        """

    @abstractmethod
    def score(
        self,
        backend: Backend,
        outputs: Array,
        targets: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Add to the totals, and leave the gradient of the mean loss in `delta`.

        Parameters
        ----------
        outputs : (outputs, width)
        targets
            Of all samples, from `checked`.
        order, weights, delta, totals
            As for `Backend.softmax_cross_entropy`.
        """

    @abstractmethod
    def answers(self, outputs: Array, *, probabilities: bool) -> Array:
        """What `predict` returns for outputs, (samples, outputs): classes, values, probabilities.

        Raises
        ------
        InputError
            Where probabilities are asked for and there are none.
        """

    def class_counts(self, targets: Array, classes: int) -> NDArray:
        """Samples of each class, (classes,) on the host.

        Parameters
        ----------
        targets
            From `checked`.
        classes : int
            Outputs of the network.

        Raises
        ------
        InputError
            Where the loss knows no classes.
        """
        raise self._no_classes()

    def class_weights(self, targets: Array, table: NDArray) -> NDArray:
        """Weight of each sample, (samples,) on the host, from that of each class, (classes,).

        Raises
        ------
        InputError
            Where the loss knows no classes.
        """
        raise self._no_classes()

    def _no_classes(self) -> InputError:
        return InputError(
            f"class weights are given, but {type(self).__name__} knows no classes: give "
            "sample weights"
        )


#: Losses by the name under which a checkpoint keeps them.
KINDS: Registry[Loss] = Registry("loss", "sd.losses.register")
register = KINDS.register


def real_targets(targets: Array, samples: int, outputs: int, dtype: DTypeLike) -> Array:
    """Targets that are real numbers, one for each output, as (samples, outputs) of the dtype.

    Raises
    ------
    InputError
        Where they are not, or one is not finite in the dtype.
    """
    shapes = [(samples, outputs)] + ([(samples,)] if outputs == 1 else [])
    if targets.shape not in shapes or targets.dtype.kind not in "fiub":
        wanted = " or ".join(map(str, shapes))
        raise InputError(
            f"targets are {targets.dtype} of shape {targets.shape}: give real numbers of shape "
            f"{wanted}, a row for each sample"
        )
    with np.errstate(over="ignore"):
        found = targets.reshape(samples, outputs).astype(dtype, order="C")
    finite = np.isfinite(found)
    if not finite.all():
        row, column = (int(at[0]) for at in np.nonzero(~finite))
        value = float(targets.reshape(samples, outputs)[row, column])
        raise InputError(
            f"the target of sample {row} is {value:g}: give finite numbers that "
            f"{np.dtype(dtype)} holds"
        )
    return found
