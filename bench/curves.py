"""Trainings that are tested after every epoch."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

import sparsedend as sd
from sparsedend import Network, backends
from sparsedend.datasets import Dataset
from sparsedend.initializers import Initializer
from sparsedend.layers import Layer
from sparsedend.randomness import stream
from sparsedend.training import Fitting


class Curve(NamedTuple):
    """Test loss and accuracy after each epoch, parameters, and the median seconds of an epoch."""

    loss: list[float]
    accuracy: list[float]
    parameters: int
    seconds: float


def curve_of(
    stack: list[Layer],
    initializer: Initializer,
    data: Dataset,
    training: sd.Training,
    epochs: int,
    *,
    threads: int,
    validation: float = 0.1,
) -> Curve:
    """Train a network of these layers, with the weights of the training's seed.

    An epoch's seconds have its validation, but not its test.
    """
    network = Network(stack, data.image_shape, backend=backends.create("numba", threads))
    network.initialize(stream(training.seed, "weights"), initializer)
    found: list[tuple[float, float]] = []

    def test(fitting: Fitting) -> None:
        size = training.batch_size
        found.append(sd.evaluate(network, data.test_x, data.test_y, batch_size=size))

    history = sd.fit(
        network,
        data.train_x,
        data.train_y,
        epochs=epochs,
        validation=validation,
        callbacks=[test],
        training=training,
    )
    loss, accuracy = zip(*found, strict=True)
    return Curve([*loss], [*accuracy], network.size, median(history.seconds))
