"""Axes to draw on, and networks to draw."""

import numpy as np
from matplotlib.figure import Figure

import sparsedend as sd
from sparsedend import backends, connectivity, layers


def axis():
    """An axis of a figure that no window knows of."""
    return Figure().subplots()


def texts(axis):
    """What is written beside an axis: title, names of axes."""
    return axis.get_title(), axis.get_xlabel(), axis.get_ylabel()


def network(stack, shape):
    """Network whose parameters are 1, 2, 3 and so on, so that each is known in a picture."""
    made = sd.Network(stack, shape, backend=backends.create("numpy"))
    made.parameters = np.arange(1.0, made.size + 1)
    return made


def model(name, shape=(6, 6, 1), **sizes):
    """A model of the paper."""
    sizes = {"dendrites": 3, "somata": 4, "synapses": 5} | sizes
    return sd.models.build(name, shape, 10, backend=backends.create("numpy"), **sizes)


def dendritic(synapses, counts):
    """Layer of these synapses, and of somata with so many dendrites each."""
    return layers.Dendritic(synapses, connectivity.tree(len(counts), counts))
