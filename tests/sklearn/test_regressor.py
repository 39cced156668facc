import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from scipy.sparse import csc_matrix, csr_array
from sklearn.metrics import r2_score

from sparsedend import InputError, predict
from sparsedend.losses import MeanSquaredError
from sparsedend.sklearn import DendriticRegressor
from tests.sklearn.test_estimators import SMALL, table


def regressor(**keywords):
    return DendriticRegressor(**SMALL | keywords)


def test_what_it_predicts_is_like_y():
    x, y = table(300)
    plain, shifted = (regressor(max_iter=60).fit(x, values) for values in (y, 1e6 + 1e3 * y))
    np.testing.assert_allclose(shifted.predict(x), 1e6 + 1e3 * plain.predict(x), rtol=1e-6)
    assert plain.predict(x).shape == (300,)
    assert plain.score(x, y) == pytest.approx(r2_score(y, plain.predict(x)))
    assert plain.score(x, y) > 0.9
    assert isinstance(plain.network_.loss, MeanSquaredError)
    np.testing.assert_allclose([plain.y_mean_[0], plain.y_scale_[0]], [y.mean(), y.std()])
    outputs = predict(plain.network_, x, raw=True)
    np.testing.assert_allclose(plain.predict(x), outputs[:, 0] * y.std() + y.mean())


def test_several_outputs():
    x, y = table(300)
    several = np.c_[y, 100 * x[:, 2], np.full(len(y), 7.0)]
    made = regressor(max_iter=60).fit(x, several)
    assert made.n_outputs_ == 3
    assert made.predict(x).shape == several.shape
    assert (r2_score(several[:, :2], made.predict(x)[:, :2], multioutput="raw_values") > 0.8).all()
    assert made.y_scale_[2] == 1
    np.testing.assert_allclose(made.predict(x)[:, 2], 7, atol=0.5)
    with pytest.raises(InputError, match="y has 1 columns, but the network has 3 outputs"):
        made.partial_fit(x, y)


def test_mean_and_scale_are_weighted():
    x, _ = table(4)
    made = regressor().fit(x, [0, 0, 2, 100], sample_weight=[1, 0, 1, 0])
    assert (made.y_mean_[0], made.y_scale_[0]) == (1, 1)


@pytest.mark.parametrize(
    "constant",
    [
        [0.1] * 3,
        [[0.1, 0.7]] * 30_000,
        [0.3, 0.1 + 0.2, 0.3],
        [-3e8, -1e9 * (0.1 + 0.2), -3e8],
    ],
)
def test_a_constant_is_not_scaled_by_the_rounding_of_its_mean(constant):
    x, _ = table(len(constant))
    made = regressor().partial_fit(x, constant)
    np.testing.assert_array_equal(made.y_scale_, 1)
    np.testing.assert_allclose(made.y_mean_, np.ravel(constant)[: made.n_outputs_])
    weights = np.linspace(0.1, 3, len(constant))
    assert (regressor().partial_fit(x, constant, sample_weight=weights).y_scale_ == 1).all()


def test_a_constant_where_others_weigh_nothing():
    x, _ = table(5)
    made = regressor().partial_fit(x, [1e20, 0.1, 0.1, 0.1, -3], sample_weight=[0, 1, 2, 1, 0])
    assert (made.y_mean_[0], made.y_scale_[0]) == (0.1, 1)


def test_values_that_differ_by_little_are_scaled():
    x, y = table(100)
    for middle, size in ((1e6, 1e-6), (0, 1e-30)):
        made = regressor().fit(x, middle + size * y)
        assert made.y_scale_[0] == pytest.approx(size * y.std(), rel=1e-3)


@pytest.mark.parametrize("form", [csr_array, csc_matrix])
def test_values_may_be_sparse(form):
    x, y = table(60)
    for values in (y[:, None], np.c_[y, x[:, 2]]):
        made = regressor().fit(x, form(values))
        np.testing.assert_array_equal(
            made.predict(x), regressor().fit(x, np.squeeze(values)).predict(x)
        )


def test_a_score_needs_two_rows():
    x, y = table(10)
    stopping = regressor(early_stopping=True)
    message = "validated on and have a weight above zero are 1, and a score needs 2: give a larger"
    with pytest.raises(InputError, match=message):
        stopping.fit(x, y)
    with pytest.raises(InputError, match=message):
        regressor().fit(x, y, validation_data=(x[:1], y[:1]))
    assert np.isfinite(stopping.fit(x, y, validation_data=(x[:2], y[:2])).validation_scores_).all()
    stopping.set_params(validation_fraction=0.2).fit(x, y)
    weights = np.zeros(10)
    weights[:5] = 1
    told = 0
    for seed in range(20):
        try:
            stopping.set_params(random_state=seed).fit(x, y, sample_weight=weights)
        except InputError as error:
            told += "have a weight above zero are 1" in str(error)
        else:
            assert np.isfinite(stopping.validation_scores_).all()
    assert told > 3


def test_scores_of_validation_are_weighted(monkeypatch):
    x, y = table(60)
    made = regressor().fit(x, y)
    answers, targets, weights = np.array([0, 1.0, 3.0]), np.array([[0], [2.0], [4]]), [1, 0, 9]
    assert made._scored(answers, targets, weights) == pytest.approx(1 - 9 / 14.4)
    assert made._scored(answers, targets, None) == pytest.approx(1 - 2 / 8)
    seen = []
    monkeypatch.setattr(
        DendriticRegressor, "_scored", lambda self, a, t, weights: seen.append(weights) or 0.0
    )
    regressor(early_stopping=True, max_iter=1).fit(x, y, sample_weight=np.arange(1, 61))
    assert len(set(seen[0]) & set(range(1, 61))) == len(seen[0]) == 6


def test_mean_and_scale_are_those_of_the_first_samples():
    x, y = table()
    made = regressor().partial_fit(x, y).partial_fit(x, y + 100)
    assert made.y_mean_[0] == pytest.approx(y.mean())
