"""Layers, one a file."""

from .dendritic import Dendritic
from .dense import Dense
from .dropout import Dropout
from .layer import Drops, Layer
from .leaky_relu import LeakyReLU
from .sparse import Sparse

__all__ = ["KINDS", "Dendritic", "Dense", "Dropout", "Drops", "Layer", "LeakyReLU", "Sparse"]

#: Layers by the name under which a checkpoint keeps them.
KINDS: dict[str, type[Layer]] = {
    layer.kind: layer for layer in (Dendritic, Dense, Dropout, LeakyReLU, Sparse)
}
