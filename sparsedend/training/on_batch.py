"""One step on samples that nobody keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..network import Network
from ..samples import Samples, checked_samples
from ..session import Evaluation
from ..workspace import Workspace
from .seats import Seat
from .training import Training


def train_on_batch(network: Network, x: Any, y: Any, *, training: Training) -> Evaluation:
    """One step of a training, on one batch: forward, loss, backward, and the optimizer's.

    For a loop of your own over batches from anywhere; where all samples are at hand,
    `Session.train_step` spares copying them. The first call compiles and reserves what is needed.

    Parameters
    ----------
    network : Network
    x : (samples, height, width, channels) or (samples, features)
        All of one step; a batch as large as the one before it is fastest.
    y : array
        Targets as the network's loss takes them.
    training : Training
        The same one for all steps. The learning rate is that of its optimizer: schedules go by
        epochs, of which nothing is known here.

    Returns
    -------
    Evaluation
        Mean loss and accuracy of the batch, before the step.

    Raises
    ------
    InputError
        Where the samples cannot be used, the training is another network's, or the network is being
        trained already.

    Examples
    --------
    >>> training = Training(Adam(0.01))  # doctest: +SKIP
    >>> for x, y in batches:  # doctest: +SKIP
    ...     loss, accuracy = train_on_batch(network, x, y, training=training)
    """
    with network.training(), network.backend.limited():
        samples = checked_samples(network, x, y)
        training.begin(network)
        seat = _seated(network, training, samples)
        order = np.arange(seat.taken)
        for _ in seat.train(order, training.rates(1), training.dropout):
            pass
        return seat.session.totals()


def _seated(network: Network, training: Training, samples: Samples) -> Seat:
    """The samples in the place of the last batch, or where they do not fit in one of their own."""
    count = len(samples.inputs)
    seat = training.seat
    if seat is None or not seat.takes(samples, count):
        seat = training.seat = Seat(network, samples, count)
        seat.open(Workspace(network, count, training=True), training, count)
    seat.taken = 0
    seat.put(samples)
    return seat
