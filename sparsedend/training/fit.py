"""Fit a network to samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.arrays import as_host_array
from ..errors import InputError
from ..losses import Loss
from ..network import Network
from ..numbers import whole
from ..samples import Samples, checked_samples, warn_of_bytes
from ..session import Evaluation, Session
from ..workspace import Workspace
from .callbacks import Callback, as_callbacks
from .fitting import Fitting
from .history import NOTHING, History
from .splits import split, split_by_class
from .training import Training

#: A share of the samples, samples of their own, or none.
Validation = float | tuple[Any, Any] | None


def fit(
    network: Network,
    x: Any,
    y: Any,
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
    x : (samples, height, width, channels) or (samples, features), uint8 or floating
        Bytes of images are scaled to 0 … 1. As everywhere, an array on a GPU will do, of any
        library that speaks ``__cuda_array_interface__`` or DLPack; there it is not copied.
    y : array
        Targets as the loss takes them: for classes integers from 0 to the network's outputs - 1.
    epochs : int
        Epochs in all; with a `training` that goes on, those it has behind it count.
    loss : Loss, optional
        The network's from now on; the one that it has if not given.
    sample_weight : (samples,) array, optional
        How much each sample counts, relative to the others.
    class_weight : mapping of int to float, or "balanced", optional
        How much the samples of each class count, multiplied with the samples' own weights.
    validation : float, (x, y) or None
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
        try:
            samples = checked_samples(network, x, y, sample_weight, class_weight)
            warn_of_bytes(network, samples.inputs)
            training.begin(network)
            fitting = _Fit(network, training, epochs, samples, validation)
        except BaseException:
            network.loss = before
            raise
        fitting.run(looking_on)
    return training.history


class _Fit(Fitting):
    """The fit itself: what is trained on, what is validated on, and the epochs."""

    def __init__(
        self,
        network: Network,
        training: Training,
        epochs: int,
        samples: Samples,
        validation: Validation,
    ) -> None:
        super().__init__(network, training, epochs, validates=validation is not None)
        self._kept, held_out = _parts(samples, training, validation)
        _check_weights(samples, {"trained on": self._kept, "held out": held_out})
        self.batches = math.ceil(len(self._kept) / training.batch_size)
        room = min(training.batch_size, len(self._kept))
        session = Session.over(network, samples, Workspace(network, room, training=True))
        session.rehearse(training)
        self._session = session
        self._train = session.trainer(training, training.batch_size)
        self._validate = self._validation(session, validation, held_out)

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
        if network.backend is not self._session.backend:
            raise InputError(
                f"the network was moved to backend '{network.backend.name}' after epoch "
                f"{history.epochs} of its training: move it before or after the training"
            )
        began = time.perf_counter()
        good = network.parameters.copy()
        order = self._kept if training.sequential else training.shuffle.permutation(self._kept)
        rates = training.rates(self.batches, training.schedule(history.epochs, self.epochs))
        for _ in self._train(order, rates, training.dropout):
            for each in callbacks:
                each.batch(self)
        fitted = self._session.totals()
        validated = self._validate()
        for name, loss in (("training", fitted.loss), ("validation", validated.loss)):
            if not math.isfinite(loss) and (self.validates or name == "training"):
                network.parameters = good
                training.stopped = f"the {name} loss was {loss} in epoch {history.epochs + 1}"
                raise InputError(
                    f"the {name} loss is {loss} in epoch {history.epochs + 1} with "
                    f"{training.optimizer!r}: use a smaller learning rate; the network has the "
                    "parameters of before that epoch"
                )
        history.add(fitted, validated, time.perf_counter() - began)

    def _validation(
        self, session: Session, validation: Validation, held_out: NDArray
    ) -> Callable[[], Evaluation]:
        """Prepare to validate the network as it will be then."""
        size = self.training.batch_size
        if validation is None:
            return lambda: NOTHING
        if isinstance(validation, tuple | list):
            samples = checked_samples(self.network, *validation)
            held_out = np.arange(len(samples.inputs))
            room = min(size, len(held_out))
            workspace = Workspace(self.network, room, training=False)
            session = Session.over(self.network, samples, workspace)
        else:
            size = min(size, len(self._kept))
        score = session.scorer(size)
        return lambda: score(held_out)


def _parts(samples: Samples, training: Training, validation: Any) -> tuple[NDArray, NDArray]:
    """Indices of the samples to train on, and of those held out."""
    count = len(samples.inputs)
    if training.sequential:
        labels = as_host_array(samples.targets)
        if labels.ndim != 1 or labels.dtype.kind != "i":
            raise InputError("the training is sequential, but its targets are no classes: shuffle")
        return split_by_class(labels, training.batch_size, training.seed)
    if isinstance(validation, int | float | np.floating):
        return split(count, training.seed, validation)
    if validation is not None and (
        not isinstance(validation, tuple | list) or len(validation) != 2
    ):
        raise InputError(
            f"validation is {type(validation).__name__}: give a share between 0 and 1, a pair of "
            "inputs and targets, or None"
        )
    return np.arange(count), np.arange(0)


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
