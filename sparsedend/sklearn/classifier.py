"""Classes, or any number of labels each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ..errors import InputError
from ..losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from .attempts import attempt
from .base import DendriticEstimator
from .contexts import with_callbacks
from .keywords import documented

LABELS = "multilabel-indicator"


@documented
@dataclass(eq=False, repr=False, kw_only=True)
class DendriticClassifier(ClassifierMixin, DendriticEstimator):
    """Classifier of tables and images: a dendritic network, trained on what connections exist.

    Classes by softmax cross-entropy; several labels each, where y is an indicator, by sigmoid
    cross-entropy. Scale the features first, such as with scikit-learn's StandardScaler.

    Parameters
    ----------
    {keywords}
    class_weight : dict or "balanced", optional
        Of classes, or for several labels as `sklearn.utils.class_weight.compute_sample_weight`
        takes them; multiplied with the weights of samples.

    Attributes
    ----------
    classes_ : (classes,) array
        Or the numbers of the labels.
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sparsedend.sklearn import DendriticClassifier
    >>> x, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), DendriticClassifier(random_state=1))
    >>> model.fit(x, y).score(x, y) > 0.95
    True
    """

    class_weight: Any = None

    _y_numeric = False
    _scorable = 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @attempt
    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:  # noqa: N803
        """Fit to samples; with `warm_start`, go on from where the last fit ended.

        Parameters
        ----------
        X : array or SciPy sparse matrix, (samples, features)
            Numbers, finite; float32 is computed with as float32, everything else as float64.
            Bytes of images, where `image_shape` is given, are scaled to 0 … 1; nothing else is.
        y : (samples,) array, or (samples, labels)
            Classes of any kind; or 0 and 1 for each of several labels.
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
    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> Any:
        """Train one epoch on samples, from where the network stands.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array, optional
            All that there will be; needed in the first call. For several labels, their numbers.

        Returns
        -------
        self

        Raises
        ------
        InputError, ValueError
            As `fit`, and where classes are missing, others than before, or to be balanced.
        """
        if classes is not None:
            classes = unique_labels(classes)
        if not hasattr(self, "network_"):
            if classes is None:
                raise InputError("classes are missing: give all of them in the first call")
        elif classes is not None and not np.array_equal(classes, self.classes_):
            raise InputError(
                f"classes are {classes}, but they were {self.classes_} before: give the same, or "
                "none"
            )
        if self.class_weight == "balanced":
            raise InputError(
                "class_weight is 'balanced', which needs all samples at once: give a dict, or call "
                "fit"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> NDArray:  # noqa: N803
        """Classes, (samples,); or of several labels 0 and 1, (samples, labels).

        Raises
        ------
        InputError, ValueError
            Where the estimator is not fitted or X cannot be used.
        """
        found = self._answers(X)
        return found if self._several else self.classes_[found]

    def predict_proba(self, X: Any) -> NDArray:  # noqa: N803
        """Probabilities, (samples, classes) or (samples, labels), in the dtype computed with.

        Raises
        ------
        InputError, ValueError
            Where the estimator is not fitted or X cannot be used.
        """
        return self._answers(X, probabilities=True)

    def predict_log_proba(self, X: Any) -> NDArray:  # noqa: N803
        """Logarithms of `predict_proba`, finite also where that is 0.

        Raises
        ------
        InputError, ValueError
            Where the estimator is not fitted or X cannot be used.
        """
        outputs = self._answers(X, raw=True)
        return -np.logaddexp(0, -outputs) if self._several else log_softmax(outputs, axis=1)

    def _y(self, y: NDArray) -> NDArray:
        check_classification_targets(y)
        if y.ndim == 2 and type_of_target(y) != LABELS:
            raise InputError(
                f"y has {y.shape[1]} columns of classes: give 0 and 1 for each of several labels, "
                "or wrap the estimator in scikit-learn's MultiOutputClassifier"
            )
        return y

    def _meet(self, y: NDArray, classes: Any, weights: NDArray | None) -> None:
        self._several = y.ndim == 2
        if self._several:
            self.classes_ = np.arange(y.shape[1])
            if classes is not None and not np.array_equal(classes, self.classes_):
                raise InputError(
                    f"classes are {classes}, but y has {y.shape[1]} labels: give {self.classes_}"
                )
            return
        self.classes_ = np.unique(y) if classes is None else classes
        if len(self.classes_) < 2:
            raise InputError(
                f"there is one class, {self.classes_.tolist()[0]!r}: give samples of two classes "
                "or more"
            )

    def _targets(self, y: NDArray) -> NDArray:
        if (y.ndim == 2) != self._several or (self._several and y.shape[1] != len(self.classes_)):
            wanted = f"0 and 1 for {len(self.classes_)} labels" if self._several else "classes"
            raise InputError(f"y has shape {y.shape}: give {wanted}, as before")
        if self._several:
            return y
        found = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        wrong = np.flatnonzero(self.classes_[found] != y)
        if wrong.size:
            raise InputError(
                f"y holds {y[wrong].tolist()[0]!r} at row {wrong[0]}, which is none of the classes "
                f"{self.classes_}: name all of them first"
            )
        return found

    def _head(self) -> tuple[int, Loss]:
        loss = SigmoidCrossEntropy() if self._several else SoftmaxCrossEntropy()
        return len(self.classes_), loss

    def _class_weights(
        self, y: NDArray, targets: NDArray, weights: NDArray | None
    ) -> NDArray | None:
        weight_of = self.class_weight
        if weight_of is None:
            return None
        if isinstance(weight_of, str) and weight_of == "balanced":
            columns = targets.reshape(len(targets), -1).astype(np.int64).T
            return np.prod([_balanced(column, weights) for column in columns], axis=0)
        if isinstance(weight_of, dict) and not self._several:
            # Samples need not be of every class; scikit-learn refuses weights of others.
            classes = self.classes_.tolist()
            unknown = [label for label in weight_of if label not in classes]
            if unknown and len(weight_of) - len(unknown) < len(classes):
                raise InputError(
                    f"class_weight has {unknown[0]!r}, which is none of the classes "
                    f"{self.classes_}, of which some have no weight: give weights of these"
                )
            weight_of = {label: weight_of.get(label, 1) for label in classes}
        return compute_sample_weight(weight_of, y)

    def _strata(self, targets: NDArray, held_out: int) -> NDArray | None:
        if self._several:
            return None
        counts = np.bincount(targets)
        counts = counts[counts > 0]
        return targets if counts.min() > 1 and held_out >= len(counts) else None

    def _scored(self, answers: NDArray, targets: NDArray, weights: NDArray | None) -> float:
        right = answers == targets
        return float(np.average(right.all(axis=1) if self._several else right, weights=weights))


def _balanced(labels: NDArray, weights: NDArray | None) -> NDArray:
    """Weight of each sample, inversely proportional to that of all samples of its class.

    What weighs nothing counts for nothing, as if it were not there.
    """
    counts = np.bincount(labels, weights)
    shares = np.count_nonzero(counts) * counts
    table = np.divide(counts.sum(), shares, out=np.zeros(len(counts)), where=shares > 0)
    return table[labels]
