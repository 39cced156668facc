"""What both estimators have in common: keywords, the network, and how it is trained."""

from __future__ import annotations

import math
import numbers
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import backends, models
from ..backends import cuda
from ..backends.threads import available_threads
from ..errors import InputError
from ..losses import Loss, SoftmaxCrossEntropy
from ..network import Network, checked_shape
from ..numbers import real, whole
from ..optimizers import Adam, AdamW
from ..training import Callback, ProgressBar, Training, fit, predict
from . import sizes
from .contexts import CallbackSupportMixin, Messenger
from .watch import Watch

#: In which a table is computed with: its own of these, or the first.
DTYPES = (np.float64, np.float32)


@dataclass(eq=False, repr=False)
class DendriticEstimator(CallbackSupportMixin, BaseEstimator):
    """A dendritic network as an estimator; see the two kinds of it.

    Its fields are the keywords, which `keywords` describes.
    """

    model: str = "dann-r"
    _: KW_ONLY
    dendrites: int = 2
    somata: int | str = "auto"
    synapses: int | str = "auto"
    layers: int = 1
    exact: bool = True
    initializer: str = "sparse"
    dropout: float = 0.0
    image_shape: tuple[int, int, int] | None = None
    learning_rate: float = 0.01
    weight_decay: float | str = "auto"
    schedule: str = "cosine"
    batch_size: int = 64
    max_iter: int = 50
    tol: float = 1e-4
    n_iter_no_change: int = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    warm_start: bool = False
    random_state: Any = None
    n_jobs: int | None = None
    backend: str = "auto"
    verbose: bool = False

    #: Whether y must be numbers.
    _y_numeric: ClassVar[bool]
    #: Rows that a score needs.
    _scorable: ClassVar[int]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def coefs_(self) -> list[csr_array]:
        """Weights of each matrix in turn, (inputs, outputs) of it, copied as CSR."""
        return [weights.T.tocsr() for weights, _ in self._matrices()]

    @property
    def intercepts_(self) -> list[NDArray]:
        """Biases that belong to `coefs_`, copied."""
        return [bias.copy() for _, bias in self._matrices()]

    def _matrices(self) -> list[tuple[csr_array, NDArray]]:
        """Weights, (outputs, inputs), and biases."""
        if not hasattr(self, "network_"):
            raise AttributeError(f"this {type(self).__name__} is not fitted: call fit first")
        found: list[Any] = []
        for layer in self.network_.layers:
            for name, placed in layer.parameters.items():
                values = layer.backend.fetch(placed)
                if name in layer.structures:
                    found.append(layer.structures[name].matrix(values))
                elif values.ndim == 2:
                    found.append(csr_array(values))
                else:
                    found.append(values)
        return list(zip(found[::2], found[1::2], strict=True))

    def _y(self, y: NDArray) -> NDArray:
        """The same, checked further; of shape (samples,), or (samples, 2 or more)."""
        return y

    @abstractmethod
    def _meet(self, y: NDArray, classes: Any, weights: NDArray | None) -> None:
        """Learn what y is like, before the first epoch."""

    @abstractmethod
    def _targets(self, y: NDArray) -> NDArray:
        """What the network is compared with."""

    @abstractmethod
    def _head(self) -> tuple[int, Loss]:
        """Outputs of the network, and its loss."""

    @abstractmethod
    def _scored(self, answers: NDArray, targets: NDArray, weights: NDArray | None) -> float:
        """Score of the network's answers, `predict` without probabilities, by its targets."""

    def _class_weights(
        self, y: NDArray, targets: NDArray, weights: NDArray | None
    ) -> NDArray | None:
        """Weights of samples by their classes, those of their own not multiplied in."""
        return None

    def _strata(self, targets: NDArray, held_out: int) -> NDArray | None:
        """Classes of which both parts of a split shall have their share, where that can be."""
        return None

    def _forget(self) -> None:
        """Begin with nothing noted."""
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None

    def _fit(self, x: Any, y: Any, sample_weight: Any, validation_data: Any) -> Any:
        """Fit anew, or with `warm_start` go on with the network as it is."""
        first = not (self.warm_start and hasattr(self, "network_"))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        x, y, targets, weights = self._met(x, y, sample_weight, first=first)
        network = self._built(x, seed) if first else self.network_
        messenger = Messenger(self, x, y, sample_weight)
        if validation_data is None:
            x, targets, weights, validation = self._held_out(x, targets, weights, seed)
        else:
            validation = self._beside(validation_data)
        if validation is not None:
            self._check_scorable(*validation[1:])
        training = self._training(seed, len(targets))
        watch = Watch(
            None if validation is None else self._score_of(network, *validation),
            tol=real("tol", self.tol, 0),
            patience=whole("n_iter_no_change", self.n_iter_no_change),
            keep=bool(self.early_stopping),
        )
        looking_on: list[Callback] = [watch]
        if getattr(self, "_skl_callbacks", None):
            looking_on.append(messenger)
        if self.verbose:
            looking_on.append(ProgressBar(True))
        epochs = whole("max_iter", self.max_iter)
        if first:
            self._forget()
        self._train(network, training, x, targets, weights, epochs, looking_on)
        self.loss_curve_ += watch.losses
        if validation is not None:
            self.validation_scores_ = (self.validation_scores_ or []) + watch.scores
            self.best_validation_score_ = watch.best if self.early_stopping else None
        return self

    def _partial_fit(self, x: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        """One epoch, from where the last one ended."""
        first = not hasattr(self, "network_")
        x, _, targets, weights = self._met(x, y, sample_weight, classes, first=first)
        if first:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            network, training = self._built(x, seed), self._unending(seed)
            self._forget()
        else:
            network, training = self.network_, self.training_
            # A fit had a schedule, and maybe a decay, that suit its number of steps alone.
            unending = self._unending(training.seed)
            training.schedule, training.optimizer = unending.schedule, unending.optimizer
        epochs = training.history.epochs + 1
        self._train(network, training, x, targets, weights, epochs, [])
        self.loss_curve_.append(training.history.training_loss[-1])
        return self

    def _train(
        self,
        network: Network,
        training: Training,
        x: Any,
        targets: NDArray,
        weights: NDArray | None,
        epochs: int,
        callbacks: list[Callback],
    ) -> None:
        """Train to so many epochs in all."""
        before = training.history.epochs
        fit(
            network,
            x,
            targets,
            epochs=epochs,
            sample_weight=weights,
            validation=None,
            callbacks=callbacks,
            training=training,
        )
        self.network_, self.training_ = network, training
        self.n_iter_ += training.history.epochs - before

    def _met(
        self, x: Any, y: Any, sample_weight: Any, classes: Any = None, *, first: bool
    ) -> tuple[Any, NDArray, NDArray, NDArray | None]:
        """X, y, targets, weights with those of classes; the first y says what it is like."""
        x, y = self._checked(x, y, reset=first)
        weights = None if sample_weight is None else _checked_weights(sample_weight, len(y))
        if first:
            self._meet(y, classes, weights)
        targets = self._targets(y)
        by_class = self._class_weights(y, targets, weights)
        if weights is None or by_class is None:
            return x, y, targets, by_class if weights is None else weights
        return x, y, targets, weights * by_class

    def _checked(self, x: Any, y: Any, *, reset: bool) -> tuple[Any, NDArray]:
        """Both, as scikit-learn checks them."""
        x, y = validate_data(
            self,
            x,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=self._dtypes(),
            multi_output=True,
            y_numeric=self._y_numeric,
        )
        dense = y.toarray() if issparse(y) else y
        if dense.ndim == 2 and dense.shape[1] == 1:
            # Sparse, there is no other way to give it.
            dense = column_or_1d(dense, warn=dense is y)
        return x, self._y(dense)

    def _answers(self, x: Any, **kind: bool) -> NDArray:
        """What `predict` of a network has for X, not checked yet."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, accept_sparse="csr", dtype=self._dtypes())
        return predict(self.network_, x, **kind)

    def _dtypes(self) -> list[Any]:
        """Bytes of images stay what they are, so that they are scaled."""
        return [*DTYPES] if self.image_shape is None else [*DTYPES, np.uint8]

    def _beside(self, given: Any) -> tuple[Any, NDArray, None]:
        """What the caller wants to be validated on."""
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise InputError(f"validation_data is {type(given).__name__}: give a pair of X and y")
        x, y = self._checked(*given, reset=False)
        return x, self._targets(y), None

    def _held_out(
        self, x: Any, targets: NDArray, weights: NDArray | None, seed: int
    ) -> tuple[Any, NDArray, NDArray | None, tuple[Any, NDArray, NDArray | None] | None]:
        """What is trained on, and what is held out of it, if anything."""
        share = real("validation_fraction", self.validation_fraction, 0, 1)
        if not self.early_stopping or share == 0:
            return x, targets, weights, None
        kept, held_out = train_test_split(
            np.arange(len(targets)),
            test_size=share,
            random_state=seed,
            stratify=self._strata(targets, math.ceil(share * len(targets))),
        )
        if weights is None:
            return x[kept], targets[kept], None, (x[held_out], targets[held_out], None)
        if not weights[kept].any():
            raise InputError(
                "all rows that are trained on have a weight of zero: give more of them a weight, a "
                "smaller `validation_fraction`, or validation data of your own"
            )
        validation = x[held_out], targets[held_out], weights[held_out]
        return x[kept], targets[kept], weights[kept], validation

    def _check_scorable(self, targets: NDArray, weights: NDArray | None) -> None:
        """Check that there is enough to validate on."""
        rows = len(targets) if weights is None else np.count_nonzero(weights)
        if rows < self._scorable:
            raise InputError(
                f"the rows that are validated on and have a weight above zero are {rows}, and a "
                f"score needs {self._scorable}: give a larger `validation_fraction`, more of them "
                "a weight, or validation data of your own"
            )

    def _score_of(
        self, network: Network, x: Any, targets: NDArray, weights: NDArray | None
    ) -> Callable[[], float]:
        """Score of a network as it will be then."""
        return lambda: self._scored(predict(network, x), targets, weights)

    def _built(self, x: Any, seed: int) -> Network:
        features = x.shape[1]
        shape = features if self.image_shape is None else checked_shape(self.image_shape)
        if isinstance(shape, tuple) and (len(shape) != 3 or math.prod(shape) != features):
            raise InputError(
                f"X has {features} features, but image_shape is {shape}: give images as rows of "
                "height × width × channels numbers"
            )
        outputs, loss = self._head()
        chosen = sizes.chosen(
            self.model,
            shape,
            outputs,
            classes=isinstance(loss, SoftmaxCrossEntropy),
            dendrites=self.dendrites,
            somata=self.somata,
            synapses=self.synapses,
            layers=self.layers,
        )
        return models.build(
            self.model,
            shape,
            outputs,
            **chosen,
            exact=self.exact,
            dropout=self.dropout,
            initializer=self.initializer,
            loss=loss,
            seed=seed,
            backend=self._backend(x),
            dtype=np.float32 if x.dtype == np.uint8 else x.dtype,
        )

    def _backend(self, x: Any) -> backends.Backend:
        threads = None
        jobs: Any = self.n_jobs
        if jobs is not None:
            if not isinstance(jobs, numbers.Integral) or jobs == 0:
                raise InputError(f"n_jobs is {jobs!r}: give a number of threads, or -1 for all")
            threads = min(effective_n_jobs(jobs), available_threads())
        name = self.backend
        if name == "auto" and issparse(x) and cuda.available():
            name = "numba"
        return backends.create(name, threads)

    def _training(self, seed: int, samples: int) -> Training:
        """By which a fit to so many samples trains."""
        decay = self.weight_decay
        if decay == "auto":
            decay = sizes.weight_decay(
                samples,
                whole("batch_size", self.batch_size),
                whole("max_iter", self.max_iter),
            )
        return self._by(seed, real("weight_decay", decay, 0), self.schedule)

    def _unending(self, seed: int) -> Training:
        """By which partial fits train: how many will come, nobody knows."""
        decay = self.weight_decay
        return self._by(
            seed, 0.0 if decay == "auto" else real("weight_decay", decay, 0), "constant"
        )

    def _by(self, seed: int, decay: float, schedule: str) -> Training:
        rate = self.learning_rate
        optimizer = AdamW(rate, weight_decay=decay) if decay else Adam(rate)
        return Training(optimizer, batch_size=self.batch_size, schedule=schedule, seed=seed)


def _checked_weights(given: Any, rows: int) -> NDArray:
    """Weights of rows, of which one at least is above 0."""
    weights = np.asarray(given, np.float64)
    if weights.shape != (rows,):
        raise InputError(
            f"sample_weight has shape {weights.shape}: give {rows} numbers, one for each row"
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise InputError(
            f"the weight of row {wrong[0]} is {weights[wrong[0]]:g}: give finite numbers of 0 or "
            "more"
        )
    if not weights.any():
        raise InputError("all weights are zero: give at least one above it")
    return weights
