"""What every layer has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ..backends import NumpyBackend
from ..backends.numpy_backend import Array
from ..connectivity import Structure
from ..initializers import Initializer


class Drops(NamedTuple):
    """What dropping activations of a batch takes.

    Attributes
    ----------
    random : Generator, or what `NumpyBackend.batches` gave the step
    samples : int
        Columns that are no padding.
    """

    random: Any
    samples: int


class Layer(ABC):
    """A map from (inputs, width) to (outputs, width), feature-major.

    A layer is described first (sizes and structures), then bound to a backend and to views of its
    network's flat vectors, then given room for a batch, and then run. `forward` must precede
    `backward`; the arrays that both return are the layer's own and are overwritten by the next
    call.

    Attributes
    ----------
    inputs, outputs : int
    structures : mapping of str to Structure
        The CSR structure of each sparse parameter, by the parameter's name.
    connections : mapping of str to Structure
        The same where the backend computes; empty before `bind`.
    settings : mapping of str to number
        What the constructor needs besides the structures.
    parameters, gradients : mapping of str to array
        Views into the network's flat vectors; empty before `bind`.
    reads_sparsely : bool
        Whether the inputs are read by sparse operations alone (see `NumpyBackend.batch`).
    """

    kind: ClassVar[str]
    reads_sparsely: ClassVar[bool] = False

    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.structures: Mapping[str, Structure] = {}
        self.connections: Mapping[str, Structure] = {}
        self.settings: Mapping[str, float] = {}
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    @property
    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter, in the order in which they lie in the flat vector."""

    @property
    @abstractmethod
    def dense_size(self) -> int:
        """Number of parameters if the layer were all to all."""

    @property
    def size(self) -> int:
        """Number of parameters that exist."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def bind(
        self, backend: NumpyBackend, dtype: DTypeLike, parameters: Array, gradients: Array
    ) -> None:
        """Take the backend to compute with and the layer's parts of the flat vectors."""
        self.backend = backend
        self.dtype = np.dtype(dtype)
        self.connections = {
            name: backend.connections(structure) for name, structure in self.structures.items()
        }
        start = 0
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            self.parameters[name] = parameters[start:stop].reshape(shape)
            self.gradients[name] = gradients[start:stop].reshape(shape)
            start = stop

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw the weights; biases become 0."""
        for name, values in self.parameters.items():
            if name in self.structures or values.ndim == 2:
                drawn = initializer(rng, self.structures.get(name, values.shape), self.dtype)
                values[:] = self.backend.place(drawn).reshape(values.shape)
            else:
                values[:] = 0

    @abstractmethod
    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Make room for activations of `width` columns, and for the input gradient if wanted."""

    @abstractmethod
    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """Outputs for the inputs x; `drops` is given in training alone."""

    @abstractmethod
    def backward(self, delta: Array) -> Array:
        """Fill `gradients` from the gradient of the outputs; return that of the inputs.

        Without room for the input gradient, an empty array is returned. `delta` may be
        overwritten.
        """

    def _activations(self, width: int) -> Array:
        """Room for outputs."""
        return self.backend.activations(self.outputs, width, self.dtype)

    def _room(self, features: int, width: int) -> Array:
        """Room for the gradient of activations."""
        return self.backend.zeros((features, width), self.dtype)


class Elementwise(Layer):
    """A layer without parameters whose outputs overwrite its inputs, which nothing else reads."""

    def __init__(self, features: int) -> None:
        super().__init__(features, features)

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """No parameters."""
        return {}

    @property
    def dense_size(self) -> int:
        """No parameters."""
        return 0
