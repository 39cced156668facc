"""One value, or several."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from ..errors import InputError
from ..losses import Loss, MeanSquaredError
from .attempts import attempt
from .base import DendriticEstimator
from .contexts import with_callbacks
from .keywords import documented

#: Share of its mean that y deviates by which is constant but for rounding.
ROUNDING = 10 * np.finfo(np.float64).eps


@documented
class DendriticRegressor(RegressorMixin, DendriticEstimator):
    """Regressor for tables and images: a dendritic network, trained on what connections exist.

    By the mean squared error of y less its mean, over its standard deviation, both of each output
    as in the first samples that there were; what it predicts is like y. Scale the features first,
    such as with scikit-learn's StandardScaler.

    Parameters
    ----------
    {keywords}

    Attributes
    ----------
    n_outputs_ : int
        Values of a sample.
    y_mean_, y_scale_ : (n_outputs_,) array
        The network's outputs are to be multiplied with `y_scale_`, and `y_mean_` to be added.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sparsedend.sklearn import DendriticRegressor
    >>> x, y = make_friedman1(500, random_state=1)
    >>> DendriticRegressor(random_state=1).fit(x, y).score(x, y) > 0.9
    True
    """

    _y_numeric = True
    _scorable = 2

    @attempt
    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:  # noqa: N803
        """Fit to samples; with `warm_start`, go on from where the last fit ended.

        Parameters
        ----------
        X : array or SciPy sparse matrix, (samples, features)
            Numbers, finite; float32 is computed with as float32, everything else as float64.
            Bytes of images, where `image_shape` is given, are scaled to 0 … 1; nothing else is.
        y : (samples,) array, or (samples, outputs)
        sample_weight : (samples,) array, optional
            How much each counts.
        validation_data : (X, y), optional
            Scored after every epoch, into `validation_scores_`; early stopping judges by it, and
            then holds nothing out.

        Returns
        -------
        self

        Raises
        ------
        InputError, ValueError
            Where a keyword or the samples cannot be used.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @attempt
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        """Train one epoch on samples, from where the network stands.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`. The first samples say what mean and scale y has.

        Returns
        -------
        self

        Raises
        ------
        InputError, ValueError
            As `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray:  # noqa: N803
        """Values, (samples,), or (samples, outputs) where y had several.

        Raises
        ------
        InputError, ValueError
            Where the estimator is not fitted or X cannot be used.
        """
        outputs = self._answers(X, raw=True)
        values = outputs * self.y_scale_ + self.y_mean_
        return values[:, 0] if self.n_outputs_ == 1 else values

    def _meet(self, y: NDArray, classes: Any, weights: NDArray | None) -> None:
        table = y.reshape(len(y), -1).astype(np.float64)
        self.n_outputs_ = table.shape[1]
        # Less a row that counts, a constant is 0, whatever the rounding of its mean.
        origin = table[0 if weights is None else weights.argmax()]
        mean = np.average(table - origin, axis=0, weights=weights)
        spread = np.sqrt(np.average((table - origin - mean) ** 2, axis=0, weights=weights))
        self.y_mean_ = origin + mean
        # A constant is learned as it is, also one whose values differ by rounding.
        self.y_scale_ = np.where(spread > ROUNDING * np.abs(self.y_mean_), spread, 1.0)

    def _targets(self, y: NDArray) -> NDArray:
        table = y.reshape(len(y), -1)
        if table.shape[1] != self.n_outputs_:
            raise InputError(
                f"y has {table.shape[1]} columns, but the network has {self.n_outputs_} outputs: "
                "give as many values of each sample"
            )
        return (table - self.y_mean_) / self.y_scale_

    def _head(self) -> tuple[int, Loss]:
        return self.n_outputs_, MeanSquaredError()

    def _scored(self, answers: NDArray, targets: NDArray, weights: NDArray | None) -> float:
        return float(r2_score(targets, answers, sample_weight=weights))
