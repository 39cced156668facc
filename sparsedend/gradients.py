"""Gradients for other programs: a network as one differentiable function."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from .backends import Array
from .backends.arrays import as_array, on_gpu
from .errors import InputError
from .network import Network
from .samples import checked_inputs
from .workspace import Workspace


def vjp(network: Network, x: Any) -> tuple[Array, Callable[[Any], tuple[Array, Array]]]:
    """Outputs, and the function that pulls a gradient of them back (vector-Jacobian product).

    Nothing is dropped, as in `predict`. All arrays are copies, so any number may be under way, in
    any number of threads.

    Parameters
    ----------
    network : Network
    x : (samples, height, width, channels) or (samples, features), uint8 or floating

    Returns
    -------
    outputs : (samples, outputs) of the network's dtype
        Raw, as ``predict(network, x, raw=True)``.
    pullback : callable
        ``dx, gradients = pullback(d_outputs)``: of a scalar whose gradient by the outputs is
        `d_outputs`, (samples, outputs), the gradients by the inputs, in the shape of `x`, and by
        the parameters, (size,), which `Network.ledger` names. Bytes of images count as 0 … 1.

    Raises
    ------
    InputError
        Where the samples cannot be used. By the pullback, where `d_outputs` has another shape or
        is not finite, or the parameters are not any more what they were.

    Examples
    --------
    Gradient descent by hand:

    >>> outputs, pullback = vjp(network, x)  # doctest: +SKIP
    >>> _, gradients = pullback(2 * (outputs - y) / y.size)  # doctest: +SKIP
    >>> network.parameters -= 0.1 * gradients  # doctest: +SKIP
    """
    inputs = checked_inputs(network, x)
    done = _Pass(network, inputs, np.shape(x), on_host=not on_gpu(x))
    return done.outputs, done.pull_back


class _Pass:
    """One forward pass, and the backward passes that follow it."""

    def __init__(
        self, network: Network, inputs: Array, shape: tuple[int, ...], *, on_host: bool
    ) -> None:
        self.network, self.backend = network, network.backend
        self.shape, self.samples, self.on_host = shape, len(inputs), on_host
        self.workspace = Workspace(network, self.samples, training=True, input_gradient=True)
        self.bound, self.parameters = network.parameters, network.parameters.copy()
        self.one_at_a_time = threading.Lock()
        order = self.backend.place(np.arange(self.samples))
        with self.backend.limited():
            outputs = self.workspace.forward(self.backend.place(inputs), order, None)
            self.outputs = self._given(outputs[:, : self.samples].T.copy())

    def pull_back(self, d_outputs: Any) -> tuple[Array, Array]:
        """Gradients by the inputs and by the parameters."""
        network, workspace = self.network, self.workspace
        given = as_array(d_outputs)
        wanted = self.outputs.shape
        if given.shape != wanted or given.dtype.kind not in "fiu":
            raise InputError(
                f"the gradient of the outputs is {given.dtype} of shape {given.shape}: give real "
                f"numbers of shape {wanted}"
            )
        if not bool(abs(given).max() <= np.finfo(network.dtype).max):
            raise InputError(
                f"the gradient of the outputs is not finite in {network.dtype}: look for what "
                "divides by 0 or overflows"
            )
        if self.bound is not network.parameters or not self._unchanged():
            raise InputError(
                "the network's parameters have changed since the outputs were computed: call vjp "
                "again"
            )
        # Others may pull back through this pass too, in the same buffers.
        with self.one_at_a_time, self.backend.limited():
            # Of the padding it is 0, and stays so.
            workspace.delta[:, : self.samples] = self.backend.place(given).T
            dx = workspace.backward()
            assert dx is not None
            dx = dx[:, : self.samples].T.reshape(self.shape).copy()
            return self._given(dx), self._given(workspace.gradients.copy())

    def _unchanged(self) -> bool:
        """Whether the parameters have the bits that they had, NaN among them."""
        bits = f"i{self.parameters.itemsize}"
        return bool((self.parameters.view(bits) == self.network.parameters.view(bits)).all())

    def _given(self, values: Array) -> Array:
        """On the host where the inputs were."""
        return self.backend.fetch(values) if self.on_host else values
