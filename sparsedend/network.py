"""A stack of layers over one flat parameter vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import backends
from .backends import NumpyBackend
from .backends.numpy_backend import Array
from .errors import InputError
from .initializers import Initializer
from .layers import Drops, Layer


class Network:
    """Layers run one after the other; the last one's outputs are the classes' logits.

    Parameters
    ----------
    layers : sequence of Layer
        Each with as many inputs as the one before it has outputs. A layer belongs to one network.
    image_shape : (int, int, int)
        Height, width and channels of an image; their product is the first layer's inputs.
    backend : NumpyBackend, optional
        ``backends.create("auto")`` if not given.
    dtype : float32 or float64
        Of parameters and activations.

    Attributes
    ----------
    parameters, gradients : (size,) array
        Flat vectors into which the layers hold views.

    Raises
    ------
    InputError
        Where sizes do not fit or the dtype is another.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        image_shape: tuple[int, int, int],
        *,
        backend: NumpyBackend | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise InputError(f"dtype is {self.dtype}: choose float32 or float64")
        if not layers:
            raise InputError("the network has no layers: give at least one")
        sizes = [int(np.prod(image_shape)), *(layer.outputs for layer in layers)]
        for number, (size, layer) in enumerate(zip(sizes, layers, strict=False), start=1):
            if layer.inputs != size:
                raise InputError(
                    f"layer {number} ({layer.kind}) takes {layer.inputs} inputs, but there are "
                    f"{size}: make the two equal"
                )
        self.layers = tuple(layers)
        self.image_shape = image_shape
        self._bind(backend or backends.create())

    def _bind(self, backend: NumpyBackend) -> None:
        """Make the flat vectors, and let go of what was reserved."""
        self.backend = backend
        total = sum(layer.size for layer in self.layers)
        self.parameters = backend.zeros(total, self.dtype)
        self.gradients = backend.zeros(total, self.dtype)
        start = 0
        for layer in self.layers:
            part = slice(start, start + layer.size)
            layer.bind(backend, self.dtype, self.parameters[part], self.gradients[part])
            start += layer.size
        self._totals = backend.zeros(2, np.float64)
        self._width = 0
        self._images: Array | None = None

    @property
    def inputs(self) -> int:
        """Pixels times channels of an image."""
        return self.layers[0].inputs

    @property
    def classes(self) -> int:
        """Outputs of the last layer."""
        return self.layers[-1].outputs

    @property
    def size(self) -> int:
        """Trainable parameters that exist."""
        return self.parameters.size

    @property
    def density(self) -> float:
        """Parameters that exist, as a share of those of the same layers all to all."""
        return self.size / sum(layer.dense_size for layer in self.layers)

    def to(self, backend: NumpyBackend | str) -> Network:
        """Move the network, in place, to where another backend computes, and return it.

        Parameters
        ----------
        backend : NumpyBackend or its name

        Raises
        ------
        InputError
            Where the backend is unknown or not available.
        """
        chosen = backends.create(backend) if isinstance(backend, str) else backend
        parameters = self.backend.fetch(self.parameters)
        self._bind(chosen)
        self.parameters[:] = chosen.place(parameters)
        return self

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw all weights, layer by layer; biases become 0."""
        for layer in self.layers:
            layer.initialize(rng, initializer)

    def reserve(self, images: Array, samples: int) -> bool:
        """Make room for batches of up to `samples` of these images.

        Parameters
        ----------
        images : (images, features), uint8 or floating, C-contiguous
            Placed where the backend computes.
        samples : int

        Returns
        -------
        bool
            Whether images or activations are now other arrays than before.

        Raises
        ------
        InputError
            Where an image has not as many values as the network has inputs.
        """
        if images.shape[1] != self.inputs:
            raise InputError(
                f"images have {images.shape[1]} values each, but the network takes {self.inputs} "
                f"({' × '.join(map(str, self.image_shape))}): give images of that shape"
            )
        width = self.backend.width(samples)
        images = self.backend.place(images)
        moved = width != self._width or images is not self._images
        if width != self._width:
            for number, layer in enumerate(self.layers):
                layer.reserve(width, input_gradient=number > 0)
            self._delta = self.backend.zeros((self.classes, width), self.dtype)
            self._width = width
            self._images = None
        if self._images is None or images.dtype != self._images.dtype:
            sparse_readers = self.layers[0].reads_sparsely
            self._batch = self.backend.batch(
                images, width, self.dtype, sparse_readers=sparse_readers
            )
        self._images = images
        self._totals.fill(0)
        return moved

    def forward(self, order: Array, random: Any = None) -> Array:
        """Logits of the reserved images at the indices `order`.

        Parameters
        ----------
        order : (samples,), int64
            At most as many as room was made for.
        random : Generator, or what `NumpyBackend.batches` gave the step, optional
            Of what is dropped. Given in training; without it nothing is dropped.

        Returns
        -------
        (classes, width) array
            Overwritten by the next call; columns beyond the samples are padding.
        """
        assert self._images is not None, "reserve comes before forward"
        self.backend.take_batch(self._images, order, self._batch)
        drops = None if random is None else Drops(random, order.size)
        x = self._batch
        for layer in self.layers:
            x = layer.forward(x, drops)
        self._logits = x
        return x

    def score(self, labels: Array) -> None:
        """Add the last batch's cross-entropy and number classified correctly to the totals."""
        self.backend.softmax_cross_entropy(self._logits, labels, self._delta, self._totals)

    def totals(self) -> tuple[float, int]:
        """Summed loss, and number correct, of all batches scored since the last call."""
        loss, correct = self.backend.fetch(self._totals).tolist()
        self._totals.fill(0)
        return loss, int(correct)

    def loss(self, labels: Array) -> tuple[float, int]:
        """Score the last batch and return the totals."""
        self.score(labels)
        return self.totals()

    def backward(self) -> None:
        """Fill `gradients` with those of the mean loss of the batch just scored."""
        delta = self._delta
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
