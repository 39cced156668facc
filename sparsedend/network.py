"""A stack of layers over one flat parameter vector."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import backends
from .backends import Array, Backend
from .errors import InputError
from .initializers import Initializer
from .layers import Layer
from .losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from .numbers import whole
from .structure import Structure


class Network:
    """Layers run one after the other; what the last one's outputs mean, the loss says.

    A network holds parameters and nothing of any batch, so any number of threads may compute with
    it at once, each with sessions of its own.

    Parameters
    ----------
    layers : sequence of Layer
        Each with as many inputs as the one before it has outputs. A layer belongs to one network.
    image_shape : (int, int, int), or int
        Height, width and channels of an image, whose bytes are scaled to 0 … 1; or the number of
        features of a table, whose numbers are taken as they are.
    loss : Loss, optional
        `losses.SoftmaxCrossEntropy`, or `losses.MeanSquaredError` for one output, if not given.
    backend : Backend, optional
        ``backends.create("auto")`` if not given.
    dtype : float32 or float64
        Of parameters and activations.

    Attributes
    ----------
    ledger : mapping of (int, str) to slice
        Where the parameter of that name of that layer, counted from 0, lies in `parameters`.

    Raises
    ------
    InputError
        Where sizes do not fit, a layer is in use already or the dtype is another.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        image_shape: tuple[int, ...] | int,
        *,
        loss: Loss | None = None,
        backend: Backend | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.dtype = _checked_dtype(dtype)
        self.image_shape = checked_shape(image_shape)
        self.layers = tuple(layers)
        self._check_layers()
        self.loss = loss or (SoftmaxCrossEntropy() if self.outputs > 1 else MeanSquaredError())
        self._ledger = _ledger(self.layers)
        self._one_training = OneTraining()
        self._bind(backend or backends.create())

    def _check_layers(self) -> None:
        if not self.layers:
            raise InputError("the network has no layers: give at least one")
        size = math.prod(self.image_shape)
        for number, layer in enumerate(self.layers, start=1):
            if layer.inputs != size:
                raise InputError(
                    f"layer {number} ({layer.kind}) takes {layer.inputs} inputs, but there are "
                    f"{size}: make the two equal"
                )
            if hasattr(layer, "backend") or layer in self.layers[: number - 1]:
                raise InputError(
                    f"layer {number} ({layer.kind}) is part of a network already, whose parameters "
                    "it holds: make a layer of its own, or copy the network"
                )
            for name, structure in layer.structures.items():
                if not isinstance(structure, Structure):
                    raise InputError(
                        f"the {name} of layer {number} ({layer.kind}) are a "
                        f"{type(structure).__name__}: give a Structure, such as "
                        "connectivity.from_csr(matrix)"
                    )
            size = layer.outputs

    def _bind(self, backend: Backend) -> None:
        """Make the flat vector, and let go of all buffers."""
        parameters = backend.zeros(sum(layer.size for layer in self.layers), self.dtype)
        for layer, part in zip(self.layers, self.parts(parameters), strict=True):
            layer.bind(backend, self.dtype, part)
        self.backend, self._parameters = backend, parameters
        #: What each thread keeps from one prediction to the next (see `training.evaluation`).
        self.kept = threading.local()

    def parts(self, flat: Array) -> Iterator[Array]:
        """Each layer's part of a flat vector."""
        start = 0
        for layer in self.layers:
            yield flat[start : start + layer.size]
            start += layer.size

    @property
    def parameters(self) -> Array:
        """All parameters as one flat vector, (size,); what is assigned to it is copied into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: Any) -> None:
        if values is self._parameters:
            return
        placed = self.backend.place(values)
        if placed.shape != (self.size,) or placed.dtype.kind != "f":
            raise InputError(
                f"parameters are {placed.dtype} of shape {placed.shape}: give real numbers of "
                f"shape {(self.size,)}"
            )
        self._parameters[:] = placed

    @property
    def ledger(self) -> Mapping[tuple[int, str], slice]:
        """Where each parameter lies in `parameters`."""
        return self._ledger

    @property
    def inputs(self) -> int:
        """Values of a sample."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Outputs of the last layer: classes, or values."""
        return self.layers[-1].outputs

    @property
    def size(self) -> int:
        """Trainable parameters that exist."""
        return self._parameters.size

    @property
    def density(self) -> float:
        """Parameters that exist, as a share of those of the same layers all to all; 1 of none."""
        dense = sum(layer.dense_size for layer in self.layers)
        return self.size / dense if dense else 1.0

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.image_shape))
        lines = [
            f"Network of {shape} inputs and {self.outputs} outputs, {self.loss!r}, "
            f"{self.dtype}, backend {self.backend.name}",
            f"  {'layer':<18}{'inputs -> outputs':>22}{'connections':>14}{'parameters':>14}  rules",
        ]
        for number, layer in enumerate(self.layers):
            sizes = f"{layer.inputs:,} -> {layer.outputs:,}"
            sparse = layer.structures.values()
            weights = sum(math.prod(each) for each in layer.shapes.values() if len(each) == 2)
            connections = weights + sum(structure.nnz for structure in sparse)
            rules = ", ".join(structure.rule for structure in sparse)
            lines.append(
                f"  {f'{number} {layer.kind}':<18}{sizes:>22}{connections:>14,}{layer.size:>14,}"
                f"  {rules}".rstrip()
            )
        lines.append(f"  {self.size:,} parameters, {self.density:.2%} of all to all")
        return "\n".join(lines)

    def to(self, backend: Backend | str) -> Network:
        """Move the network, in place, to where another backend computes, and return it.

        Sessions of before are of no use any more, unless it is there already.

        Parameters
        ----------
        backend : Backend or its name

        Raises
        ------
        InputError
            Where the backend is unknown or not available.
        """
        chosen = backends.create(backend) if isinstance(backend, str) else backend
        if not isinstance(chosen, Backend):
            raise InputError(f"the backend is {chosen!r}: give one, or its name")
        if chosen is self.backend:
            return self
        before, parameters = self.backend, self._parameters
        placed = chosen.place(before.fetch(parameters))
        try:
            self._bind(chosen)
        except BaseException:
            for layer, part in zip(self.layers, self.parts(parameters), strict=True):
                layer.bind(before, self.dtype, part)
            raise
        self.parameters = placed
        return self

    def copy(self) -> Network:
        """Another network with the same layers and parameters, which share nothing."""
        twin = self.__new__(type(self))
        twin.__setstate__(self.__getstate__() | {"backend": self.backend})
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self.copy()

    def __getstate__(self) -> dict[str, Any]:
        """What a checkpoint holds too: description and parameters."""
        return {
            "layers": [
                (type(layer), dict(layer.settings), dict(layer.structures)) for layer in self.layers
            ],
            "image_shape": self.image_shape,
            "loss": self.loss,
            "dtype": self.dtype,
            "backend": self.backend,
            "parameters": np.array(self.backend.fetch(self.parameters)),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        shape = state["image_shape"]
        self.__init__(  # type: ignore[misc]
            [kind(**settings, **structures) for kind, settings, structures in state["layers"]],
            shape if len(shape) == 3 else shape[0],
            loss=state["loss"],
            backend=state["backend"],
            dtype=state["dtype"],
        )
        self.parameters = state["parameters"]

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw all weights, layer by layer; biases become 0."""
        for layer in self.layers:
            layer.initialize(rng, initializer)

    def training(self) -> AbstractContextManager[None]:
        """Context of the one training that there may be at a time.

        Raises
        ------
        InputError
            On entry, where there is one already.
        """
        return self._one_training


class OneTraining:
    """What `Network.training` returns; every step of a session enters it, so it is no generator."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            raise InputError(
                "the network is being trained already, in this thread or another: wait for the "
                "end, or train a copy of it (network.copy())"
            )

    def __exit__(self, *error: object) -> None:
        self.lock.release()


def _checked_dtype(dtype: DTypeLike) -> np.dtype:
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        found = None
    if dtype is None or found not in (np.float32, np.float64):
        shown = dtype if dtype is None or found is None else found
        raise InputError(f"dtype is {shown}: choose float32 or float64")
    return found


def checked_shape(image_shape: Any) -> tuple[int, ...]:
    """Height, width and channels, or (features,), as Python numbers.

    Raises
    ------
    InputError
        Where it is neither.
    """
    try:
        listed = np.ndim(image_shape) == 1
    except ValueError:  # Lists of several lengths.
        listed = False
    sizes = image_shape if listed else (image_shape,)
    if len(sizes) not in (1, 3):
        raise InputError(
            f"image shape is {image_shape}: give height, width and channels, or the number of "
            "features of a table"
        )
    names = ("height", "width", "channels") if len(sizes) == 3 else ("features",)
    return tuple(
        whole(f"{name} of image shape {image_shape}", size)
        for name, size in zip(names, sizes, strict=True)
    )


def _ledger(layers: Sequence[Layer]) -> dict[tuple[int, str], slice]:
    found = {}
    start = 0
    for number, layer in enumerate(layers):
        for name, shape in layer.shapes.items():
            stop = start + math.prod(shape)
            found[number, name] = slice(start, stop)
            start = stop
    return found
