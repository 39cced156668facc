"""Dendrites with a few synapses each, and the somata that own them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..backends import Array, DendriticArrays, DendriticStructure
from ..errors import InputError, suggestion
from ..numbers import real
from ..structure import Structure
from .activations import ACTIVATIONS, LeakyReLU
from .elementwise import Elementwise
from .layer import Layer, Room, register

#: Activations that the fused loops know.
FUSED = ("leaky-relu", "identity")


@dataclass
class Fused:
    """State where dendrites and somata are one sweep."""

    out: Array
    signs: Array
    gradients: DendriticArrays | None
    input_delta: Array | None
    x: Array = None


@dataclass
class Composed:
    """State where they are two sparse products with an activation after each."""

    inner: Array
    out: Array
    inner_state: Any
    out_state: Any
    gradients: Mapping[str, Array]
    inner_delta: Array
    input_delta: Array | None
    x: Array = None


@register
class Dendritic(Layer):
    """``y = g(C f(W x + b) + a)``: synapses W, cables C (Methods, dANN).

    Parameters
    ----------
    synapses : Structure, (dendrites, inputs)
    cables : Structure, (somata, dendrites)
        A tree: every dendrite belongs to one soma, and a soma's dendrites are contiguous.
    slope : float
        Of leaky ReLU where its argument is negative.
    activation, soma_activation : str
        f of the dendrites and g of the somata, each one of `ACTIVATIONS`. Leaky ReLU and the
        identity are computed in one sweep, in which no dendrite's activation is ever stored.

    Raises
    ------
    InputError
        Where `cables` is no tree over the dendrites of `synapses`, an activation is unknown or the
        slope is negative or not finite.
    """

    kind = "dendritic"
    reads_sparsely = True
    reads_outputs = True

    def __init__(
        self,
        synapses: Structure,
        cables: Structure,
        slope: float = 0.1,
        activation: str = LeakyReLU.kind,
        soma_activation: str = LeakyReLU.kind,
    ) -> None:
        super().__init__(synapses.shape[1], cables.shape[0])
        self.dendrites = synapses.shape[0]
        if cables.shape[1] != self.dendrites or not np.array_equal(
            cables.indices, np.arange(self.dendrites)
        ):
            raise InputError(
                f"cables of shape {cables.shape} with {cables.nnz} entries are no tree over "
                f"{self.dendrites} dendrites: use connectivity.tree, or two Sparse layers"
            )
        self.structures = {"synapses": synapses, "cables": cables}
        slope = real("slope", slope, 0)
        self.settings = {
            "slope": slope,
            "activation": activation,
            "soma_activation": soma_activation,
        }
        self.activations = (
            _activation(activation, self.dendrites, slope),
            _activation(soma_activation, self.outputs, slope),
        )
        self.fused = activation in FUSED and soma_activation in FUSED
        # In the fused loops, leaky ReLU of slope 1 is the identity.
        self.slope = slope if activation == LeakyReLU.kind else 1.0
        self.soma_slope = slope if soma_activation == LeakyReLU.kind else 1.0

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {
            "synapses": (self.structures["synapses"].nnz,),
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

    def bind(self, backend: Any, dtype: Any, parameters: Array) -> None:
        """Take the backend to compute with and the layer's part of the flat vector."""
        super().bind(backend, dtype, parameters)
        for activation in self.activations:
            activation.bind(backend, dtype, parameters[:0])
        self.structure = DendriticStructure(**self.connections)
        self.arrays = DendriticArrays(**self.parameters)

    def room(self, room: Room) -> Fused | Composed:
        """State of one session."""
        gradients, input_delta = room.gradients, room.input_delta(self.inputs)
        out = room.activations(self.outputs)
        if self.fused:
            signs = room.backend.dendritic_state(self.dendrites, room.width, room.dtype)
            arrays = DendriticArrays(**gradients) if gradients else None
            return Fused(out, signs, arrays, input_delta)
        own = replace(room, overwritable=True)
        of_dendrites, of_somata = (activation.room(own) for activation in self.activations)
        return Composed(
            inner=room.activations(self.dendrites),
            out=out,
            inner_state=of_dendrites,
            out_state=of_somata,
            gradients=gradients,
            inner_delta=room.delta(self.dendrites),
            input_delta=input_delta,
        )

    def forward(self, x: Array, state: Any) -> Array:
        """Somatic activations."""
        state.x = x
        if isinstance(state, Fused):
            self.backend.dendritic_forward(
                x,
                self.structure,
                self.arrays,
                self.slope,
                self.soma_slope,
                state.out,
                state.signs,
            )
            return state.out
        synapses, cables = self.structure
        of_dendrites, of_somata = self.activations
        w, b, c, a = self.arrays
        self.backend.sparse_forward(x, synapses, w, b, state.inner)
        of_dendrites.forward(state.inner, state.inner_state)  # In place, as all activations here.
        self.backend.sparse_forward(state.inner, cables, c, a, state.out)
        return of_somata.forward(state.out, state.out_state)

    def backward(self, delta: Array, state: Any) -> Array | None:
        """Gradients of synapses, cables, biases and, where wanted, inputs."""
        if isinstance(state, Fused):
            return self._fused_backward(delta, state)
        synapses, cables = self.structure
        of_dendrites, of_somata = self.activations
        w, _, c, _ = self.arrays
        gw, gb, gc, ga = (state.gradients[name] for name in self.shapes)
        delta = of_somata.backward(delta, state.out_state)
        self.backend.sparse_weight_gradient(state.inner, cables, c, delta, gc, ga)
        self.backend.sparse_input_gradient(cables, cables.transposed, c, delta, state.inner_delta)
        inner = of_dendrites.backward(state.inner_delta, state.inner_state)
        self.backend.sparse_weight_gradient(state.x, synapses, w, inner, gw, gb)
        if state.input_delta is not None:
            self.backend.sparse_input_gradient(
                synapses, synapses.transposed, w, inner, state.input_delta
            )
        return state.input_delta

    def _fused_backward(self, delta: Array, state: Fused) -> Array | None:
        assert state.gradients is not None
        self.backend.dendritic_backward(
            state.x,
            self.structure,
            self.arrays,
            self.slope,
            self.soma_slope,
            state.out,
            state.signs,
            delta,
            state.gradients,
        )
        if state.input_delta is not None:
            self.backend.dendritic_input_gradient(
                self.structure,
                self.structure.synapses.transposed,
                self.arrays,
                self.slope,
                state.signs,
                delta,
                state.input_delta,
            )
        return state.input_delta


def _activation(name: str, features: int, slope: float) -> Elementwise:
    if name not in ACTIVATIONS:
        hint = suggestion(name, ACTIVATIONS)
        raise InputError(
            f"unknown activation '{name}': {hint}choose one of {', '.join(ACTIVATIONS)}"
        )
    chosen = ACTIVATIONS[name]
    return chosen(features, slope) if chosen is LeakyReLU else chosen(features)
