"""Layers, one a file, and activations."""

from . import activations
from .activations import *  # noqa: F403
from .dendritic import Dendritic
from .dense import Dense
from .dropout import Dropout
from .elementwise import Elementwise
from .layer import KINDS, Layer, Room, register
from .sparse import Sparse

__all__ = [
    "KINDS",
    "Dendritic",
    "Dense",
    "Dropout",
    "Elementwise",
    "Layer",
    "Room",
    "Sparse",
    "register",
]
__all__ += activations.__all__
