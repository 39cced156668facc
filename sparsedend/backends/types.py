"""Types that all backends share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from ..structure import Structure

#: An array where a backend computes: NumPy's on the host, CuPy's on a GPU.
Array: TypeAlias = Any
#: What changes from one step of an optimizer to the next: a few numbers, such as the learning rate.
Rates = tuple[float, ...]
#: Computes with one batch: (indices of its samples, rates, random numbers).
Step = Callable[[Array, Any, Any], Any]
#: The same with samples that it is given: (samples, indices, rates, random numbers).
Pass = Callable[[Array, Array, Any, Any], Any]


class DendriticStructure(NamedTuple):
    """Who connects to whom in a layer of dendrites and somata.

    Attributes
    ----------
    synapses : Structure, (dendrites, inputs)
    cables : Structure, (somata, dendrites)
        A tree: row s holds the contiguous dendrites that soma s owns.
    """

    synapses: Structure
    cables: Structure


class DendriticArrays(NamedTuple):
    """One number per parameter of a dendritic layer: the parameters, or their gradients.

    Attributes
    ----------
    synapses : (nnz of the synapses,)
    dendrite_bias : (dendrites,)
    cables : (dendrites,)
    soma_bias : (somata,)
    """

    synapses: Array
    dendrite_bias: Array
    cables: Array
    soma_bias: Array
