import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, evaluate, fit, losses, models, predict
from sparsedend.optimizers import SGD, Adam
from tests.conftest import ROOT, Still

#: Positions of the streams in `randomness.STREAMS`: what a seed means must not change.
SPLIT, SHUFFLE, DROPOUT = 0, 3, 5


def stream(seed, position):
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(position,)))


def small(backend="numba", threads=None, model="dann-lrf", **options):
    given = {"dendrites": 4, "somata": 16, "synapses": 9} | options
    engine = sd.backends.create(backend, threads)
    return models.build(model, (8, 8, 1), 10, backend=engine, **given)


@pytest.mark.parametrize("model", models.MODELS)
def test_every_model_learns_digits(model, digits):
    network = small(model=model, dendrites=8, somata=32)
    history = fit(network, digits.train_x, digits.train_y, epochs=40)
    tested = evaluate(network, digits.test_x, digits.test_y)
    assert tested.accuracy > 0.85
    assert history.epochs == 40
    assert history.validation_loss[-1] < 0.5 * history.validation_loss[0]
    assert history.best_epoch == 1 + int(np.argmin(history.validation_loss))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_fit_by_hand(digits, backend):
    """Split, batch order and what is dropped come from streams of the seed; the rest are steps."""
    x, y, seed, size = digits.train_x[:301], digits.train_y[:301], 5, 80
    fitted, stepped = (small(backend, model="pdann", dropout=0.2) for _ in range(2))
    training = Training(batch_size=size, schedule="cosine", seed=seed)
    history = fit(fitted, x, y, epochs=3, validation=0.25, training=training)

    order = stream(seed, SPLIT).permutation(301)
    kept, held_out = order[:-75], order[-75:]
    shuffle, session = stream(seed, SHUFFLE), sd.Session(stepped, x, y, batch_size=size)
    by_hand = Training(seed=seed)
    by_hand.dropout = stream(seed, DROPOUT)
    step = 0
    for epoch in range(3):
        shuffled = shuffle.permutation(kept)
        for start in range(0, 226, size):
            step += 1
            factor = 0.5 * (1 + np.cos(np.pi * epoch / 3))
            by_hand.rates = lambda _, at=(step, factor): [Adam().rates(*at)]
            session.train_step(by_hand, shuffled[start : start + size])
        fitted_then = session.totals()
        assert history.training_loss[epoch] == fitted_then.loss
        assert history.training_accuracy[epoch] == fitted_then.accuracy
        validated = evaluate(stepped, x[held_out], y[held_out], batch_size=size)
        assert history.validation_loss[epoch] == validated.loss
        assert history.validation_accuracy[epoch] == validated.accuracy
    assert training.steps == step == 9
    np.testing.assert_array_equal(fitted.parameters, stepped.parameters)
    for name in training.state:
        np.testing.assert_array_equal(training.state[name], by_hand.state[name])


def test_backends_agree_over_a_training(digits):
    """Same seed, same connections, weights and batches: the losses differ by rounding alone."""
    histories = [
        fit(
            small(backend, model=model, dropout=dropout),
            digits.train_x,
            digits.train_y,
            epochs=4,
            training=Training(batch_size=100),
        )
        for model, dropout in (("dann-lrf", 0.0), ("pdann", 0.3))
        for backend in ("numpy", "numba")
    ]
    for one, other in (histories[:2], histories[2:]):
        np.testing.assert_allclose(one.training_loss, other.training_loss, rtol=1e-4)
        np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_one_thread_and_two_give_the_same_bits(digits, layers):
    trained = []
    for threads in (1, 2):
        network = small(threads=threads, layers=layers)
        training = Training(Adam(clip_norm=0.5))
        fit(network, digits.train_x, digits.train_y, epochs=3, training=training)
        trained.append(network.parameters)
    np.testing.assert_array_equal(*trained)


def test_the_seed_shuffles(digits):
    """Without a split and dropout it is all that two seeds differ in."""
    x, y = digits.train_x[:200], digits.train_y[:200]
    trained = []
    for seed in (1, 1, 2):
        network = small()
        training = Training(batch_size=70, seed=seed)
        fit(network, x, y, epochs=1, validation=None, training=training)
        trained.append(network.parameters)
    np.testing.assert_array_equal(*trained[:2])
    assert not np.array_equal(trained[0], trained[2])


def test_the_seed_splits(digits):
    """Nothing is learnt, so that the batch order does not matter."""
    held_out = [
        fit(
            small(),
            digits.train_x,
            digits.train_y,
            epochs=1,
            training=Training(Still(), seed=seed, sequential=sequential, batch_size=16),
        ).validation_loss
        for sequential in (False, True)
        for seed in (1, 1, 2)
    ]
    for first, again, other in (held_out[:3], held_out[3:]):
        assert first == again != other


def test_figures_are_means_over_their_own_part(digits):
    """Of a network that does not change: over what is trained on, and over what is held out."""
    network, x, y = small(), digits.train_x[:333], digits.train_y[:333]
    training = Training(Still(), batch_size=70, seed=3)
    history = fit(network, x, y, epochs=2, validation=0.25, training=training)
    order = stream(3, SPLIT).permutation(333)
    kept, held_out = order[:-83], order[-83:]
    fitted, validated = (evaluate(network, x[part], y[part]) for part in (kept, held_out))
    assert history.training_loss == pytest.approx([fitted.loss] * 2, rel=1e-6)
    assert history.training_accuracy == [fitted.accuracy] * 2
    assert history.validation_loss == pytest.approx([validated.loss] * 2, rel=1e-6)
    assert history.validation_accuracy == [validated.accuracy] * 2


def test_validation_of_ones_own(digits):
    """All samples are trained on; that the others are larger batches does not matter."""
    own, none = small(), small()
    arguments = (digits.train_x[:150], digits.train_y[:150])
    given = (digits.test_x, digits.test_y)
    history = fit(own, *arguments, epochs=2, validation=given, training=Training(batch_size=70))
    tested = evaluate(own, *given)
    assert history.validation_loss[-1] == pytest.approx(tested.loss, rel=1e-6)
    assert history.validation_accuracy[-1] == tested.accuracy
    history = fit(none, *arguments, epochs=2, validation=None, training=Training(batch_size=70))
    np.testing.assert_array_equal(own.parameters, none.parameters)
    assert np.isnan([*history.validation_loss, *history.validation_accuracy]).all()
    assert history.best_epoch == 1 + int(np.argmin(history.training_loss))


@pytest.mark.parametrize("share", [0.5, np.float32(0.5)])
def test_validation_of_a_share(digits, share):
    seen = []
    training = Training(batch_size=70)
    fit(
        small(),
        *(digits.train_x[:150], digits.train_y[:150]),
        epochs=1,
        validation=share,
        training=training,
        callbacks=[lambda fitting: seen.append(fitting.batches)],
    )
    assert seen == [2]
    assert training.steps == 2


def test_going_on_gives_the_same_bits(digits):
    whole, parts = (small(model="pdann", dropout=0.2) for _ in range(2))
    fit(whole, digits.train_x, digits.train_y, epochs=5)
    training = Training()
    fit(parts, digits.train_x, digits.train_y, epochs=2, training=training)
    history = fit(parts, digits.train_x, digits.train_y, epochs=5, training=training)
    np.testing.assert_array_equal(whole.parameters, parts.parameters)
    assert history is training.history
    assert history.epochs == 5
    assert fit(parts, digits.train_x, digits.train_y, epochs=4, training=training).epochs == 5


def test_a_schedule_scales_the_learning_rate(digits):
    """A factor of 0 from the third epoch on changes nothing any more."""
    short, long = small(), small()
    fit(short, digits.train_x, digits.train_y, epochs=2)
    training = Training(schedule=lambda epoch, epochs: float(epoch < 2 and epochs == 4))
    fit(long, digits.train_x, digits.train_y, epochs=4, training=training)
    np.testing.assert_array_equal(short.parameters, long.parameters)


@pytest.mark.parametrize("optimizer", [Adam, lambda: SGD(0.01), lambda: SGD(0.01, 0.9)])
def test_a_factor_may_be_numpy_s(digits, optimizer):
    found = []
    for kind in (float, np.float32):
        made = small()
        training = Training(optimizer(), batch_size=60, schedule=lambda e, n, kind=kind: kind(0.5))
        fit(made, digits.train_x[:200], digits.train_y[:200], epochs=2, training=training)
        found.append(made.parameters)
    np.testing.assert_array_equal(*found)


def test_a_schedule_is_not_gone_on_with_over_other_epochs(digits):
    network, arguments = small(), (digits.train_x[:100], digits.train_y[:100])
    training = Training(schedule="cosine")
    fit(network, *arguments, epochs=2, training=training)
    with pytest.raises(InputError, match="follows a schedule over 2 epochs, not 3: go on to 2"):
        fit(network, *arguments, epochs=3, training=training)
    fit(network, *arguments, epochs=2, training=training)


class Recording(losses.SoftmaxCrossEntropy):
    """Keeps the labels of every batch."""

    def __init__(self):
        self.__dict__["seen"] = []

    def score(self, backend, outputs, targets, order, weights, delta, totals):
        self.seen.append(targets[order])
        super().score(backend, outputs, targets, order, weights, delta, totals)


def test_sequential_batches_are_of_one_class(digits):
    recording = Recording()
    training = Training(batch_size=16, sequential=True)
    fit(small(), digits.train_x, digits.train_y, epochs=2, loss=recording, training=training)
    # The first is the rehearsal.
    seen = [labels for labels in recording.seen[1:] if labels.size == 16]
    one_class = [labels[0] for labels in seen if np.unique(labels).size == 1]
    assert len(one_class) >= training.steps
    epoch = one_class[: training.steps // 2]
    assert epoch == sorted(epoch)
    assert set(epoch) == set(range(10))


def test_every_epoch_is_shuffled_anew(digits):
    recording = Recording()
    training = Training(Still(), batch_size=200)
    fit(
        small(),
        *(digits.train_x[:200], digits.train_y[:200]),
        epochs=3,
        validation=None,
        loss=recording,
        training=training,
    )
    batches = recording.seen[1:]
    assert len(batches) == 3
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert not np.array_equal(batches[one], batches[other])
        np.testing.assert_array_equal(np.sort(batches[one]), np.sort(batches[other]))
    assert not np.array_equal(batches[0], digits.train_y[:200])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_nothing_is_dropped_outside_of_training(digits, backend):
    dropping, plain = (small(backend, model="vann", dropout=rate) for rate in (0.8, 0.0))
    found = [predict(each, digits.test_x, probabilities=True) for each in (dropping, plain)]
    np.testing.assert_array_equal(*found)
    fitted = [
        fit(each, digits.train_x, digits.train_y, epochs=1).training_loss[0]
        for each in (dropping, plain)
    ]
    assert fitted[0] > fitted[1] * 1.05


def test_the_short_last_batch_is_used(digits):
    """Ten images in batches of nine: an epoch is two steps."""
    training = Training(batch_size=9)
    fit(small(), digits.train_x[:11], digits.train_y[:11], epochs=3, training=training)
    assert training.steps == 6


def test_a_batch_may_be_larger_than_all_samples(digits):
    training = Training(batch_size=5000)
    history = fit(small(), digits.train_x[:90], digits.train_y[:90], epochs=2, training=training)
    assert training.steps == history.epochs == 2


def test_regression_of_one_output_and_of_several():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((442, 10))
    y = np.tanh(x @ rng.standard_normal(10) / 2) + 0.3 * rng.standard_normal(442)
    y = (y - y.mean()) / y.std()
    for targets in (y, y[:, None], np.stack([y, -y, x[:, 2]], axis=1)):
        outputs = 1 if targets.ndim == 1 else targets.shape[1]
        network = models.build("dann-r", 10, outputs, dendrites=3, somata=8, synapses=4)
        network.loss = losses.MeanSquaredError()
        history = fit(network, x, targets, epochs=30, training=Training(Adam(0.01), batch_size=70))
        assert history.validation_loss[-1] < 0.75
        assert np.isnan(history.validation_accuracy).all()
        answers = predict(network, x)
        assert answers.shape == ((442,) if outputs == 1 else targets.shape)
        error = np.mean((answers - targets.reshape(answers.shape)) ** 2)
        assert error == pytest.approx(evaluate(network, x, targets).loss, rel=1e-4)
        assert error < 0.6


def test_one_output_is_regression_unless_one_says_otherwise():
    build = models.build
    assert isinstance(build("vann", 4, 1, somata=2, dendrites=1).loss, losses.MeanSquaredError)
    assert isinstance(build("vann", 4, 2, somata=2, dendrites=1).loss, losses.SoftmaxCrossEntropy)
    huber = build("vann", 4, 2, somata=2, dendrites=1, loss=losses.Huber(2))
    assert huber.loss.limit == 2


def test_several_labels_are_learnt(digits):
    """Whether a digit is odd, above four, or a multiple of three: any number of the three."""
    y = np.stack([digits.train_y % 2, digits.train_y > 4, digits.train_y % 3 == 0], axis=1)
    network = models.build("dann-lrf", (8, 8, 1), 3, dendrites=8, somata=32, synapses=9)
    loss, training = losses.SigmoidCrossEntropy(), Training(Adam(0.005))
    history = fit(network, digits.train_x, y, epochs=30, loss=loss, training=training)
    assert network.loss is loss
    assert history.validation_accuracy[-1] > 0.8
    found = predict(network, digits.train_x)
    assert found.dtype == np.int64
    assert (found == y).all(axis=1).mean() == pytest.approx(
        evaluate(network, digits.train_x, y).accuracy
    )
    chances = predict(network, digits.train_x, probabilities=True)
    np.testing.assert_array_equal(chances > 0.5, found)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_a_fit_was_given_does_not_live_on(digits, backend):
    """Neither in the network nor in the training: the samples are large."""
    network, training = small(backend), Training()
    x = digits.train_x[:200] / np.float32(255)
    alive = weakref.ref(x)
    fit(network, x, digits.train_y[:200], epochs=1, training=training)
    evaluate(network, x, digits.train_y[:200])
    predict(network, x)
    sd.vjp(network, x)
    sd.Predictor(network, 200)(x)
    sd.Session(network, x, digits.train_y[:200]).train_step(training, [0, 1])
    with pytest.raises(InputError, match="out of range"):
        fit(network, x, digits.train_y[:200] + 1, epochs=1)
    gc.disable()
    try:
        del x
        # At once: Python may not look for circles for a long time.
        assert alive() is None
    finally:
        gc.enable()


def test_kernels_come_from_a_cache_where_the_package_cannot_be_written(tmp_path):
    """Numba falls back to a folder of the user's; a second process compiles nothing."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\n"
        "from sparsedend import Network, backends, layers, predict\n"
        "engine = backends.create('numba', 1)\n"
        "stack = [layers.Dense(16, 2), layers.Softplus(2)]\n"
        "network = Network(stack, (4, 4, 1), backend=engine)\n"
        "with engine.compilation(lambda: print('compiling')):\n"
        "    predict(network, np.zeros((9, 16), np.uint8))\n"
    )

    def output(folder):
        environment = {"PATH": "", "HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(folder)}
        command = [sys.executable, "-c", code, str(ROOT)]
        answer = subprocess.run(command, capture_output=True, check=True, env=environment)
        return answer.stdout

    assert b"compiling" in output(tmp_path)
    assert output(tmp_path) == b""
