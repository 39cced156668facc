"""Dendrites and the somata that they are on, whatever layers a network has them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from ..errors import InputError
from ..layers import Layer
from ..network import Network
from ..numbers import whole

#: Parameters that are weights between inputs, dendrites and somata.
WEIGHTS = ("synapses", "cables", "weights")


@dataclass(frozen=True)
class Block:
    """Weights of dendrites, and of the somata that have some of them as their own.

    Attributes
    ----------
    synapses : (dendrites, inputs) csr_array or array
        On the host.
    cables : (somata, dendrites) csr_array, optional
        None where no soma has dendrites of its own: each reads all, or there are none.
    """

    synapses: Any
    cables: csr_array | None = None

    def chosen(self, somata: Sequence[int] | None, most: int) -> list[int]:
        """Somata to draw: those asked for, or the first, at most so many.

        Raises
        ------
        InputError
            Where one does not exist, too many are asked for, or none has dendrites of its own.
        """
        if somata is None:
            return list(range(min(most, self.somata)))
        if np.ndim(somata) != 1:
            raise InputError(f"somata to draw are {somata!r}: give a sequence of numbers")
        if self.cables is None:
            raise InputError(
                f"somata {', '.join(map(str, somata))} are asked for, but none has dendrites of "
                "its own here: leave `somata` out"
            )
        if not 1 <= len(somata) <= most:
            raise InputError(f"{len(somata)} somata are asked for: give 1 to {most}")
        return [whole("a soma to draw", each, 0, self.somata - 1) for each in somata]

    @property
    def somata(self) -> int:
        """Number of somata that have dendrites of their own."""
        return 0 if self.cables is None else self.cables.shape[0]

    @property
    def dendrites(self) -> int:
        """Number of all dendrites."""
        return self.synapses.shape[0]

    @property
    def widest(self) -> int:
        """Dendrites of the soma that has most; all where none has its own."""
        return self.dendrites if self.cables is None else int(np.diff(self.cables.indptr).max())

    def of(self, soma: int) -> NDArray:
        """Dendrites of a soma, ascending."""
        assert self.cables is not None
        return self.cables.indices[self.cables.indptr[soma] : self.cables.indptr[soma + 1]]

    def cable_weights(self, soma: int) -> NDArray:
        """Weights of their cables."""
        assert self.cables is not None
        return self.cables.data[self.cables.indptr[soma] : self.cables.indptr[soma + 1]]


def blocks(network: Network) -> list[Block]:
    """Blocks of a network, from the inputs up; what gives the outputs is none, if there are others.

    Raises
    ------
    InputError
        Where there are none: no layer has weights that are known here.
    """
    layers = [found for found in map(_weights, network.layers) if found]
    made, alone = [], False
    while layers:
        matrices = layers.pop(0)
        # Two layers of one matrix each, one after the other, are a block too.
        if len(matrices) == 1 and layers and len(layers[0]) == 1:
            matrices += layers.pop(0)
        alone = len(matrices) == 1
        synapses, *cables = matrices
        made.append(Block(synapses, *filter(issparse, cables)))
    if not made:
        raise InputError("no layer of the network has synapses, cables or weights: draw another")
    return made[:-1] if alone and len(made) > 1 else made


def block_of(network: Network, number: int) -> Block:
    """One block, counted from 0.

    Raises
    ------
    InputError
        Where it does not exist.
    """
    found = blocks(network)
    return found[whole("the block to draw", number, 0, len(found) - 1)]


def _weights(layer: Layer) -> list[Any]:
    """Matrices of weights of a layer, on the host."""
    found = []
    for name in WEIGHTS:
        structure = layer.structures.get(name)
        if structure is not None or len(layer.shapes.get(name, ())) == 2:
            values = layer.backend.fetch(layer.parameters[name])
            found.append(values if structure is None else structure.matrix(values))
    return found
