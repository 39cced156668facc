"""Dendrites with a few synapses each, and the somata that own them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from ..backends import DendriticArrays, DendriticStructure
from ..backends.numpy_backend import Array
from ..connectivity import Structure
from ..errors import InputError
from .layer import Drops, Layer


class Dendritic(Layer):
    """``y = f(C f(W x + b) + a)``, f leaky ReLU: synapses W, cables C (Methods, dANN).

    Parameters
    ----------
    synapses : Structure, (dendrites, inputs)
    cables : Structure, (somata, dendrites)
        A tree: every dendrite belongs to one soma, and a soma's dendrites are contiguous.
    slope : float
        Of the leaky ReLU where its argument is negative.

    Raises
    ------
    InputError
        Where `cables` is no tree over the dendrites of `synapses`.
    """

    kind = "dendritic"
    reads_sparsely = True

    def __init__(self, synapses: Structure, cables: Structure, slope: float = 0.1) -> None:
        super().__init__(synapses.shape[1], cables.shape[0])
        dendrites = synapses.shape[0]
        if cables.shape[1] != dendrites or not np.array_equal(cables.indices, np.arange(dendrites)):
            raise InputError(
                f"cables of shape {cables.shape} with {cables.nnz} entries are no tree over "
                f"{dendrites} dendrites: use connectivity.tree, or two Sparse layers"
            )
        self.structure = DendriticStructure(synapses, cables)
        self.structures = {"synapses": synapses, "cables": cables}
        self.settings = {"slope": slope}
        self.slope = float(slope)

    @property
    def dendrites(self) -> int:
        """Dendrites of all somata together."""
        return self.structure.synapses.shape[0]

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {
            "synapses": (self.structure.synapses.nnz,),
            "dendrite_bias": (self.dendrites,),
            "cables": (self.dendrites,),
            "soma_bias": (self.outputs,),
        }

    @property
    def dense_size(self) -> int:
        """Parameters of two all-to-all layers of these sizes."""
        return (self.inputs + 1) * self.dendrites + (self.dendrites + 1) * self.outputs

    @property
    def synapses(self) -> csr_array:
        """Synaptic weights, (dendrites, inputs), sharing memory with the parameters."""
        return self.connections["synapses"].matrix(self.parameters["synapses"])

    @property
    def cables(self) -> csr_array:
        """Cable weights, (somata, dendrites), sharing memory with the parameters."""
        return self.connections["cables"].matrix(self.parameters["cables"])

    def reserve(self, width: int, *, input_gradient: bool) -> None:
        """Make room for `width` columns."""
        self._out = self._activations(width)
        self._state = self.backend.dendritic_state(self.dendrites, width, self.dtype)
        self._input_gradient = self._room(self.inputs if input_gradient else 0, width)
        self._connections = DendriticStructure(**self.connections)
        self._arrays = DendriticArrays(**self.parameters)
        self._gradient_arrays = DendriticArrays(**self.gradients)

    def forward(self, x: Array, drops: Drops | None = None) -> Array:
        """Somatic activations."""
        self._x = x
        self.backend.dendritic_forward(
            x, self._connections, self._arrays, self.slope, self._out, self._state
        )
        return self._out

    def backward(self, delta: Array) -> Array:
        """Gradients of synapses, cables, biases and, with room for it, inputs."""
        self.backend.dendritic_backward(
            self._x,
            self._connections,
            self._arrays,
            self.slope,
            self._out,
            self._state,
            delta,
            self._gradient_arrays,
        )
        if self._input_gradient.size:
            self.backend.dendritic_input_gradient(
                self._connections,
                self._connections.synapses.transposed,
                self._arrays,
                self.slope,
                self._state,
                delta,
                self._input_gradient,
            )
        return self._input_gradient
