"""Weights of samples and of classes: how much each counts, relative to the others."""

from types import SimpleNamespace

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, Training, fit, losses
from sparsedend.initializers import glorot
from sparsedend.losses import MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from sparsedend.samples import checked_samples, class_table
from tests.conftest import Still

SAMPLES = 12
LOSSES = [SoftmaxCrossEntropy(), SigmoidCrossEntropy(), MeanSquaredError(), losses.Huber()]


def network(loss, backend="numpy"):
    """Of float64 where nothing has to be compiled for it."""
    rng = np.random.default_rng(0)
    layers = [sd.layers.Dense(4, 6), sd.layers.Tanh(6), sd.layers.Dense(6, 3)]
    engine, dtype = sd.backends.create(backend), np.float64 if backend == "numpy" else np.float32
    made = sd.Network(layers, 4, loss=loss, backend=engine, dtype=dtype)
    made.initialize(rng, glorot)
    return made


def data(loss):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((SAMPLES, 4))
    if loss.kind == "softmax-cross-entropy":
        return x, rng.permutation(np.arange(SAMPLES) % 3)
    y = rng.standard_normal((SAMPLES, 3))
    return x, (y > 0).astype(int) if loss.kind == "sigmoid-cross-entropy" else y


def gradients(made, x, y, **weights):
    session = Session(made, x, y, **weights)
    session.score(np.arange(len(x)))
    session.backward()
    return session.gradients.copy(), session.totals()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("loss", LOSSES, ids=[loss.kind for loss in LOSSES])
def test_two_is_as_good_as_twice(loss, backend):
    """A sample of weight 2 beside others of 1, and the same one given twice: the same step."""
    made, (x, y) = network(loss, backend), data(loss)
    weights = np.ones(SAMPLES)
    weights[[2, 7]] = 2
    twice = np.concatenate([np.arange(SAMPLES), [2, 7]])
    found, totals = gradients(made, x, y, sample_weight=weights)
    expected, of_all = gradients(made, x[twice], y[twice])
    tolerance = 1e-12 if backend == "numpy" else 1e-5
    np.testing.assert_allclose(found, expected, rtol=10 * tolerance, atol=tolerance / 10)
    assert totals == pytest.approx(of_all, rel=tolerance, nan_ok=True)


@pytest.mark.parametrize("loss", LOSSES, ids=[loss.kind for loss in LOSSES])
def test_nothing_is_as_good_as_absent(loss):
    made, (x, y) = network(loss), data(loss)
    weights = np.ones(SAMPLES, int)
    weights[[0, 5, 11]] = 0
    kept = np.flatnonzero(weights)
    found, totals = gradients(made, x, y, sample_weight=weights)
    expected, of_kept = gradients(made, x[kept], y[kept])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    assert totals == pytest.approx(of_kept, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("largest", [1e307, 1.7e308, 1e-300, 5e-310])
def test_weights_of_any_size_are_relative(largest):
    """Their sum may be beyond all numbers, or their mean have few digits."""
    loss = SoftmaxCrossEntropy()
    weights = 1.0 + np.arange(SAMPLES)
    checked = [
        checked_samples(network(loss), *data(loss), sample_weight=each).weights
        for each in (weights, weights * (largest / SAMPLES))
    ]
    np.testing.assert_allclose(checked[1], checked[0], rtol=1e-12)


def test_weights_are_relative():
    """Scaled to 1 on average: a factor of all changes not a bit but for rounding."""
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    weights = np.random.default_rng(2).random(SAMPLES)
    found, totals = gradients(made, x, y, sample_weight=weights)
    for factor in (1e-3, 1e6):
        again, others = gradients(made, x, y, sample_weight=list(factor * weights))
        np.testing.assert_allclose(again, found, rtol=1e-10)
        assert others == pytest.approx(totals, rel=1e-12)
    plain, of_plain = gradients(made, x, y)
    ones, of_ones = gradients(made, x, y, sample_weight=np.full(SAMPLES, 7))
    np.testing.assert_allclose(ones, plain, rtol=1e-14)
    assert of_ones == pytest.approx(of_plain, rel=1e-14)


def test_classes_by_hand():
    """Class 1 counts thrice, class 2 nothing, the unnamed class 0 once."""
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    by_class, _ = gradients(made, x, y, class_weight={1: 3, np.int64(2): 0.0})
    by_sample, _ = gradients(made, x, y, sample_weight=np.array([1, 3, 0])[y])
    np.testing.assert_array_equal(by_class, by_sample)
    both, _ = gradients(made, x, y, class_weight={1: 3}, sample_weight=1 + np.arange(SAMPLES))
    product = np.array([1, 3, 1])[y] * (1 + np.arange(SAMPLES))
    by_product, _ = gradients(made, x, y, sample_weight=product)
    np.testing.assert_array_equal(both, by_product)


def by_class(loss, targets, classes, weight_of):
    """Weights of samples by those of their classes alone."""
    made = SimpleNamespace(loss=loss, outputs=classes)
    table = class_table(made, weight_of, lambda: loss.class_counts(targets, classes))
    return loss.class_weights(targets, table)


def test_balanced_classes():
    """Six, three and two of three classes, and none of a fourth: samples / (classes · count)."""
    labels = np.array([0] * 6 + [1] * 3 + [3] * 2)
    found = by_class(SoftmaxCrossEntropy(), labels, 4, "balanced")
    np.testing.assert_allclose(found, [11 / 18] * 6 + [11 / 9] * 3 + [11 / 6] * 2)
    assert found.mean() == pytest.approx(1)
    sklearn = pytest.importorskip("sklearn.utils.class_weight")
    expected = sklearn.compute_sample_weight("balanced", labels)
    np.testing.assert_allclose(found, expected)


def test_classes_of_several_labels():
    """The mean over a sample's labels; 1 where it has none."""
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]])
    found = by_class(SigmoidCrossEntropy(), labels, 3, {0: 4, 1: 2})
    np.testing.assert_allclose(found, [4, 3, 1, 1])
    found = by_class(SigmoidCrossEntropy(), labels, 3, "balanced")
    # Four labels in three classes, of which two are class 0: 4 / (3 · 2) and 4 / 3.
    np.testing.assert_allclose(found, [2 / 3, 1, 1, 4 / 3])
    # Of samples that have none, all weigh the same.
    found = by_class(SigmoidCrossEntropy(), 0 * labels, 3, "balanced")
    np.testing.assert_array_equal(found, np.ones(4))


@pytest.mark.parametrize("loss", [MeanSquaredError(), losses.Huber()])
def test_values_have_no_classes(loss):
    made, (x, y) = network(loss), data(loss)
    with pytest.raises(InputError, match=f"but {type(loss).__name__} knows no classes: give"):
        Session(made, x, y, class_weight={0: 2})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"sample_weight": np.ones(SAMPLES - 1)}, r"sample weights are float64 of shape \(11,\)"),
        ({"sample_weight": np.ones((SAMPLES, 1))}, r"of shape \(12, 1\): give 12 numbers"),
        ({"sample_weight": ["1"] * SAMPLES}, "sample weights are <U1"),
        ({"sample_weight": [1] * 11 + [-1]}, "the weight of sample 11 is -1: give finite numbers"),
        ({"sample_weight": [1] * 11 + [np.nan]}, "the weight of sample 11 is nan"),
        ({"sample_weight": [np.inf] + [1] * 11}, "the weight of sample 0 is inf"),
        ({"sample_weight": np.zeros(SAMPLES)}, "all weights are zero: give at least one above it"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "all weights are zero"),
        ({"class_weight": {3: 1}}, "a class that has a weight is 3: give a whole number from 0"),
        ({"class_weight": {-1: 1}}, "a class that has a weight is -1"),
        ({"class_weight": {0.5: 1}}, "a class that has a weight is 0.5"),
        ({"class_weight": {"a": 1}}, "a class that has a weight is 'a'"),
        ({"class_weight": {0: -1}}, "the weight of class 0 is -1: give a finite number of 0 or"),
        ({"class_weight": {0: np.nan}}, "the weight of class 0 is nan"),
        ({"class_weight": {0: "2"}}, "the weight of class 0 is '2'"),
        ({"class_weight": "equal"}, "class weights are 'equal': give 'balanced' or a mapping"),
        ({"class_weight": [1, 1, 1]}, r"class weights are \[1, 1, 1\]"),
    ],
)
def test_weights_that_are_refused(weights, message):
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    with pytest.raises(InputError, match=message):
        Session(made, x, y, **weights)


def test_fit_weighs_training_and_validation():
    """Figures of a network that does not change are weighted means over each part."""
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    weights = np.linspace(0.2, 3, SAMPLES)
    seen = []
    history = fit(
        *(made, x, y),
        epochs=1,
        sample_weight=weights,
        class_weight={0: 2},
        validation=0.25,
        training=Training(Still(), batch_size=4),
        callbacks=[lambda fitting: seen.append(fitting.history)],
    )
    order = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(0,))).permutation(SAMPLES)
    product = weights * np.where(y == 0, 2, 1)
    right = sd.predict(made, x) == y
    chances = sd.predict(made, x, probabilities=True)
    cross_entropy = -np.log(chances[np.arange(SAMPLES), y])
    parts = {"training": order[:-3], "validation": order[-3:]}
    for name, part in parts.items():
        expected = np.average(cross_entropy[part], weights=product[part])
        assert getattr(history, f"{name}_loss") == pytest.approx([expected])
        expected = np.average(right[part], weights=product[part])
        assert getattr(history, f"{name}_accuracy") == pytest.approx([expected])
    assert seen == [history]


@pytest.mark.parametrize(
    ("part", "words"), [(slice(0, -3), "trained on"), (slice(-3, None), "held")]
)
def test_a_part_that_weighs_nothing_is_refused(part, words):
    """Its mean loss would be that of nothing, and no learning rate to blame."""
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    order = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(0,))).permutation(SAMPLES)
    weights = np.ones(SAMPLES)
    weights[order[part]] = 0
    with pytest.raises(InputError, match=f"all samples that are {words}.* have the weight 0"):
        fit(made, x, y, sample_weight=weights, validation=0.25, epochs=1)


def test_a_batch_that_weighs_nothing_is_no_error():
    loss = SoftmaxCrossEntropy()
    made, (x, y) = network(loss), data(loss)
    weights = np.zeros(SAMPLES)
    weights[3] = 1
    training = Training(batch_size=2)
    history = fit(made, x, y, sample_weight=weights, validation=None, epochs=3, training=training)
    assert np.isfinite(history.training_loss).all()
    assert history.training_loss[2] < history.training_loss[0]
