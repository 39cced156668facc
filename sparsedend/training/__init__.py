"""Training, evaluation, prediction."""

from .callbacks import Callback, EarlyStopping, ProgressBar
from .evaluation import evaluate, predict
from .fit import fit
from .fitting import Fitting
from .history import History
from .on_batch import train_on_batch
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
    "train_on_batch",
]
