"""What every layer has in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..backends import Array, Backend
from ..initializers import Initializer
from ..numbers import whole
from ..registry import Registry
from ..structure import Structure


@dataclass
class Batch:
    """What the batch under way is, for layers that must know.

    Attributes
    ----------
    samples : int
        Columns that are no padding.
    random : Generator, or what `Backend.batches` gave the step; None outside of training
        Of what is dropped.
    """

    samples: int = 0
    random: Any = None


@dataclass(frozen=True)
class Room:
    """What a layer's state is made for.

    Attributes
    ----------
    backend : Backend
    width : int
        Columns of an activation.
    dtype : dtype
    gradients : mapping of str to array
        Where `backward` puts the gradient of each parameter; empty outside of training.
    input_gradient : bool
        Whether `backward` must return the gradient of the inputs.
    overwritable : bool
        Whether `forward` may write its outputs over its inputs: nothing else reads them.
    batch : Batch
        The same one for all layers; its attributes change from batch to batch.
    """

    backend: Backend
    width: int
    dtype: np.dtype
    gradients: Mapping[str, Array]
    input_gradient: bool
    overwritable: bool
    batch: Batch

    def activations(self, features: int) -> Array:
        """Room for activations."""
        return self.backend.activations(features, self.width, self.dtype)

    def delta(self, features: int) -> Array:
        """Room for the gradient of activations."""
        return self.backend.zeros((features, self.width), self.dtype)

    def input_delta(self, features: int) -> Array | None:
        """Room for the gradient of the inputs, where it is wanted."""
        return self.delta(features) if self.input_gradient else None


class Layer(ABC):
    """A map from (inputs, width) to (outputs, width), feature-major.

    A layer is described first (sizes and structures), then bound to a backend and to views of its
    network's flat vector of parameters. It holds nothing of any batch: that lies in a state, which
    `room` makes and of which there are as many as there are sessions.

    Attributes
    ----------
    kind : str
        Under which a checkpoint keeps the layer; for one of your own see `register`.
    inputs, outputs : int
    structures : mapping of str to Structure
        The CSR structure of each sparse parameter, by the parameter's name.
    connections : mapping of str to Structure
        The same where the backend computes; empty before `bind`.
    settings : mapping of str to JSON-able value
        What the constructor needs besides the structures, by the arguments' names.
    parameters : mapping of str to array
        Views into the network's flat vector; empty before `bind`.
    reads_sparsely : bool
        Whether the inputs are read by sparse operations alone (see `Backend.batch`).
    reads_outputs : bool
        Whether `backward` reads what `forward` returned, so that no other layer may overwrite it.
    drops : bool
        Whether `forward` needs random numbers in training.
    """

    kind: ClassVar[str]
    reads_sparsely: ClassVar[bool] = False
    reads_outputs: ClassVar[bool] = False
    drops: ClassVar[bool] = False

    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs = whole(f"inputs of a {self.kind} layer", inputs)
        self.outputs = whole(f"outputs of a {self.kind} layer", outputs)
        self.structures: Mapping[str, Structure] = {}
        self.connections: Mapping[str, Structure] = {}
        self.settings: Mapping[str, Any] = {}
        self.parameters: Mapping[str, Array] = {}

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        made_of = "".join(f", {name}={each!r}" for name, each in self.structures.items())
        return f"<{type(self).__name__} {self.inputs:,} -> {self.outputs:,}{made_of}{settings}>"

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter, in the order in which they lie in the flat vector."""
        return {}

    @property
    def dense_size(self) -> int:
        """Number of parameters if the layer were all to all."""
        return self.size

    @property
    def size(self) -> int:
        """Number of parameters that exist."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def bind(self, backend: Backend, dtype: DTypeLike, parameters: Array) -> None:
        """Take the backend to compute with and the layer's part of the flat vector."""
        self.backend = backend
        self.dtype = np.dtype(dtype)
        self.connections = {
            name: backend.connections(structure) for name, structure in self.structures.items()
        }
        self.parameters = self.views(parameters)

    def views(self, flat: Array) -> Mapping[str, Array]:
        """Parameters, or their gradients, as views of the layer's part of a flat vector.

        None can be replaced by another array, of which compiled loops would not know the size.
        """
        found = {}
        start = 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            found[name] = flat[start:stop].reshape(shape)
            start = stop
        return MappingProxyType(found)

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw the weights; biases become 0."""
        for name, values in self.parameters.items():
            if name in self.structures or values.ndim == 2:
                drawn = initializer(rng, self.structures.get(name, values.shape), self.dtype)
                values[:] = self.backend.place(drawn).reshape(values.shape)
            else:
                values[:] = 0

    @abstractmethod
    def room(self, room: Room) -> Any:
        """State of this layer in one session: buffers, and what `backward` needs of `forward`."""

    @abstractmethod
    def forward(self, x: Array, state: Any) -> Array:
        """Outputs for the inputs x, in an array of the state's."""

    @abstractmethod
    def backward(self, delta: Array, state: Any) -> Array | None:
        """Fill the state's gradients from that of the outputs; return that of the inputs, if any.

        `delta` may be overwritten.
        """


#: Layers by the name under which a checkpoint keeps them.
KINDS: Registry[Layer] = Registry("layer", "sd.layers.register")
register = KINDS.register
