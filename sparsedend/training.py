"""Fit a network to labelled images, evaluate it, predict with it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .backends.numpy_backend import Array
from .errors import InputError
from .network import Network
from .optimizers import Adam
from .randomness import stream


class Evaluation(NamedTuple):
    """Mean cross-entropy in nats, and the share of images classified correctly (0 … 1)."""

    loss: float
    accuracy: float


@dataclass
class History:
    """One entry an epoch: mean losses in nats, accuracies in 0 … 1, wall time in seconds.

    The training figures are means over the epoch's batches, each before its own step; the seconds
    are those of the epoch with its validation.
    """

    training_loss: list[float] = field(default_factory=list)
    training_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """Epochs finished."""
        return len(self.seconds)

    @property
    def best_epoch(self) -> int:
        """The epoch of least validation loss, counted from 1; 0 before the first."""
        return int(np.argmin(self.validation_loss)) + 1 if self.validation_loss else 0

    def add(self, training: Evaluation, validation: Evaluation, seconds: float) -> None:
        """Enter an epoch."""
        self.training_loss.append(training.loss)
        self.training_accuracy.append(training.accuracy)
        self.validation_loss.append(validation.loss)
        self.validation_accuracy.append(validation.accuracy)
        self.seconds.append(seconds)


@dataclass
class Training:
    """Where a training stands between two epochs; with the parameters, all that resuming needs."""

    optimizer: Adam
    shuffle: np.random.Generator
    history: History = field(default_factory=History)

    @classmethod
    def begin(cls, network: Network, seed: int = 1, optimizer: Adam | None = None) -> Training:
        """Stand at the start of a training."""
        optimizer = optimizer or Adam()
        optimizer.start(network.backend, network.parameters)
        return cls(optimizer, stream(seed, "shuffle"))


def fit(
    network: Network,
    images: Array,
    labels: Array,
    *,
    epochs: int = 20,
    batch_size: int = 128,
    seed: int = 1,
    optimizer: Adam | None = None,
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
        Bytes are scaled to 0 … 1.
    labels : (images,), integers from 0 to the network's classes - 1
    epochs : int
        Epochs in all; with `training`, those it has behind it count.
    batch_size : int
    seed : int
        Of the split and the batch order.
    optimizer : Adam, optional
        ``Adam()`` if not given.
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
    images, labels = checked_images(network, images), checked_labels(network, images, labels)
    for name, value in (("epochs", epochs), ("batch size", batch_size)):
        if value < 1:
            raise InputError(f"{name} is {value}: give 1 or more")
    if training is None:
        training = Training.begin(network, seed, optimizer)
    elif optimizer is not None:
        raise InputError("both a training to go on from and an optimizer: give one of them")
    kept, held_out = split(len(images), seed)
    batches = math.ceil(len(kept) / batch_size)
    show = sys.stderr.isatty() if progress is None else progress
    with (
        network.backend.limited(),
        tqdm(
            total=epochs * batches,
            initial=training.history.epochs * batches,
            unit="batch",
            disable=not show,
        ) as bar,
    ):
        network.reserve(images, min(batch_size, len(kept)))
        _rehearse(network, training.optimizer, labels)
        while training.history.epochs < epochs:
            began = time.perf_counter()
            order = training.shuffle.permutation(kept)
            fitted = _epoch(network, training.optimizer, labels, order, batch_size, bar)
            number = training.history.epochs + 1
            if not math.isfinite(fitted.loss):
                raise InputError(
                    f"the training loss is {fitted.loss} in epoch {number} with learning rate "
                    f"{training.optimizer.learning_rate}: use a smaller one"
                )
            validated = _score(network, labels, held_out, batch_size)
            training.history.add(fitted, validated, time.perf_counter() - began)
            bar.set_postfix(
                epoch=number,
                loss=f"{validated.loss:.4f}",
                accuracy=f"{validated.accuracy:.2%}",
                refresh=False,
            )
            if on_epoch:
                on_epoch(training)
    return training.history


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
    images, labels = checked_images(network, images), checked_labels(network, images, labels)
    with _ready(network, images, batch_size):
        return _score(network, labels, np.arange(len(images)), batch_size)


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

    Raises
    ------
    InputError
        Where the images cannot be used.
    """
    images = checked_images(network, images)
    logits = np.empty((len(images), network.classes), network.dtype)
    with _ready(network, images, batch_size):
        for order in _batches(np.arange(len(images)), batch_size):
            logits[order] = network.forward(order)[:, : order.size].T
    if not probabilities:
        return logits.argmax(axis=1)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def split(images: int, seed: int) -> tuple[Array, Array]:
    """Indices to train on, and the last tenth after the seed's shuffle, to validate on.

    Raises
    ------
    InputError
        Where there are fewer than two images.
    """
    if images < 2:
        raise InputError(f"{images} training images leave none to validate on: give 2 or more")
    order = stream(seed, "split").permutation(images)
    held_out = max(1, images // 10)
    return order[:-held_out], order[-held_out:]


def checked_images(network: Network, images: Array) -> Array:
    """Images as a C-ordered (images, features) array that the backend can take batches from.

    Raises
    ------
    InputError
        Where the shape or dtype does not fit, there are none, or a value is not finite.
    """
    images = np.asarray(images)
    shape = network.image_shape
    if images.shape[1:] not in (shape, shape[:2] if shape[2] == 1 else shape, (network.inputs,)):
        raise InputError(
            f"images have shape {images.shape}, but the network takes images of "
            f"{' × '.join(map(str, shape))}: give (images, {', '.join(map(str, shape))})"
        )
    if len(images) == 0:
        raise InputError("there are no images: give at least one")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise InputError(f"images are {images.dtype}: give uint8 (0 … 255) or float32 (0 … 1)")
    flat = np.ascontiguousarray(images).reshape(len(images), -1)
    if flat.dtype != np.uint8 and not np.isfinite(flat).all():
        image, pixel = np.argwhere(~np.isfinite(flat))[0]
        raise InputError(
            f"image {image} holds {flat[image, pixel]} at value {pixel}: give finite numbers"
        )
    return flat


def checked_labels(network: Network, images: Array, labels: Array) -> Array:
    """Labels as int64.

    Raises
    ------
    InputError
        Where they are not one integer an image from 0 to the network's classes - 1.
    """
    labels = np.asarray(labels)
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"labels are {labels.dtype} of shape {labels.shape}: give {len(images)} integers, "
            "one for each image"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= network.classes))
    if wrong.size:
        raise InputError(
            f"label {labels[wrong[0]]} of image {wrong[0]} is out of range: "
            f"the network's classes are 0 … {network.classes - 1}"
        )
    return labels.astype(np.int64)


@contextmanager
def _ready(network: Network, images: Array, batch_size: int) -> Iterator[None]:
    if batch_size < 1:
        raise InputError(f"batch size is {batch_size}: give 1 or more")
    with network.backend.limited():
        network.reserve(images, min(batch_size, len(images)))
        yield


def _rehearse(network: Network, optimizer: Adam, labels: Array) -> None:
    """One step that changes nothing, so that kernels are compiled before the first epoch."""
    network.forward(np.zeros(1, np.int64))
    network.loss(labels[:1])
    network.backward()
    optimizer.rehearse(network.backend, network.parameters)


def _batches(order: Array, batch_size: int) -> Iterator[Array]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _epoch(
    network: Network, optimizer: Adam, labels: Array, order: Array, batch_size: int, bar: tqdm
) -> Evaluation:
    """Train on all batches of `order`."""
    loss, correct = 0.0, 0
    for batch in _batches(order, batch_size):
        network.forward(batch)
        batch_loss, batch_correct = network.loss(labels[batch])
        network.backward()
        optimizer.step(network.backend, network.parameters, network.gradients)
        loss += batch_loss
        correct += batch_correct
        bar.update()
    return Evaluation(loss / len(order), correct / len(order))


def _score(network: Network, labels: Array, order: Array, batch_size: int) -> Evaluation:
    """Loss and accuracy on the reserved images `order`."""
    loss, correct = 0.0, 0
    for batch in _batches(order, batch_size):
        network.forward(batch)
        batch_loss, batch_correct = network.loss(labels[batch])
        loss += batch_loss
        correct += batch_correct
    return Evaluation(loss / len(order), correct / len(order))
