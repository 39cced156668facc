"""Estimators of scikit-learn's kind; they need the extra ``sklearn``."""

try:
    from sklearn.utils.validation import validate_data  # noqa: F401
except ImportError as error:
    raise ImportError(
        "scikit-learn 1.6 or newer, which estimators are made for, is not installed: "
        "pip install 'sparsedend[sklearn]'"
    ) from error

from .classifier import DendriticClassifier
from .regressor import DendriticRegressor

__all__ = ["DendriticClassifier", "DendriticRegressor"]
