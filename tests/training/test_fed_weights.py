"""Weights of what a feed brings: the same as those of samples in memory."""

import h5py
import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, evaluate, fit, losses
from sparsedend.feeds import Arrays, Batches
from tests.conftest import Still

SAMPLES = 90
CLASSES = 3


def network(loss=None, backend="numba"):
    return sd.models.build(
        *("dann-r", 6, CLASSES),
        **{"dendrites": 2, "somata": 5, "synapses": 3, "loss": loss},
        backend=sd.backends.create(backend),
    )


def data(loss=None):
    """Samples of classes that are not of one size, and weights, some of them zero."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((SAMPLES, 6)).astype(np.float32)
    y = np.minimum(rng.integers(0, 6, SAMPLES), 2)
    weights = np.where(rng.random(SAMPLES) < 0.2, 0, rng.random(SAMPLES))
    if loss is not None:
        y = (rng.random((SAMPLES, CLASSES)) < [0.2, 0.5, 0.9]).astype(np.float32)
    return x, y, weights


def fitted(x, *targets, loss=None, backend="numba", **named):
    """A network after three steps on all samples at once, and its history."""
    made = network(loss, backend)
    training = Training(sd.optimizers.SGD(0.5), batch_size=SAMPLES)
    named = {"epochs": 3, "validation": None, "callbacks": []} | named
    history = fit(made, x, *targets, training=training, **named)
    return made.parameters, history


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("loss", [None, losses.SigmoidCrossEntropy()])
@pytest.mark.parametrize("class_weight", [None, {0: 4.0, 2: 0.0}, "balanced"])
def test_steps_are_those_of_samples_in_memory(backend, loss, class_weight):
    x, y, weights = data(loss)
    kind = {"loss": loss, "backend": backend, "class_weight": class_weight}
    expected, history = fitted(x, y, sample_weight=weights, **kind)
    plain, _ = fitted(x, y, loss=loss, backend=backend)
    assert abs(expected - plain).max() > 1e-2
    feed = Arrays(x, y, sample_weight=weights)
    found, fed = fitted(feed, **kind)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert fed.training_loss == pytest.approx(history.training_loss, rel=1e-5)
    assert fed.training_accuracy == pytest.approx(history.training_accuracy, rel=1e-5)


def test_weights_of_batches_count_as_what_they_are():
    x, y, weights = data()
    table = np.array([1.0, 3.0, 1.0])
    expected, _ = fitted(x, y, sample_weight=weights * table[y])
    relative = weights / (weights * table[y]).mean()
    found, _ = fitted(Batches([(x, y, relative)]), class_weight={1: 3})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    larger, _ = fitted(Batches([(x, y, 2 * relative)]), class_weight={1: 3})
    assert abs(larger - found).max() > 1e-2


def test_weights_on_disk_are_relative_to_those_of_all_windows(tmp_path):
    x, y, weights = data()
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in (("x", x), ("y", y), ("weights", weights)):
            file.create_dataset(name, data=values, chunks=(8, *values.shape[1:]))
        runs = []
        for factor, source in ((1, file), (1000, {"x": x, "y": y, "weights": weights})):
            feed = Arrays(
                source["x"], source["y"], sample_weight=factor * source["weights"][:], window=16
            )
            feed.block, feed.blocks = 8, np.arange(12)
            made = network()
            training = Training(sd.optimizers.SGD(0.1), batch_size=8)
            fit(made, feed, epochs=2, validation=None, callbacks=[], training=training)
            runs.append(made.parameters)
    np.testing.assert_allclose(*runs, rtol=1e-4, atol=1e-6)


def test_what_is_held_out_is_weighted_and_validation_samples_of_their_own_are_not():
    x, y, weights = data()
    feed = Arrays(x, y, sample_weight=weights, window=32)
    made = network()
    still = {"epochs": 1, "callbacks": [], "class_weight": {0: 5.0}}
    history = fit(made, feed, validation=0.25, training=Training(Still()), **still)
    chances = sd.predict(made, x, probabilities=True)
    cross_entropy = -np.log(chances[np.arange(SAMPLES), y])
    product = weights * np.where(y == 0, 5, 1)
    for part, loss in zip(
        feed.split(0.25, 1), (history.training_loss, history.validation_loss), strict=True
    ):
        index = np.concatenate([np.arange(*each) for each in part._ranges(part.blocks)])
        expected = np.average(cross_entropy[index], weights=product[index])
        assert loss == pytest.approx([expected], rel=1e-5)
    for own, expected in (
        ((x, y), evaluate(made, x, y).loss),
        (Arrays(x, y, sample_weight=weights), np.average(cross_entropy, weights=weights)),
    ):
        history = fit(made, feed, validation=own, training=Training(Still()), **still)
        assert history.validation_loss == pytest.approx([expected], rel=1e-5)


@pytest.mark.parametrize(
    ("weights", "named", "message"),
    [
        (np.zeros(SAMPLES), {}, "all weights are zero: give at least one above it"),
        (-np.ones(SAMPLES), {}, "samples 0 … 0 of the feed: the weight of sample 0 is -1"),
        (np.ones((SAMPLES, 1)), {}, "samples 0 … 0 of the feed: sample weights are float64 of sh"),
        (None, {"class_weight": {3: 1}}, "a class that has a weight is 3: give a whole number"),
        (None, {"class_weight": {0: 0, 1: 0, 2: 0}}, "all weights are zero"),
        (None, {"class_weight": {0: 1}, "loss": losses.Huber()}, "but Huber knows no classes"),
        (None, {"class_weight": "balanced", "loss": losses.Huber()}, "Huber knows no classes"),
    ],
)
def test_weights_that_are_refused(weights, named, message):
    loss = named.pop("loss", None)
    x, y, _ = data(loss)
    with pytest.raises(InputError, match=message):
        fitted(Arrays(x, y, sample_weight=weights), loss=loss, **named)


def test_weights_of_batches_that_are_refused():
    x, y, _ = data()
    given = [(x[:50], y[:50], np.ones(50)), (x[50:], y[50:], np.ones(39))]
    with pytest.raises(InputError, match=r"batch 1 of the feed: sample weights .* shape \(39,\)"):
        fitted(Batches(given))
    with pytest.raises(InputError, match="all weights are zero"):
        fitted(Batches([(x, y, np.zeros(SAMPLES))]))
    with pytest.raises(InputError, match="'balanced', but nobody knows the classes of batches"):
        fitted(Batches([(x, y)]), class_weight="balanced")


def test_an_augmented_batch_keeps_its_weights():
    x, y, weights = data()

    def changed(x, y, random):
        return x + random.standard_normal(x.shape, np.float32), y

    made = network()
    feed = Arrays(x, y, sample_weight=weights, window=32, augment=changed)
    one = network()
    for each in (made, one):
        fit(each, feed, epochs=2, validation=None, callbacks=[], training=Training(batch_size=16))
    np.testing.assert_array_equal(made.parameters, one.parameters)
    with pytest.raises(InputError, match=r"an augmented batch: sample weights .* give 8 numbers"):
        fit(
            *(
                network(),
                Arrays(x, y, sample_weight=weights, augment=lambda x, y, r: (x[:8], y[:8])),
            ),
            validation=None,
            training=Training(batch_size=16),
        )
