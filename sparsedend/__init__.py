"""Dendritic neural networks, trained on the connections that exist."""

from typing import Any

from . import (
    analysis,
    backends,
    connectivity,
    datasets,
    export,
    feeds,
    layers,
    losses,
    models,
    optimizers,
    plots,
)
from .checkpoint import load, save
from .errors import InputError
from .gradients import vjp
from .network import Network
from .predictor import Predictor
from .session import Session
from .training import Training, callbacks, evaluate, fit, predict, train_on_batch
from .version import __version__

__all__ = [
    "InputError",
    "Network",
    "Predictor",
    "Session",
    "Training",
    "__version__",
    "analysis",
    "backends",
    "callbacks",
    "connectivity",
    "datasets",
    "evaluate",
    "export",
    "feeds",
    "fit",
    "layers",
    "load",
    "losses",
    "models",
    "optimizers",
    "plots",
    "predict",
    "save",
    "train_on_batch",
    "vjp",
]

#: Of scikit-learn, which is imported when one of them is used.
_ESTIMATORS = ("DendriticClassifier", "DendriticRegressor")


def __getattr__(name: str) -> Any:
    if name not in _ESTIMATORS:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from . import sklearn

    return getattr(sklearn, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ESTIMATORS})
