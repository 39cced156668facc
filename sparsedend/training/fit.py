"""Fit a network to samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ..backends.arrays import as_host_array, magnitude
from ..errors import InputError
from ..feeds import Feed
from ..losses import Loss
from ..network import Network
from ..numbers import real, whole
from ..samples import Samples, checked_samples, warn_of_bytes
from ..session import Evaluation, Session
from ..workspace import Workspace
from .callbacks import Callback, as_callbacks
from .fed import Fed, check_alone, class_table_of
from .fitting import Fitting
from .history import NOTHING, History
from .splits import split, split_by_class
from .training import Training

#: A share of the samples, samples of their own, or none.
Validation = float | tuple[Any, Any] | Feed | None


def fit(
    network: Network,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 20,
    loss: Loss | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | str | None = None,
    validation: Validation = 0.1,
    callbacks: Iterable[Callback | Callable] | None = None,
    training: Training | None = None,
) -> History:
    """Train a network in place.

    The samples are shuffled every epoch; the last, shorter batch is used too (Methods; protocol of
    the paper).

    Parameters
    ----------
    network : Network
    x : (samples, height, width, channels) or (samples, features), or Feed
        Bytes of images are scaled to 0 … 1; `samples` says which arrays will do. A `Feed` brings
        its targets along, and need not fit into memory.
    y : array, optional
        Targets as the loss takes them: for classes integers from 0 to the network's outputs - 1.
    epochs : int
        Epochs in all; with a `training` that goes on, those it has behind it count.
    loss : Loss, optional
        The network's from now on; the one that it has if not given.
    sample_weight : (samples,) array, optional
        How much each sample counts, relative to the others.
    class_weight : mapping of int to float, or "balanced", optional
        How much the samples of each class count, multiplied with the samples' own weights; those
        held out too, but not validation samples of their own. A feed brings weights of samples
        along, and is asked for all of its targets first where classes are to be balanced.
    validation : float, (x, y), Feed or None
        The share of the samples that is held out, at the end of the seed's shuffle; or samples
        beside them; or no validation. A sequential training holds out by a rule of its own
        (`splits.split_by_class`), whatever the share, and then validates as asked for here.
    callbacks : iterable, optional
        Of `Callback`, or functions of the `Fitting`, which are called after every epoch. A
        `ProgressBar` if not given.
    training : Training, optional
        How to train, and where to go on; ``Training()`` if not given.

    Returns
    -------
    History

    Raises
    ------
    InputError
        Where the samples cannot be used, a number is out of range, the network is being trained
        already, or the loss is no longer finite; then the network has the parameters of the last
        epoch in which it was.
    """
    training = training or Training()
    epochs = whole("epochs", epochs)
    training.check_epochs(epochs)
    looking_on = as_callbacks(callbacks)
    with network.training(), network.backend.limited():
        before = network.loss
        network.loss = loss or before
        work: _Work
        try:
            if isinstance(x, Feed):
                check_alone(y=y, sample_weight=sample_weight)
                training.begin(network)
                work, validate = _fed(network, training, x, class_weight, validation)
            else:
                if y is None:
                    raise InputError("there are no targets: give y, or a feed in the place of x")
                samples = checked_samples(network, x, y, sample_weight, class_weight)
                warn_of_bytes(network, samples.inputs)
                training.begin(network)
                work, validate = _in_memory(network, training, samples, validation)
            fitting = _Fit(network, training, epochs, work, validate)
        except BaseException:
            network.loss = before
            raise
        fitting.run(looking_on)
    return training.history


class _Work(Protocol):
    """What an epoch is made of."""

    batches: int

    def train(self, factor: float) -> Iterator[None]:
        """Step after step on all samples, at a factor of the learning rate."""

    def totals(self) -> Evaluation:
        """Of all that was scored since the last call."""


class _InMemory:
    """What an epoch is made of where all samples lie in memory."""

    def __init__(
        self, network: Network, training: Training, samples: Samples, kept: NDArray
    ) -> None:
        self.batches = math.ceil(len(kept) / training.batch_size)
        room = min(training.batch_size, len(kept))
        session = Session.over(network, samples, Workspace(network, room, training=True))
        session.rehearse(training)
        self.session = session
        self._training, self._kept = training, kept
        self._train = session.trainer(training, room)

    def train(self, factor: float) -> Iterator[None]:
        """Steps in the order of the epoch."""
        training = self._training
        order = self._kept if training.sequential else training.shuffle.permutation(self._kept)
        rates = training.rates(self.batches, factor)
        return self._train(order, rates, training.dropout)

    def totals(self) -> Evaluation:
        """Of all that was scored since the last call."""
        return self.session.totals()


class _Fit(Fitting):
    """The fit itself: epoch after epoch of some work."""

    def __init__(
        self,
        network: Network,
        training: Training,
        epochs: int,
        work: _Work,
        validate: Callable[[], Evaluation] | None,
    ) -> None:
        super().__init__(network, training, epochs, validates=validate is not None)
        self.batches = work.batches
        self._work, self._parameters = work, network.parameters
        self._validate = validate or (lambda: NOTHING)

    def run(self, callbacks: list[Callback]) -> None:
        """Train to the last epoch."""
        training = self.training
        training.planned = self.epochs
        every_batch = [each for each in callbacks if type(each).batch is not Callback.batch]
        begun = []
        try:
            for each in callbacks:
                each.begin(self)
                begun.append(each)
            while self.history.epochs < self.epochs and not self.stopping:
                self._epoch(every_batch)
                for each in callbacks:
                    each.epoch(self)
        except BaseException:
            self.failed = True
            raise
        finally:
            for each in begun:
                each.end(self)

    def _epoch(self, callbacks: list[Callback]) -> None:
        network, training, history = self.network, self.training, self.history
        if network.parameters is not self._parameters:
            raise InputError(
                f"the network was moved to backend '{network.backend.name}' after epoch "
                f"{history.epochs} of its training: move it before or after the training"
            )
        began = time.perf_counter()
        good = network.parameters.copy()
        factor = training.schedule(history.epochs, self.epochs)
        for _ in self._work.train(real("the factor of the learning rate", factor, 0)):
            for each in callbacks:
                each.batch(self)
        fitted = self._work.totals()
        validated = self._validate()
        if wrong := self._not_finite(fitted, validated):
            name, number = wrong
            network.parameters = good
            training.stopped = f"the {name} was {number} in epoch {history.epochs + 1}"
            raise InputError(
                f"the {name} is {number} in epoch {history.epochs + 1} with "
                f"{training.optimizer!r}: use a smaller learning rate; the network has the "
                "parameters of before that epoch"
            )
        history.add(fitted, validated, time.perf_counter() - began)

    def _not_finite(self, fitted: Evaluation, validated: Evaluation) -> tuple[str, float] | None:
        """What is not finite after an epoch, whose losses are of before each of its steps."""
        found = {"training loss": fitted.loss}
        if self.validates:
            found["validation loss"] = validated.loss
        vectors = {"largest parameter": self.network.parameters}
        for name, values in self.training.state.items():
            vectors[f"largest value of '{name}'"] = values
        found |= {name: magnitude(vector) for name, vector in vectors.items()}
        return next(((name, x) for name, x in found.items() if not math.isfinite(x)), None)


def _in_memory(
    network: Network, training: Training, samples: Samples, validation: Validation
) -> tuple[_InMemory, Callable[[], Evaluation] | None]:
    """Work on samples in memory, and their validation."""
    kept, held_out = _parts(samples, training, validation)
    _check_weights(samples, {"trained on": kept, "held out": held_out})
    work = _InMemory(network, training, samples, kept)
    if isinstance(validation, Feed | tuple | list | None):
        return work, _beside(network, training, validation)
    score = work.session.scorer(min(training.batch_size, len(kept)))
    return work, partial(score, held_out)


def _fed(
    network: Network,
    training: Training,
    feed: Feed,
    class_weight: Mapping[int, float] | str | None,
    validation: Validation,
) -> tuple[Fed, Callable[[], Evaluation] | None]:
    """Work on what a feed brings, and its validation."""
    if training.sequential:
        raise InputError(
            "the training is sequential, but a feed has an order of its own: leave it out"
        )
    table, size = class_table_of(network, feed, class_weight), training.batch_size
    if _is_share(validation):
        feed, held_out = feed.split(validation, training.seed)
        validate = Fed(network, held_out, size, table=table).evaluate
        return Fed(network, feed, size, training, table), validate
    _check_pair(validation)
    work = Fed(network, feed, size, training, table)
    return work, _beside(network, training, validation)


def _beside(
    network: Network, training: Training, validation: Any
) -> Callable[[], Evaluation] | None:
    """Prepare to validate the network, as it will be then, on samples of their own."""
    size = training.batch_size
    if validation is None:
        return None
    if isinstance(validation, Feed):
        return Fed(network, validation, size).evaluate
    samples = checked_samples(network, *validation)
    room = min(size, len(samples.inputs))
    session = Session.over(network, samples, Workspace(network, room, training=False))
    return partial(session.scorer(room), np.arange(len(session)))


def _parts(samples: Samples, training: Training, validation: Any) -> tuple[NDArray, NDArray]:
    """Indices of the samples to train on, and of those held out."""
    count = len(samples.inputs)
    if not _is_share(validation):
        _check_pair(validation)
    if training.sequential:
        labels = as_host_array(samples.targets)
        if labels.ndim != 1 or labels.dtype.kind != "i":
            raise InputError("the training is sequential, but its targets are no classes: shuffle")
        return split_by_class(labels, training.batch_size, training.seed)
    if _is_share(validation):
        return split(count, training.seed, validation)
    return np.arange(count), np.arange(0)


def _is_share(validation: Any) -> TypeGuard[float]:
    return isinstance(validation, int | float | np.floating)


def _check_pair(validation: Any) -> None:
    """Check that what is no share is a pair, a feed or None."""
    if validation is None or isinstance(validation, Feed):
        return
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise InputError(
            f"validation is {type(validation).__name__}: give a share between 0 and 1, a pair of "
            "inputs and targets, a feed, or None"
        )


def _check_weights(samples: Samples, parts: Mapping[str, NDArray]) -> None:
    """Refuse samples of which a part weighs nothing: its mean loss would be that of none."""
    if samples.weights is None:
        return
    weights = as_host_array(samples.weights)
    for name, part in parts.items():
        if part.size and not weights[part].any():
            raise InputError(
                f"all samples that are {name} have the weight 0: give more of them a weight above "
                "it, or validation data of your own"
            )
