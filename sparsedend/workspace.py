"""Buffers of one network for one batch, and the passes through its layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backends import Array, Backend
from .backends.types import Pass
from .errors import InputError
from .layers.layer import Batch, Layer, Room
from .network import Network


class Workspace:
    """Buffers of one network for batches of one width; one thread uses them at a time.

    Parameters
    ----------
    network : Network
    samples : int
        At most, in a batch.
    training : bool
        Whether there are gradients.
    input_gradient : bool
        Whether those of the inputs are among them.
    """

    def __init__(
        self, network: Network, samples: int, *, training: bool, input_gradient: bool = False
    ) -> None:
        self.backend = network.backend
        self.dtype = network.dtype
        self.width = self.backend.width(samples)
        self.samples = samples
        self.training = training
        self.batch = Batch()
        self.gradients = self.backend.zeros(network.size if training else 0, self.dtype)
        self.delta = self.backend.zeros((network.outputs, self.width), self.dtype)
        self.totals = self.backend.zeros(3, np.float64)
        self._inputs: Array = None
        self._kind: Any = None
        self._reads_sparsely = network.layers[0].reads_sparsely
        self._layers = network.layers
        self.steps = []
        overwritable = True
        parts = network.parts(self.gradients) if training else [None] * len(network.layers)
        for number, (layer, part) in enumerate(zip(network.layers, parts, strict=True)):
            room = Room(
                self.backend,
                self.width,
                self.dtype,
                {} if part is None else layer.views(part),
                training and (number > 0 or input_gradient),
                overwritable,
                self.batch,
            )
            self.steps.append((layer, layer.room(room), overwritable))
            overwritable = not layer.reads_outputs

    def forward(self, samples: Array, order: Array, random: Any) -> Array:
        """Outputs, (outputs, width), of the samples `order`; the last columns are padding."""
        kind = type(samples), samples.dtype
        if kind != self._kind:
            self._kind = kind
            self._inputs = self.backend.batch(
                samples, self.width, self.dtype, sparse_readers=self._reads_sparsely
            )
            way = _Way(self.backend, self._inputs, self.steps, self.batch, training=self.training)
            self._pass = repeated(self.backend, way, *self._layers)
        self.batch.samples, self.batch.random = order.size, random
        return self._pass(samples, order, (), random)

    def backward(self) -> Array | None:
        """Fill the gradients from `delta`; return that of the inputs, where it is wanted."""
        delta = self.delta
        for layer, state, _ in reversed(self.steps):
            delta = layer.backward(delta, state)
        return delta


class _Way:
    """The way of a batch through the layers.

    It knows no workspace, which keeps it: buffers are freed at once, not when Python looks for
    circles.
    """

    def __init__(
        self,
        backend: Backend,
        inputs: Array,
        steps: list[tuple[Layer, Any, bool]],
        batch: Batch,
        *,
        training: bool,
    ) -> None:
        self.backend, self.inputs, self.steps = backend, inputs, steps
        self.batch, self.training = batch, training

    def __call__(self, samples: Array, order: Array, rates: Any, random: Any) -> Array:
        x = self.inputs
        self.backend.take_batch(samples, order, x)
        for layer, state, overwritable in self.steps:
            y = layer.forward(x, state)
            if y is x and not overwritable and self.training and not self._passes(layer):
                raise InputError(
                    f"the layer '{layer.kind}' writes over its inputs, which the layer before it "
                    "reads again in backward: write into an array of its state unless "
                    "room.overwritable"
                )
            x = y
        return x

    def _passes(self, layer: Layer) -> bool:
        """Whether the layer drops nothing in this batch, and so returns its inputs unchanged."""
        return layer.drops and self.batch.random is None


def repeated(backend: Backend, step: Pass, *parts: Any) -> Pass:
    """`Backend.repeated` where all parts are the package's own.

    These compute by operations of the backend alone. One of a user's may do more in each step,
    which a recording would miss.
    """
    own = __name__.partition(".")[0] + "."
    known = all(type(part).__module__.startswith(own) for part in parts)
    return backend.repeated(step) if known else step
