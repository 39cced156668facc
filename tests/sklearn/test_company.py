"""Among scikit-learn's other parts."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

pytest.importorskip("sklearn", "1.6")

from joblib import parallel_config
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sparsedend.sklearn import DendriticClassifier, DendriticRegressor
from tests.sklearn.test_estimators import SMALL, table


def classes():
    x, y = table(150)
    return x, np.where(y > -1.0, "more", "less")


def test_a_pipeline():
    x, y = classes()
    model = make_pipeline(StandardScaler(), DendriticClassifier(**SMALL | {"max_iter": 60}))
    assert model.fit(1e4 + 100 * x, y).score(1e4 + 100 * x, y) > 0.9
    text = ["a soma sums its dendrites", "a tree has leaves", "dendrites read synapses"] * 20
    words = make_pipeline(TfidfVectorizer(), DendriticClassifier(**SMALL | {"max_iter": 60}))
    words.fit(text, ["cell", "plant", "cell"] * 20)
    assert issparse(words[0].transform(text))
    assert words.predict(["dendrites and synapses", "leaves of a tree"]).tolist() == [
        "cell",
        "plant",
    ]


def test_sparse_rows_are_never_made_dense():
    """Of 1.3 GB that they would be, a twentieth is more than training on them takes."""
    rows, columns, words = 11_000, 30_000, 40
    rng = np.random.default_rng(1)
    indices = np.sort(rng.integers(0, columns // words, (rows, words)), axis=1)
    indices += columns // words * np.arange(words)
    x = csr_array(
        (rng.random(rows * words, np.float32), indices.ravel(), words * np.arange(rows + 1)),
        shape=(rows, columns),
    )
    y = x[:, :375].sum(axis=1) > 0.2
    model = DendriticClassifier(max_iter=1, early_stopping=True, random_state=1)
    tracemalloc.start()
    model.fit(x, y).predict_proba(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.network_.inputs == columns
    assert peak < 4 * rows * columns / 20


def test_one_hot_columns_of_bytes():
    rng = np.random.default_rng(1)
    given = rng.integers(0, 5, (200, 2))
    x = OneHotEncoder(sparse_output=False, dtype=np.uint8).fit_transform(given)
    y = (given[:, 0] + given[:, 1]) % 2
    model = DendriticClassifier(dendrites=4, somata=32, synapses=4, random_state=1, max_iter=60)
    assert model.fit(x, y).score(x, y) == 1


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_grid_search_in_processes_and_threads(backend):
    x, y = classes()
    grid = {"dendrites": [1, 2], "learning_rate": [0.01, 0.05]}
    search = GridSearchCV(DendriticClassifier(**SMALL), grid, cv=3, error_score="raise")
    with parallel_config(backend, n_jobs=2):
        search.fit(x, y)
    serial = GridSearchCV(DendriticClassifier(**SMALL), grid, cv=3).fit(x, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"]
    )
    assert search.best_params_ == serial.best_params_
    np.testing.assert_array_equal(search.predict_proba(x), serial.predict_proba(x))


def test_calibration_and_importance():
    x, y = classes()
    model = DendriticClassifier(**SMALL | {"max_iter": 40})
    calibrated = CalibratedClassifierCV(model, cv=3).fit(x, y)
    np.testing.assert_allclose(calibrated.predict_proba(x).sum(axis=1), 1)
    assert calibrated.score(x, y) > 0.85
    found = permutation_importance(model.fit(x, y), x, y, n_repeats=3, random_state=1)
    assert set(np.argsort(found.importances_mean)[-2:]) == {0, 1}


def test_several_columns_of_classes_by_a_wrapper():
    x, y = classes()
    several = np.c_[y, np.where(x[:, 2] > 0, "up", "down")]
    made = MultiOutputClassifier(DendriticClassifier(**SMALL)).fit(x, several)
    assert made.predict(x).shape == several.shape


def test_metadata_is_routed():
    x, y = table(90)
    weights = np.where(y > 0, 1.0, 0.01)
    with config_context(enable_metadata_routing=True):
        asks = DendriticRegressor(**SMALL).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, asks.set_score_request(sample_weight=True))
        found = cross_validate(
            model, x, y, cv=3, params={"sample_weight": weights}, return_estimator=True
        )
        plain = DendriticRegressor(**SMALL)
        others = cross_validate(make_pipeline(scaler, plain), x, y, cv=3, return_estimator=True)
        with pytest.raises(ValueError, match="sample_weight"):
            cross_validate(plain, x, y, params={"sample_weight": weights})
        routed = DendriticRegressor().set_fit_request(validation_data=True).get_metadata_routing()
        assert routed.fit.requests["validation_data"] is True
    pairs = zip(found["estimator"], others["estimator"], strict=True)
    assert all(a[-1].y_mean_ != b[-1].y_mean_ for a, b in pairs)


class Recorder:
    """A callback of scikit-learn's."""

    def __init__(self, last=99):
        self.told, self.last = [], last

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, metadata=None):  # noqa: N803
        self.told.append(f"begin {context.task_name} {context.task_id} of {len(X)}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):  # noqa: N803
        score = fitted_estimator.score(X, y)
        self.told.append((context.task_name, context.task_id, score))
        return context.task_name == "epoch" and context.task_id == self.last


def test_callbacks_of_scikit_learn():
    pytest.importorskip("sklearn.callback")
    x, y = classes()
    recorder = Recorder(last=1)
    made = DendriticClassifier(**SMALL).set_callbacks(recorder).fit(x, y)
    assert made.n_iter_ == 2
    scores = [each[2] for each in recorder.told if isinstance(each, tuple)]
    assert recorder.told == [
        *("setup", "begin fit 0 of 150", "begin epoch 0 of 150", ("epoch", 0, scores[0])),
        *("begin epoch 1 of 150", ("epoch", 1, scores[1]), ("fit", 0, scores[2]), "teardown"),
    ]
    assert scores[2] == scores[1] == made.score(x, y)
    plain = DendriticClassifier(**SMALL | {"max_iter": 1}).fit(x, y)
    assert scores[0] == plain.score(x, y)
    failing = Recorder()
    with pytest.raises(ValueError, match="the training loss is"):
        DendriticRegressor(**SMALL | {"learning_rate": 1e300}).set_callbacks(failing).fit(
            x, x[:, 0]
        )
    assert failing.told[-1] == "teardown"
    assert [each[0] for each in failing.told if isinstance(each, tuple)] == []
