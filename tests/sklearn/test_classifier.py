import numpy as np
import pytest
from scipy.sparse import csr_matrix

pytest.importorskip("sklearn", "1.6")

from sklearn.datasets import make_multilabel_classification

from sparsedend import InputError
from sparsedend.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from sparsedend.sklearn import DendriticClassifier
from tests.sklearn.test_estimators import SMALL, table


def classes(samples=150):
    """Three classes with names, of unlike size."""
    x, y = table(samples)
    return x, np.array(["dim", "even", "bright"])[(y > -2.0) * 1 + (y > 0)]


def classifier(**keywords):
    return DendriticClassifier(**SMALL | keywords)


def test_classes_with_names():
    x, y = classes()
    made = classifier(max_iter=80).fit(x, y)
    assert made.classes_.tolist() == ["bright", "dim", "even"]
    assert isinstance(made.network_.loss, SoftmaxCrossEntropy)
    chances = made.predict_proba(x)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(made.predict(x), made.classes_[chances.argmax(axis=1)])
    np.testing.assert_allclose(made.predict_log_proba(x), np.log(chances), rtol=1e-6, atol=1e-9)
    assert made.score(x, y) == np.mean(made.predict(x) == y) > 0.9


def test_logarithms_are_finite_where_probabilities_are_zero():
    x, y = classes()
    made = classifier().fit(x, y)
    made.network_.parameters[:] *= 30
    assert (made.predict_proba(x) == 0).any()
    assert np.isfinite(made.predict_log_proba(x)).all()
    labels = classifier().fit(x, np.c_[x[:, 0] > 0, x[:, 1] > 0] * 1)
    labels.network_.parameters[:] *= 100
    assert np.isfinite(labels.predict_log_proba(x)).all()
    with np.errstate(divide="ignore"):
        expected = np.log(labels.predict_proba(x))
    near = expected > -10
    np.testing.assert_allclose(labels.predict_log_proba(x)[near], expected[near], atol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_several_labels_each(form):
    x, y = make_multilabel_classification(200, 8, n_classes=4, random_state=1)
    made = classifier(max_iter=60, early_stopping=True, n_iter_no_change=60).fit(x, form(y))
    assert isinstance(made.network_.loss, SigmoidCrossEntropy)
    assert made.classes_.tolist() == [0, 1, 2, 3]
    assert made.predict(x).shape == made.predict_proba(x).shape == y.shape
    np.testing.assert_array_equal(made.predict(x), made.predict_proba(x) > 0.5)
    assert made.score(x, y) == np.mean((made.predict(x) == y).all(axis=1)) > 0.25
    assert max(made.validation_scores_) < 1
    with pytest.raises(InputError, match=r"y has shape \(200, 3\): give 0 and 1 for 4 labels"):
        made.partial_fit(x, y[:, :3])
    with pytest.raises(InputError, match=r"y has shape \(200,\): give 0 and 1 for 4 labels"):
        made.partial_fit(x, y[:, 0])


def test_weights_of_classes_are_weights_of_samples():
    x, y = classes()
    own = np.linspace(1, 2, len(y))
    counts = {label: own[y == label].sum() for label in np.unique(y)}
    balanced = np.array([own.sum() / (3 * counts[label]) for label in y])
    some = np.where(y == "dim", 3.0, 1.0)
    for given, expected in (
        ({"class_weight": "balanced"}, balanced),
        ({"class_weight": {"dim": 3.0}}, some),
    ):
        weighted = classifier(**given).fit(x, y, sample_weight=own)
        plain = classifier().fit(x, y, sample_weight=expected * own)
        assert weighted.loss_curve_ == pytest.approx(plain.loss_curve_)
        assert weighted.loss_curve_ != classifier(**given).fit(x, y).loss_curve_


def test_weights_of_labels():
    x, y = make_multilabel_classification(100, 8, n_classes=2, random_state=1)
    weighted = classifier(class_weight=[{0: 1, 1: 2}, {0: 3, 1: 1}]).fit(x, y)
    expected = np.array([1, 2])[y[:, 0]] * np.array([3, 1])[y[:, 1]]
    assert weighted.loss_curve_ == classifier().fit(x, y, sample_weight=expected).loss_curve_


@pytest.mark.parametrize("factor", [1.0, 1e12])
@pytest.mark.parametrize("several", [False, True])
def test_what_weighs_nothing_counts_for_nothing_where_classes_are_balanced(several, factor):
    """Not even where that is a whole class."""
    x, y = classes()
    own = np.where(y == "dim", 0.0, np.linspace(1, 2, len(y)))
    columns = [x[:, 0] > 0, x[:, 2] > 1] if several else [y]
    expected = own.copy()
    for column in columns:
        for value in set(column.tolist()) - {"dim"}:
            expected[column == value] /= own[column == value].sum()
    y = np.transpose(columns) * 1 if several else y
    weighted = classifier(class_weight="balanced").fit(x, y, sample_weight=factor * own)
    plain = classifier().fit(x, y, sample_weight=expected)
    assert weighted.loss_curve_ == pytest.approx(plain.loss_curve_)
    assert weighted.loss_curve_ != pytest.approx(
        classifier().fit(x, y, sample_weight=own).loss_curve_, rel=1e-3
    )


def test_partial_fits_know_all_classes_from_the_first_call():
    x, y = classes()
    made = classifier(class_weight={"bright": 2})
    with pytest.raises(InputError, match="classes are missing: give all of them"):
        made.partial_fit(x, y)
    one = y == "dim"
    made.partial_fit(x[one], y[one], classes=["even", "dim", "bright"])
    assert made.classes_.tolist() == ["bright", "dim", "even"]
    made.partial_fit(x, y).partial_fit(x, y, classes=["bright", "dim", "even"])
    assert made.n_iter_ == 3
    with pytest.raises(InputError, match=r"y holds 'loud' at row 1, which is none of the classes"):
        made.partial_fit(x[:2], np.array(["dim", "loud"], object))
    with pytest.raises(InputError, match=r"classes are \['dim' 'even'\], but they were"):
        made.partial_fit(x, y, classes=["dim", "even"])
    with pytest.raises(InputError, match=r"y holds 'loud' at row 1, which is none of"):
        made.partial_fit(x[:2], ["dim", "loud"])
    with pytest.raises(InputError, match="'balanced', which needs all samples at once"):
        made.set_params(class_weight="balanced").partial_fit(x, y)


def test_a_first_call_that_fails_was_none():
    x, y = classes()
    made = classifier(model="dan")
    with pytest.raises(InputError, match="unknown model 'dan'"):
        made.partial_fit(x, y, classes=["dim", "even", "bright", "loud"])
    made.set_params(model="dann-r")
    with pytest.raises(InputError, match="classes are missing"):
        made.partial_fit(x, y)
    assert made.partial_fit(x, y, classes=["dim", "even", "bright"]).network_.outputs == 3


def test_numbers_of_labels_are_as_many_as_there_are():
    x, y = make_multilabel_classification(100, 8, n_classes=2, random_state=1)
    with pytest.raises(InputError, match=r"classes are \[0 1 2\], but y has 2 labels: give \[0 1"):
        classifier().partial_fit(x, y, classes=[0, 1, 2])
    assert classifier().partial_fit(x, y, classes=[1, 0]).classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loud": 100}, r"class_weight has 'loud', which is none of the classes \['bright' 'dim' "),
        ({"dim": 2, "loud": 3}, "class_weight has 'loud', which is none of the classes"),
        ({"dim": 2, "loud": 3, "odd": 4}, "class_weight has 'loud', which is none of the classes"),
        ({1: 100}, "class_weight has 1, which is none of the classes"),
    ],
)
def test_weights_of_classes_that_there_are_not(given, message):
    x, y = classes()
    with pytest.raises(InputError, match=message):
        classifier(class_weight=given).fit(x, y)


def test_weights_of_more_classes_than_there_are():
    """As of a part of the samples, of which no class must be forgotten."""
    x, y = classes()
    all_of = {"bright": 1, "dim": 2, "even": 3}
    more = classifier(class_weight=all_of | {"loud": 9}).fit(x, y)
    assert more.loss_curve_ == classifier(class_weight=all_of).fit(x, y).loss_curve_


def test_what_is_held_out_has_its_share_of_every_class(monkeypatch):
    x, y = table(200)
    y = (np.arange(200) >= 20) * 1
    seen = []
    monkeypatch.setattr(
        DendriticClassifier, "_scored", lambda self, a, targets, w: seen.append(targets) or 0.0
    )
    classifier(early_stopping=True, validation_fraction=0.2, max_iter=1).fit(x, y)
    assert np.bincount(seen[0]).tolist() == [4, 36]
    y[0] = 2
    for labels in (y, np.arange(200) % 50):  # One sample of a class; more classes than held out.
        classifier(early_stopping=True, validation_fraction=0.1, max_iter=1).fit(x, labels)
        assert len(seen[-1]) == 20


def test_scores_of_validation_are_weighted(monkeypatch):
    made = classifier().fit(*classes())
    answers, targets, weights = np.array([0, 1, 1]), np.array([0, 1, 2]), np.array([1.0, 2, 5])
    assert made._scored(answers, targets, weights) == 3 / 8
    assert made._scored(answers, targets, None) == 2 / 3
    labels = classifier().fit(np.eye(4), [[0, 1], [1, 0], [1, 1], [0, 0]])
    answers, targets = np.array([[0, 1], [1, 1]]), np.array([[0, 1], [1, 0]])
    assert labels._scored(answers, targets, np.array([1.0, 3])) == 1 / 4
    seen = []
    monkeypatch.setattr(
        DendriticClassifier, "_scored", lambda self, a, t, weights: seen.append(weights) or 0.0
    )
    x, y = classes()
    classifier(early_stopping=True, max_iter=1).fit(x, y, sample_weight=np.arange(1, 151))
    assert len(set(seen[0]) & set(range(1, 151))) == len(seen[0]) == 15


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(150, int), "there is one class, 0: give samples of two classes or more"),
        (np.array(["b"] * 150), "there is one class, 'b': give samples of two classes or more"),
        (np.linspace(0, 1, 150), "Unknown label type"),
        (
            np.arange(300).reshape(150, 2) % 3,
            r"y has 2 columns of .* MultiOutputClassifier",
        ),
    ],
)
def test_y_that_cannot_be_used(y, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(table(150)[0], y)
