"""Training, evaluation, prediction."""

from .callbacks import Callback, EarlyStopping, ProgressBar
from .evaluation import evaluate, predict
from .fit import Fitting, fit
from .history import History
from .training import Training

__all__ = [
    "Callback",
    "EarlyStopping",
    "Fitting",
    "History",
    "ProgressBar",
    "Training",
    "evaluate",
    "fit",
    "predict",
]
