import subprocess
import sys

import numpy as np
import pytest

from sparsedend import Adam, InputError, backends, evaluate, fit, models, predict
from sparsedend.history import Training
from sparsedend.splits import split
from tests.conftest import ROOT


def small(backend="numba", threads=None, model="dann-lrf", seed=1, **sizes):
    sizes = {"dendrites": 4, "somata": 16, "synapses": 9} | sizes
    engine = backends.create(backend, threads)
    return models.build(model, (8, 8, 1), 10, seed=seed, backend=engine, **sizes)


@pytest.mark.parametrize("model", models.MODELS)
def test_every_model_learns_digits(model, digits):
    network = small(model=model, dendrites=8, somata=32)
    history = fit(network, digits.train_x, digits.train_y, epochs=40)
    tested = evaluate(network, digits.test_x, digits.test_y)
    assert tested.accuracy > 0.85
    assert history.epochs == 40
    assert history.validation_loss[-1] < 0.5 * history.validation_loss[0]
    assert history.best_epoch == 1 + int(np.argmin(history.validation_loss))


def test_backends_agree_over_a_training(digits):
    """Same seed, same connections, weights and batches: the losses differ by rounding alone."""
    losses = [
        fit(small(backend), digits.train_x, digits.train_y, epochs=5, batch_size=100)
        for backend in ("numpy", "numba")
    ]
    np.testing.assert_allclose(losses[0].training_loss, losses[1].training_loss, rtol=1e-4)
    np.testing.assert_allclose(losses[0].validation_loss, losses[1].validation_loss, rtol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_one_thread_and_two_give_the_same_bits(digits, layers):
    trained = []
    for threads in (1, 2):
        network = small(threads=threads, layers=layers)
        fit(network, digits.train_x, digits.train_y, epochs=4)
        trained.append(network.parameters)
    np.testing.assert_array_equal(*trained)


def test_seeds_differ(digits):
    losses = [
        fit(small(seed=seed), digits.train_x, digits.train_y, epochs=1, seed=seed).training_loss
        for seed in (1, 2)
    ]
    assert losses[0] != losses[1]


def test_going_on_gives_the_same_bits(digits):
    whole, parts = small(), small()
    fit(whole, digits.train_x, digits.train_y, epochs=5)
    training = Training.begin(parts)
    fit(parts, digits.train_x, digits.train_y, epochs=2, training=training)
    fit(parts, digits.train_x, digits.train_y, epochs=5, training=training)
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


def test_early_stopping_leaves_the_best_parameters(digits):
    """Noisy steps: the loss soon rises again, and the network of the best epoch is returned."""
    stopped, whole = small(), small()
    arguments = {"epochs": 40, "optimizer": Adam(0.1)}
    history = fit(stopped, digits.train_x, digits.train_y, patience=3, **arguments)
    assert history.epochs == history.best_epoch + 3 < 40
    arguments["optimizer"] = Adam(0.1)
    arguments["epochs"] = history.best_epoch
    fit(whole, digits.train_x, digits.train_y, **arguments)
    np.testing.assert_array_equal(stopped.parameters, whole.parameters)


def test_the_best_parameters_are_left_where_patience_lasts(digits):
    network = small()
    history = fit(
        network, digits.train_x, digits.train_y, epochs=6, patience=6, optimizer=Adam(0.1)
    )
    assert history.best_epoch < history.epochs == 6
    _, held_out = split(len(digits.train_x), 1)
    found = evaluate(network, digits.train_x[held_out], digits.train_y[held_out])
    assert found.loss == pytest.approx(history.validation_loss[history.best_epoch - 1], rel=1e-5)


def test_patience_and_going_on(digits):
    """What is trained further without patience is kept; patience needs the best from the start."""
    arguments = (digits.train_x, digits.train_y)
    network = small()
    training = Training.begin(network, optimizer=Adam(0.1))
    fit(network, *arguments, epochs=40, patience=2, training=training)
    stopped = network.parameters.copy()
    fit(network, *arguments, epochs=training.history.epochs + 1, training=training)
    assert not np.array_equal(network.parameters, stopped)
    other = small()
    training = Training.begin(other)
    fit(other, *arguments, epochs=1, training=training)
    with pytest.raises(InputError, match="patience is 2, but the training has 1 epochs behind it"):
        fit(other, *arguments, epochs=3, patience=2, training=training)


def test_evaluating_after_an_epoch_changes_nothing(digits):
    """Not even with other images, and in batches of another size."""
    plain, evaluated = small(), small()
    fit(plain, digits.train_x, digits.train_y, epochs=3)
    fit(
        evaluated,
        digits.train_x,
        digits.train_y,
        epochs=3,
        on_epoch=lambda _: evaluate(evaluated, digits.test_x, digits.test_y, batch_size=300),
    )
    np.testing.assert_array_equal(plain.parameters, evaluated.parameters)


def test_a_schedule_scales_the_learning_rate(digits):
    """A factor of 0 from the third epoch on changes nothing any more."""
    short, long = small(), small()
    fit(short, digits.train_x, digits.train_y, epochs=2)
    fit(long, digits.train_x, digits.train_y, epochs=4, schedule=lambda epoch, _: epoch < 2)
    np.testing.assert_array_equal(short.parameters, long.parameters)


def test_sequential_batches_are_of_one_class(digits, monkeypatch):
    network = small()
    seen = []
    monkeypatch.setattr(
        network, "score", lambda labels, score=network.score: seen.append(labels) or score(labels)
    )
    fit(network, digits.train_x, digits.train_y, epochs=1, batch_size=16, sequential=True)
    training = [labels for labels in seen[1:] if labels.size == 16 and np.unique(labels).size == 1]
    firsts = [labels[0] for labels in training]
    assert firsts == sorted(firsts)
    assert set(firsts) == set(range(10))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_nothing_is_dropped_outside_of_training(digits, backend):
    dropping, plain = (
        models.build(
            "vann", (8, 8, 1), 10, dropout=rate, somata=8, backend=backends.create(backend)
        )
        for rate in (0.8, 0.0)
    )
    images = digits.test_x
    np.testing.assert_array_equal(
        *(predict(each, images, probabilities=True) for each in (dropping, plain))
    )
    losses = [
        fit(each, digits.train_x, digits.train_y, epochs=1).training_loss[0]
        for each in (dropping, plain)
    ]
    assert losses[0] > losses[1] * 1.05


def test_dropout_agrees_over_backends(digits):
    """Also where batches are no whole tiles, as 100 samples are not."""
    losses = []
    for backend in ("numpy", "numba"):
        network = models.build(
            "pdann", (8, 8, 1), 10, dropout=0.3, somata=8, backend=backends.create(backend)
        )
        history = fit(network, digits.train_x, digits.train_y, epochs=3, batch_size=100)
        losses.append(history.training_loss)
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_the_short_last_batch_is_used(digits):
    """Ten images in batches of nine: an epoch is two steps."""
    network = small()
    training = Training.begin(network)
    images, labels = digits.train_x[:11], digits.train_y[:11]
    fit(network, images, labels, epochs=3, batch_size=9, training=training)
    assert training.optimizer.steps == 6


def test_rehearsing_changes_nothing(digits):
    """The first epoch starts from the initial parameters and moments."""
    one, other = small(), small()
    fit(one, digits.train_x[:20], digits.train_y[:20], epochs=1, batch_size=18)
    other.reserve(digits.train_x[:20].reshape(20, -1), 18)
    training = Training.begin(other)
    order = training.shuffle.permutation(split(20, 1)[0])
    other.forward(order)
    other.loss(digits.train_y[order])
    other.backward()
    training.optimizer.step(other.backend, other.parameters, other.gradients)
    np.testing.assert_array_equal(one.parameters, other.parameters)


def test_predict_agrees_with_evaluate(digits):
    network = small()
    fit(network, digits.train_x, digits.train_y, epochs=5)
    classes = predict(network, digits.test_x)
    probabilities = predict(network, digits.test_x, probabilities=True, batch_size=7)
    tested = evaluate(network, digits.test_x, digits.test_y, batch_size=50)
    assert classes.dtype == np.int64
    assert np.mean(classes == digits.test_y) == pytest.approx(tested.accuracy)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), classes)
    chosen = probabilities[np.arange(len(classes)), digits.test_y].astype(np.float64)
    assert -np.log(chosen).mean() == pytest.approx(tested.loss, rel=1e-4)


def test_float_images_and_flat_images(digits):
    network = small()
    expected = predict(network, digits.test_x, probabilities=True)
    scaled = digits.test_x / np.float32(255)
    for images in (scaled, scaled.reshape(len(scaled), 64), scaled[..., 0], scaled.astype(float)):
        found = predict(network, images, probabilities=True)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_split():
    kept, held_out = split(105, 3)
    assert len(held_out) == 10
    assert sorted([*kept, *held_out]) == list(range(105))
    assert not np.array_equal(held_out, split(105, 4)[1])
    assert len(split(2, 1)[1]) == 1


def bad(digits, **change):
    images, labels = digits.train_x[:50].copy(), digits.train_y[:50].copy()
    given = {"images": images, "labels": labels, "epochs": 1} | change
    return given.pop("images"), given.pop("labels"), given


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((50, 8, 9, 1), np.uint8)}, r"images have shape \(50, 8, 9, 1\)"),
        ({"images": np.zeros((50, 8, 8, 1), np.int64)}, "images are int64"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8)}, "there are no images"),
        ({"images": np.full((50, 8, 8, 1), np.nan)}, "image 0 holds nan at value 0"),
        ({"images": np.full((50, 8, 8, 1), np.inf, np.float32)}, "image 0 holds inf"),
        ({"labels": np.full(50, 10)}, "label 10 of image 0 is out of range"),
        ({"labels": np.full(50, -1)}, "label -1 of image 0"),
        ({"labels": np.zeros(49, int)}, "give 50 integers"),
        ({"labels": np.zeros(50)}, "labels are float64"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch size is 0"),
        ({"images": np.zeros((1, 64), np.uint8), "labels": [0]}, "1 training images leave none"),
    ],
)
def test_fit_refuses(digits, change, message):
    images, labels, settings = bad(digits, **change)
    with pytest.raises(InputError, match=message):
        fit(small(), images, labels, **settings)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_longer_finite_is_reported(digits):
    with pytest.raises(
        InputError, match=r"training loss is .* learning rate 1e\+30: use a smaller"
    ):
        fit(small("numpy"), digits.train_x, digits.train_y, epochs=3, optimizer=Adam(1e30))


def test_progress_is_quiet_unless_asked_for(digits, capsys):
    fit(small(), digits.train_x, digits.train_y, epochs=1)
    assert capsys.readouterr().err == ""
    fit(small(), digits.train_x, digits.train_y, epochs=1, progress=True)
    assert "batch/s" in capsys.readouterr().err


def test_kernels_come_from_a_cache_where_the_package_cannot_be_written(tmp_path):
    """Numba falls back to a folder of the user's; a second process compiles nothing."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\n"
        "from sparsedend import Network, backends, fit, layers\n"
        "engine = backends.create('numba', 1)\n"
        "network = Network([layers.Dense(16, 2)], (4, 4, 1), backend=engine)\n"
        "with engine.compilation(lambda: print('compiling')):\n"
        "    fit(network, np.zeros((9, 16), np.uint8), np.zeros(9, int), epochs=1)\n"
    )

    def output(folder):
        environment = {"PATH": "", "HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(folder)}
        command = [sys.executable, "-c", code, str(ROOT)]
        answer = subprocess.run(command, capture_output=True, check=True, env=environment)
        return answer.stdout

    assert b"compiling" in output(tmp_path)
    assert output(tmp_path) == b""
