"""Fit a network to labelled images, evaluate it, predict with it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

from .backends.arrays import as_host_array, on_gpu
from .backends.numpy_backend import Array
from .checks import checked_images, checked_labels
from .errors import InputError
from .history import Evaluation, History, Training
from .network import Network
from .optimizers import Adam
from .schedules import Schedule, constant
from .splits import split, split_by_class


def fit(
    network: Network,
    images: Array,
    labels: Array,
    *,
    epochs: int = 20,
    batch_size: int = 128,
    seed: int = 1,
    optimizer: Adam | None = None,
    schedule: Schedule = constant,
    patience: int | None = None,
    sequential: bool = False,
    training: Training | None = None,
    on_epoch: Callable[[Training], None] | None = None,
    progress: bool | None = None,
) -> History:
    """Train a network in place.

    The last tenth of the images after the seed's shuffle is held out for validation. The rest is
    shuffled every epoch; the last, shorter batch is used too (Methods; protocol of the paper).

    Parameters
    ----------
    network : Network
    images : (images, height, width, channels) or (images, features), uint8 or floating
        Bytes are scaled to 0 … 1. As for all images and labels, an array on a GPU will do, of any
        library that speaks ``__cuda_array_interface__`` or DLPack; there it is not copied.
    labels : (images,), integers from 0 to the network's classes - 1
    epochs : int
        Epochs in all; with `training`, those it has behind it count.
    batch_size : int
    seed : int
        Of the split and the batch order.
    optimizer : Adam, optional
        ``Adam()`` if not given.
    schedule : callable
        Factor of the learning rate by epoch: one of `schedules.SCHEDULES`.
    patience : int, optional
        Early stopping: end after so many epochs without a lower validation loss, and leave the
        parameters of the best epoch in the network. They are not kept otherwise.
    sequential : bool
        Do not shuffle: train on one class after the other, in batches of one class, and validate on
        images of every class (`splits.split_by_class`).
    training : Training, optional
        Go on from here instead of starting; `optimizer` must then not be given.
    on_epoch : callable, optional
        Called with the training after every epoch.
    progress : bool, optional
        Show a progress bar on standard error; by default where that is a terminal.

    Returns
    -------
    History

    Raises
    ------
    InputError
        Where images or labels cannot be used, a number is out of range, or the loss is no longer
        finite.
    """
    images = checked_images(network, images)
    labels = checked_labels(network, images, labels)
    for name, value in (("epochs", epochs), ("batch size", batch_size), ("patience", patience)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}: give 1 or more")
    if training is None:
        training = Training.begin(network, seed, optimizer)
    elif optimizer is not None:
        raise InputError("both a training to go on from and an optimizer: give one of them")
    history = training.history
    if patience is not None and history.epochs and training.best is None:
        raise InputError(
            f"patience is {patience}, but the training has {history.epochs} epochs behind it whose "
            "best parameters were not kept: give patience from the start"
        )
    if sequential:
        kept, held_out = split_by_class(as_host_array(labels), batch_size, seed)
    else:
        kept, held_out = split(len(images), seed)
    backend = network.backend
    training.follow(backend)
    adam = training.optimizer
    batches = math.ceil(len(kept) / batch_size)
    show = sys.stderr.isatty() if progress is None else progress
    with (
        backend.limited(),
        tqdm(
            total=epochs * batches,
            initial=history.epochs * batches,
            unit="batch",
            disable=not show,
        ) as bar,
    ):

        def step(batch: Array, batch_labels: Array, rates: Any, random: Any) -> None:
            network.forward(batch, random)
            network.score(batch_labels)
            network.backward()
            adam.apply(backend, network.parameters, network.gradients, rates)

        images, labels = backend.place(images), backend.place(labels)
        samples = min(batch_size, len(kept))
        network.reserve(images, samples)
        _rehearse(network, adam, labels)
        epoch = backend.batches(step, labels, batch_size)
        validate = _scorer(network, labels, batch_size)
        while history.epochs < epochs and not _stale(history, patience):
            began = time.perf_counter()
            if network.backend is not backend:
                raise InputError(
                    f"the network was moved to backend '{network.backend.name}' after epoch "
                    f"{history.epochs} of its training: move it before or after the training"
                )
            if network.reserve(images, samples):  # Something else was done with the network.
                epoch = backend.batches(step, labels, batch_size)
                validate = _scorer(network, labels, batch_size)
            order = kept if sequential else training.shuffle.permutation(kept)
            scale = schedule(history.epochs, epochs)
            for _ in epoch(order, adam.rates(batches, scale), training.dropout):
                bar.update()
            fitted = _evaluation(network, len(order))
            validated = validate(held_out)
            number = history.epochs + 1
            for name, loss in (("training", fitted.loss), ("validation", validated.loss)):
                if not math.isfinite(loss):
                    raise InputError(
                        f"the {name} loss is {loss} in epoch {number} with learning rate "
                        f"{adam.learning_rate}: use a smaller one"
                    )
            history.add(fitted, validated, time.perf_counter() - began)
            if patience is not None and history.best_epoch == number:
                training.best = network.parameters.copy()
            bar.set_postfix(
                epoch=number,
                loss=f"{validated.loss:.4f}",
                accuracy=f"{validated.accuracy:.2%}",
                refresh=False,
            )
            if on_epoch:
                on_epoch(training)
        if patience is not None and training.best is not None:
            network.parameters[:] = network.backend.place(backend.fetch(training.best))
    return history


def evaluate(
    network: Network, images: Array, labels: Array, *, batch_size: int = 128
) -> Evaluation:
    """Mean loss and accuracy on labelled images.

    Parameters
    ----------
    images : (images, height, width, channels) or (images, features), uint8 or floating
    labels : (images,), integers

    Raises
    ------
    InputError
        Where images or labels cannot be used.
    """
    images = checked_images(network, images)
    labels = checked_labels(network, images, labels)
    with _ready(network, images, batch_size):
        labels = network.backend.place(labels)
        return _scorer(network, labels, batch_size)(np.arange(len(images)))


def predict(
    network: Network, images: Array, *, probabilities: bool = False, batch_size: int = 128
) -> Array:
    """Classes of images, or the probabilities of all classes.

    Parameters
    ----------
    images : (images, height, width, channels) or (images, features), uint8 or floating
    probabilities : bool
        Whether to return probabilities instead.

    Returns
    -------
    (images,) int64, or (images, classes) of the network's dtype
        On the GPU where both the images and the network are there.

    Raises
    ------
    InputError
        Where the images cannot be used.
    """
    images = checked_images(network, images)
    backend = network.backend
    with _ready(network, images, batch_size):
        order = backend.place(np.arange(len(images)))
        logits = backend.zeros((len(images), network.classes), network.dtype)
        for start in range(0, len(images), batch_size):
            batch = order[start : start + batch_size]
            logits[start : start + batch.size] = network.forward(batch)[:, : batch.size].T
        if not on_gpu(images):
            logits = backend.fetch(logits)
        if not probabilities:
            return logits.argmax(axis=1)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@contextmanager
def _ready(network: Network, images: Array, batch_size: int) -> Iterator[None]:
    if batch_size < 1:
        raise InputError(f"batch size is {batch_size}: give 1 or more")
    with network.backend.limited():
        network.reserve(images, min(batch_size, len(images)))
        yield


def _stale(history: History, patience: int | None) -> bool:
    """Whether the last `patience` epochs brought no lower validation loss."""
    return patience is not None and history.epochs - history.best_epoch >= patience


def _rehearse(network: Network, optimizer: Adam, labels: Array) -> None:
    """One step that changes nothing, so that kernels are compiled before the first epoch."""
    network.forward(np.zeros(1, np.int64))
    network.loss(labels[:1])
    network.backward()
    optimizer.rehearse(network.backend, network.parameters)


def _scorer(network: Network, labels: Array, batch_size: int) -> Callable[[Array], Evaluation]:
    """Prepare to evaluate the network, as it will be then, on the reserved images `order`."""

    def score(batch: Array, batch_labels: Array, rates: Any, random: Any) -> None:
        network.forward(batch)
        network.score(batch_labels)

    epoch = network.backend.batches(score, labels, batch_size)

    def evaluated(order: Array) -> Evaluation:
        for _ in epoch(order, [(0.0, 0.0)] * math.ceil(len(order) / batch_size), None):
            pass
        return _evaluation(network, len(order))

    return evaluated


def _evaluation(network: Network, samples: int) -> Evaluation:
    """Means of what was scored since the last call."""
    loss, correct = network.totals()
    return Evaluation(loss / samples, correct / samples)
