"""What both estimators do."""

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

pytest.importorskip("sklearn", "1.6")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sparsedend as sd
from sparsedend import InputError
from sparsedend.sklearn import DendriticClassifier, DendriticRegressor
from tests.conftest import child

SMALL = {"dendrites": 2, "somata": 8, "synapses": 3, "max_iter": 6, "random_state": 1}
SMALL |= {"schedule": "constant", "weight_decay": 0.0}


def table(samples=120, features=6, dtype=np.float64, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, features)).astype(dtype)
    return x, x[:, 0] - 2 * abs(x[:, 1])


def both(**keywords):
    """Each kind of estimator with targets of its own."""
    x, y = table()
    return [
        (DendriticClassifier(**SMALL | keywords), x, np.where(y > -1.5, "more", "less")),
        (DendriticRegressor(**SMALL | keywords), x, y),
    ]


def test_they_are_names_of_the_package_too():
    assert sd.DendriticClassifier is DendriticClassifier
    assert sd.DendriticRegressor is DendriticRegressor
    assert {"DendriticClassifier", "DendriticRegressor"} <= set(dir(sd))
    with pytest.raises(AttributeError, match="no attribute 'DendriticCluster'"):
        _ = sd.DendriticCluster


def test_without_scikit_learn_the_extra_is_named():
    code = """
    import sys
    sys.modules["sklearn"] = None
    import sparsedend as sd
    try:
        sd.DendriticClassifier
    except ImportError as error:
        print(error)
    """
    assert "pip install 'sparsedend[sklearn]'" in child(code)


def test_the_network_is_the_librarys():
    """Same seeds, same training: what `fit` would do by hand."""
    for estimator, x, y in both(batch_size=50):
        estimator.fit(x, y)
        made = estimator.network_
        seed = int(np.random.RandomState(1).randint(2**31 - 1))
        twin = sd.models.build(
            *("dann-r", 6, made.outputs),
            **{"dendrites": 2, "somata": 8, "synapses": 3, "exact": True},
            initializer="sparse",
            loss=made.loss,
            seed=seed,
            dtype=np.float64,
        )
        training = sd.Training(
            sd.optimizers.Adam(estimator.learning_rate), batch_size=50, seed=seed
        )
        targets = (y == "more") * 1 if y.dtype.kind == "U" else (y - y.mean()) / y.std()
        history = sd.fit(
            twin, x, targets, epochs=6, validation=None, callbacks=[], training=training
        )
        np.testing.assert_allclose(made.parameters, twin.parameters, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(estimator.loss_curve_, history.training_loss)


def test_what_is_fitted():
    for estimator, x, y in both(layers=2):
        with pytest.raises(AttributeError, match="is not fitted"):
            _ = estimator.coefs_
        with pytest.raises(NotFittedError):
            estimator.predict(x)
        estimator.fit(x, y)
        outputs = estimator.network_.outputs
        assert estimator.n_iter_ == len(estimator.loss_curve_) == 6
        assert estimator.validation_scores_ is estimator.best_validation_score_ is None
        assert estimator.n_features_in_ == 6
        shapes = [(6, 16), (16, 8), (8, 16), (16, 8), (8, outputs)]
        assert [each.shape for each in estimator.coefs_] == shapes
        assert all(issparse(each) and each.format == "csr" for each in estimator.coefs_)
        assert [each.nnz for each in estimator.coefs_] == [48, 16, 48, 16, 8 * outputs]
        assert [each.shape for each in estimator.intercepts_] == [(b,) for _, b in shapes]
        h = x
        for weights, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True):
            before = h @ weights + bias
            h = np.where(before > 0, before, 0.1 * before)
        np.testing.assert_allclose(
            before, sd.predict(estimator.network_, x, raw=True), rtol=1e-6, atol=1e-9
        )
        estimator.coefs_[0].data[:] = 0
        assert estimator.coefs_[0].data.all()


def test_what_a_table_holds_decides_the_dtype():
    for dtype, expected in ((np.float32, np.float32), (np.float64, np.float64), (int, np.float64)):
        x, y = table(dtype=np.float64)
        estimator = DendriticRegressor(**SMALL).fit((10 * x).astype(dtype), y)
        assert estimator.network_.dtype == expected
    x = np.random.default_rng(1).integers(0, 256, (50, 12)).astype(np.uint8)
    images = DendriticClassifier(**SMALL | {"model": "dann-lrf", "image_shape": (2, 2, 3)})
    images.fit(x, x[:, 0] > 99)
    assert images.network_.dtype == np.float32
    assert images.network_.image_shape == (2, 2, 3)
    expected = sd.predict(images.network_, x.astype(np.float32) / 255, probabilities=True)
    np.testing.assert_allclose(images.predict_proba(x), expected, rtol=1e-5)
    rows = DendriticClassifier(**SMALL).fit(x, x[:, 0] > 99)
    np.testing.assert_allclose(
        rows.predict_proba(x), sd.predict(rows.network_, x.astype(float), probabilities=True)
    )


def test_sparse_rows_are_like_dense_ones():
    for estimator, x, y in both(early_stopping=True):
        x = x * (abs(x) > 1)
        dense, rows = clone(estimator).fit(x, y), clone(estimator).fit(csr_array(x), y)
        np.testing.assert_array_equal(dense.predict(x), rows.predict(csr_array(x)))
        assert dense.loss_curve_ == rows.loss_curve_
        assert dense.validation_scores_ == rows.validation_scores_


def test_a_warm_start_goes_on():
    for estimator, x, y in both(warm_start=True, early_stopping=True):
        before = estimator.fit(x, y).network_
        losses = list(estimator.loss_curve_)
        estimator.fit(x, y)
        assert estimator.network_ is before
        assert estimator.n_iter_ == len(estimator.validation_scores_) == 12
        assert estimator.loss_curve_[:6] == losses
        assert estimator.loss_curve_[6] < losses[0]
        estimator.set_params(warm_start=False).fit(x, y)
        assert estimator.network_ is not before
        assert estimator.loss_curve_ == losses


def test_partial_fits_are_epochs_of_a_fit():
    for estimator, x, y in both(batch_size=40):
        whole, part = clone(estimator).fit(x, y), clone(estimator)
        first = {"classes": ["less", "more"]} if y.dtype.kind == "U" else {}
        for _ in range(6):
            assert part.partial_fit(x, y, **first) is part
        np.testing.assert_array_equal(part.network_.parameters, whole.network_.parameters)
        assert part.loss_curve_ == whole.loss_curve_
        assert part.n_iter_ == part.training_.history.epochs == 6
        whole.partial_fit(x, y)
        assert (whole.n_iter_, len(whole.loss_curve_)) == (7, 7)


def test_a_partial_fit_goes_on_with_the_optimizer_but_for_its_schedule_and_decay():
    for estimator, x, y in both(schedule="cosine", weight_decay="auto"):
        estimator.fit(x, y)
        twin, training = estimator.network_.copy(), copy.deepcopy(estimator.training_)
        assert training.optimizer.weight_decay > 0
        training.schedule = sd.training.schedules.SCHEDULES["constant"]
        training.optimizer = sd.optimizers.Adam(estimator.learning_rate)
        targets = (y == "more") * 1 if y.dtype.kind == "U" else (y - y.mean()) / y.std()
        for part in range(1, 3):
            estimator.partial_fit(x, y)
            given = {"epochs": 6 + part, "validation": None, "callbacks": []}
            sd.fit(twin, x, targets, training=training, **given)
            np.testing.assert_allclose(estimator.network_.parameters, twin.parameters, rtol=1e-12)
        assert (estimator.n_iter_, estimator.training_.steps) == (8, 16)
        np.testing.assert_allclose(estimator.loss_curve_, training.history.training_loss)
        decaying = clone(estimator).set_params(schedule="constant").fit(x, y).partial_fit(x, y)
        assert not hasattr(decaying.training_.optimizer, "weight_decay")


def test_early_stopping_keeps_the_best_epoch():
    for estimator, x, y in both(
        early_stopping=True, max_iter=60, n_iter_no_change=4, learning_rate=0.2
    ):
        estimator.fit(x, y)
        scores = estimator.validation_scores_
        best = int(np.argmax(scores))
        assert estimator.n_iter_ == len(scores) < 60
        assert estimator.best_validation_score_ == scores[best]
        shorter = clone(estimator).set_params(max_iter=best + 1, n_iter_no_change=60).fit(x, y)
        np.testing.assert_array_equal(shorter.network_.parameters, estimator.network_.parameters)


def test_validation_data_is_scored_and_nothing_is_held_out():
    for estimator, x, y in both():
        plain = clone(estimator).fit(x, y)
        watched = clone(estimator).fit(x, y, validation_data=(x[:40], y[:40]))
        np.testing.assert_array_equal(watched.network_.parameters, plain.network_.parameters)
        assert watched.validation_scores_[-1] == pytest.approx(watched.score(x[:40], y[:40]))
        assert watched.best_validation_score_ is None
        stopped = clone(estimator).set_params(early_stopping=True)
        stopped.fit(x, y, validation_data=(x[:40], y[:40]))
        assert stopped.loss_curve_ == plain.loss_curve_
        assert stopped.best_validation_score_ == pytest.approx(stopped.score(x[:40], y[:40]))


def test_without_a_fraction_early_stopping_judges_by_the_loss():
    for estimator, x, y in both(early_stopping=True, validation_fraction=0, learning_rate=3.0):
        estimator.fit(x, y)
        assert estimator.validation_scores_ is None
        best = int(np.argmin(estimator.loss_curve_))
        assert 0 < best < 5
        shorter = clone(estimator).set_params(max_iter=best + 1, early_stopping=False).fit(x, y)
        np.testing.assert_array_equal(shorter.network_.parameters, estimator.network_.parameters)


def test_a_fit_that_gets_no_better_ends():
    for estimator, x, y in both(tol=10.0, n_iter_no_change=2):
        assert estimator.fit(x, y).n_iter_ == 3


def test_weights_of_zero_are_as_if_there_were_no_samples():
    for estimator, x, y in both(batch_size=200):
        weights = np.r_[np.ones(80), np.zeros(40)]
        weighted = clone(estimator).fit(x, y, sample_weight=weights)
        fewer = clone(estimator).fit(x[:80], y[:80])
        np.testing.assert_allclose(weighted.loss_curve_, fewer.loss_curve_, rtol=1e-9)
        stopping = clone(estimator).set_params(early_stopping=True)
        weights[:] = 0
        weights[0] = 1
        for place in range(12):
            only = np.roll(weights, place)
            with pytest.raises(
                InputError, match=r"(validated|trained) on .* a weight (of|above) z"
            ):
                stopping.fit(x, y, sample_weight=only)


def test_weights_that_lie_in_what_is_held_out_alone_are_refused():
    for estimator, x, y in both(early_stopping=True, validation_fraction=0.5):
        told = set()
        for place in range(20):
            weights = np.zeros(120)
            weights[place] = weights[place + 20] = 1
            try:
                clone(estimator).fit(x, y, sample_weight=weights)
            except InputError as error:
                told.add(str(error).split(" have")[0])
        assert "all rows that are trained on" in told


def test_what_is_random():
    for estimator, x, y in both():
        curves = {
            name: clone(estimator).set_params(random_state=seed).fit(x, y).loss_curve_[0]
            for name, seed in (("a", 1), ("b", 2), ("c", np.random.RandomState(1)), ("d", None))
        }
        assert curves["a"] == curves["c"]
        assert len(set(curves.values())) == 3


@pytest.mark.parametrize(("jobs", "threads"), [(1, 1), (10_000, None), (-1, None), (None, None)])
def test_jobs_are_at_most_so_many_threads(jobs, threads):
    for estimator, x, y in both(n_jobs=jobs):
        network = estimator.fit(x, y).network_
        assert network.backend.threads == (threads or sd.backends.create("auto").threads)


def test_progress_is_shown_where_it_is_asked_for(capsys):
    for estimator, x, y in both():
        estimator.fit(x, y)
        assert capsys.readouterr() == ("", "")
        estimator.set_params(verbose=True).fit(x, y)
        assert "epoch=6" in capsys.readouterr().err


def test_copies_and_pickles_predict_and_go_on_alike():
    for estimator, x, y in both():
        estimator.fit(x, y)
        for twin in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
            np.testing.assert_array_equal(twin.predict(x), estimator.predict(x))
            assert twin.network_ is not estimator.network_
            trained = copy.deepcopy(estimator).partial_fit(x, y)
            np.testing.assert_array_equal(
                twin.partial_fit(x, y).network_.parameters, trained.network_.parameters
            )
        assert not hasattr(clone(estimator), "network_")


def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    for estimator, x, y in both():
        frame = pandas.DataFrame(x, columns=list("abcdef"))
        estimator.fit(frame, y)
        assert estimator.feature_names_in_.tolist() == list("abcdef")
        with pytest.raises(ValueError, match="feature names"):
            estimator.predict(frame[list("fedcba")])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"model": "dan"}, "unknown model 'dan': did you mean 'pdann'"),
        ({"model": "dann-lrf"}, "receptive fields are asked for on 6 features"),
        ({"image_shape": (2, 2, 1)}, r"X has 6 features, but image_shape is \(2, 2, 1\)"),
        ({"image_shape": (6,)}, r"X has 6 features, but image_shape is \(6,\): give images as r"),
        ({"image_shape": 6}, r"X has 6 features, but image_shape is \(6,\): give images as rows"),
        ({"image_shape": (2, 3)}, r"image shape is \(2, 3\): give height, width and channels"),
        ({"image_shape": "abc"}, "features of image shape abc is 'abc': give a whole number"),
        ({"image_shape": (2.0, 3, 1)}, "height of image shape .* is 2.0: give a whole number"),
        ({"synapses": 7}, "synapses is 7, but there are only 6 inputs"),
        ({"max_iter": 0}, "max_iter is 0: give a whole number of 1"),
        ({"tol": -1}, "tol is -1"),
        ({"n_iter_no_change": 1.5}, "n_iter_no_change is 1.5"),
        ({"validation_fraction": 1, "early_stopping": True}, "validation_fraction is 1: give"),
        ({"weight_decay": "x"}, "weight_decay is 'x'"),
        ({"learning_rate": 0}, "learning"),
        ({"n_jobs": 0}, "n_jobs is 0: give a number of threads, or -1 for all"),
        ({"n_jobs": "a"}, "n_jobs is 'a': give a number of threads"),
        ({"n_jobs": 1.5}, "n_jobs is 1.5: give a number of threads"),
        ({"backend": "gpu"}, "unknown backend 'gpu'"),
    ],
)
def test_keywords_that_cannot_be_used(keywords, message):
    for estimator, x, y in both(**keywords):
        with pytest.raises(ValueError, match=message):
            estimator.fit(x, y)
        assert not hasattr(estimator, "network_")


@pytest.mark.parametrize("form", [list, np.array])
def test_an_image_shape_may_be_a_list_or_an_array(form):
    given = SMALL | {"model": "dann-lrf", "synapses": "auto", "somata": "auto"}
    for estimator, x, y in both(**given, image_shape=form([2, 3, 1])):
        plain = clone(estimator).set_params(image_shape=(2, 3, 1)).fit(x, y)
        assert estimator.fit(x, y).network_.image_shape == (2, 3, 1)
        np.testing.assert_array_equal(estimator.predict(x), plain.predict(x))


def test_a_fit_that_fails_leaves_what_there_was():
    for estimator, x, y in both(learning_rate=0):
        names = y.dtype.kind == "U"
        for method, given in (
            ("fit", {}),
            ("partial_fit", {"classes": [*set(y)]} if names else {}),
        ):
            with pytest.raises(InputError, match="learning rate is 0"):
                getattr(estimator, method)(x, y, **given)
            assert not [name for name in vars(estimator) if name.endswith("_")]
            with pytest.raises(NotFittedError):
                estimator.predict(x)
        estimator.set_params(learning_rate=0.01).fit(x, y)
        before, expected = dict(vars(estimator)), estimator.predict(x)
        estimator.set_params(validation_fraction=5)
        with pytest.raises(InputError, match="validation_fraction is 5"):
            estimator.fit(x[:, :4], np.char.add(y, "!") if names else 100 * y)
        assert vars(estimator) == before | {"validation_fraction": 5}
        np.testing.assert_array_equal(estimator.predict(x), expected)


def test_samples_that_cannot_be_used():
    for estimator, x, y in both():
        for given, message in (
            ({"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\): give 120"),
            ({"sample_weight": np.zeros(120)}, "all weights are zero"),
            ({"sample_weight": np.r_[1, -2, np.ones(118)]}, "the weight of row 1 is -2: give"),
            ({"sample_weight": np.r_[np.nan, np.ones(119)]}, "the weight of row 0 is nan: give"),
            ({"validation_data": x}, "validation_data is ndarray: give a pair"),
            ({"validation_data": (x[:, :2], y)}, "2 features, but"),
        ):
            with pytest.raises(ValueError, match=message):
                estimator.fit(x, y, **given)
