"""Activations of any layer, for as many images as there are, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, suggestion
from ..network import Network
from ..numbers import whole
from ..training import predict
from .nodes import checked_labels, hits
from .stages import OUTPUT, stages


def stream(
    network: Network, images: Any, *, batch_size: int = 1024
) -> Iterator[dict[str, NDArray]]:
    """Activations of all layers, batch after batch; no more than one batch is held.

    Parameters
    ----------
    network : Network
    images : (samples, height, width, channels) or (samples, features), uint8 or floating
        As for `predict`.
    batch_size : int

    Yields
    ------
    dict of (samples of the batch, nodes) arrays of the network's dtype
        By the layers' names in `stages`. Hidden layers are told after their activation, leaky ReLU
        in the models of the paper; ``"output"`` gives probabilities where the loss has classes or
        labels, else the outputs.

    Raises
    ------
    InputError
        Where the images cannot be used.
    """
    batch_size = whole("batch size", batch_size)
    parts = stages(network).items()
    # Without any images, `predict` says so.
    for start in range(0, max(1, _number(images)), batch_size):
        x = images[start : start + batch_size]
        found = {}
        with _counted_from(start):
            for name, stage in parts:
                likely = name == OUTPUT and network.loss.judges
                x = predict(stage, x, raw=not likely, probabilities=likely, batch_size=batch_size)
                found[name] = network.backend.fetch(x)
        yield found


def activations(network: Network, images: Any, layer: str, *, batch_size: int = 1024) -> NDArray:
    """Activations of one layer, (samples, nodes); parameters and errors as of `stream`.

    Parameters
    ----------
    layer : str
        Its name in `stages`; an unknown one is an `InputError` too.
    """
    parts = stages(network)
    if layer not in parts:
        hint = suggestion(layer, parts)
        raise InputError(f"unknown layer '{layer}': {hint}choose one of {', '.join(parts)}")
    found = np.empty((_number(images), parts[layer].outputs), network.dtype)
    start = 0
    for batch in stream(network, images, batch_size=batch_size):
        values = batch[layer]
        found[start : start + len(values)] = values
        start += len(values)
    return found


def layer_hits(
    network: Network, images: Any, labels: ArrayLike, classes: int, *, batch_size: int = 1024
) -> dict[str, NDArray]:
    """Hits of every hidden layer, by its name, whatever the number of images.

    Parameters
    ----------
    network, images, batch_size
        As for `stream`.
    labels : (samples,) integers
    classes : int

    Returns
    -------
    dict of (classes + 1, nodes) int64
        As `hits` gives them.

    Raises
    ------
    InputError
        As `stream` and `hits`.
    """
    labels = checked_labels(labels, _number(images), whole("classes", classes))
    found: dict[str, NDArray] = {}
    start = 0
    for batch in stream(network, images, batch_size=batch_size):
        of_batch = labels[start : start + len(batch.pop(OUTPUT))]
        for name, values in batch.items():
            with _counted_from(start):
                counted = hits(values, of_batch, classes)
            found[name] = found[name] + counted if name in found else counted
        start += len(of_batch)
    return found


def _number(images: Any) -> int:
    """How many images there are; they are not read."""
    try:
        return int(np.shape(images)[0])
    except (IndexError, ValueError):
        raise InputError(
            f"the images are of type {type(images).__name__} and have no shape: give an array, "
            "(samples, height, width, channels) or (samples, features)"
        ) from None


@contextmanager
def _counted_from(start: int) -> Iterator[None]:
    """An error tells places within a batch: it is told where that begins."""
    try:
        yield
    except InputError as error:
        raise (InputError(f"counted from image {start}, {error}") if start else error) from None
