"""Layers, one a file."""

from ..registry import Registry
from .activations import (
    ACTIVATIONS,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from .dendritic import Dendritic
from .dense import Dense
from .dropout import Dropout
from .elementwise import Elementwise
from .layer import Layer, Room
from .sparse import Sparse

__all__ = [
    "ACTIVATIONS",
    "KINDS",
    "Activation",
    "Dendritic",
    "Dense",
    "Dropout",
    "Elementwise",
    "Identity",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Room",
    "Sigmoid",
    "Softplus",
    "Sparse",
    "Tanh",
    "register",
]

#: Layers by the name under which a checkpoint keeps them.
KINDS: Registry[Layer] = Registry("layer", "sd.layers.register")
register = KINDS.register

_OURS: tuple[type[Layer], ...] = (Dendritic, Dense, Dropout, Sparse, *ACTIVATIONS.values())
for _kind in _OURS:
    register(_kind)
