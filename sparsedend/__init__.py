"""Dendritic neural networks, trained on the connections that exist."""

from . import analysis, backends, connectivity, datasets, layers, models
from .checkpoint import load, save
from .errors import InputError
from .network import Network
from .optimizers import Adam
from .training import evaluate, fit, predict
from .version import __version__

__all__ = [
    "Adam",
    "InputError",
    "Network",
    "__version__",
    "analysis",
    "backends",
    "connectivity",
    "datasets",
    "evaluate",
    "fit",
    "layers",
    "load",
    "models",
    "predict",
    "save",
]
