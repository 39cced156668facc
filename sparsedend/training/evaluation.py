"""Evaluate a network on samples, and predict with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import Array
from ..backends.arrays import on_gpu
from ..errors import InputError
from ..feeds import Feed
from ..network import Network
from ..numbers import whole
from ..samples import checked_inputs, checked_samples
from ..session import Evaluation, Session
from ..workspace import Workspace
from .fed import Fed, check_alone


def evaluate(network: Network, x: Any, y: Any = None, *, batch_size: int = 128) -> Evaluation:
    """Mean loss and accuracy on samples.

    Parameters
    ----------
    network : Network
    x : (samples, height, width, channels) or (samples, features), or Feed
        As in `fit`.
    y : array, optional
        Targets as the network's loss takes them, which a feed brings along.
    batch_size : int

    Raises
    ------
    InputError
        Where the samples cannot be used.
    """
    batch_size = whole("batch size", batch_size)
    if isinstance(x, Feed):
        check_alone(y=y)
        with network.backend.limited():
            return Fed(network, x, batch_size).evaluate()
    if y is None:
        raise InputError("there are no targets: give y, or a feed in the place of x")
    samples = checked_samples(network, x, y)
    batch_size = min(batch_size, len(samples.inputs))
    with network.backend.limited():
        session = Session.over(network, samples, _workspace(network, batch_size))
        session.begin()
        return session.scorer(batch_size)(np.arange(len(session)))


def predict(
    network: Network,
    x: Any,
    *,
    probabilities: bool = False,
    raw: bool = False,
    batch_size: int = 128,
) -> Array:
    """What the network says of samples: classes or values, as its loss has it.

    Parameters
    ----------
    network : Network
    x : (samples, height, width, channels) or (samples, features), uint8 or floating
    probabilities : bool
        Whether to return the probabilities of classes or labels instead.
    raw : bool
        Whether to return the network's outputs instead, (samples, outputs).
    batch_size : int

    Returns
    -------
    (samples,) int64, or (samples, outputs) of the network's dtype
        `Loss.answers` of the outputs. On the GPU where both the samples and the network are there.

    Raises
    ------
    InputError
        Where the samples cannot be used, both kinds of answer are asked for, or the loss has no
        probabilities.
    """
    if raw and probabilities:
        raise InputError("raw outputs and probabilities are both asked for: choose one")
    x = checked_inputs(network, x)
    samples = len(x)
    batch_size = min(whole("batch size", batch_size), samples)
    backend = network.backend
    with backend.limited():
        workspace = _workspace(network, batch_size)
        inputs, order = backend.place(x), backend.place(np.arange(samples))
        outputs = backend.zeros((samples, network.outputs), network.dtype)
        for start in range(0, samples, batch_size):
            batch = order[start : start + batch_size]
            found = workspace.forward(inputs, batch, None)
            outputs[start : start + batch.size] = found[:, : batch.size].T
        if not on_gpu(x):
            outputs = backend.fetch(outputs)
    return outputs if raw else network.loss.answers(outputs, probabilities=probabilities)


def _workspace(network: Network, samples: int) -> Workspace:
    """That of this thread's last call, where its width is the same: a prediction must be cheap."""
    kept: Workspace | None = getattr(network.kept, "workspace", None)
    if kept is None or kept.width != network.backend.width(samples):
        kept = network.kept.workspace = Workspace(network, samples, training=False)
    kept.samples = samples
    return kept
