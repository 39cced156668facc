"""A step that is recorded and repeated natively does what it does in Python, bit for bit."""

import gc
import weakref

import numpy as np
import pytest
import scipy.sparse

import sparsedend as sd
from sparsedend import backends
from sparsedend.backends.cpu import NumbaBackend, pace
from sparsedend.layers import Dense, Dropout, LeakyReLU, Sparse
from sparsedend.training import Training

MODELS = {
    "dann": {"model": "dann-r", "dendrites": 3, "somata": 11, "synapses": 5},
    "two blocks": {"model": "dann-r", "dendrites": 2, "somata": 7, "synapses": 3, "layers": 2},
    "by BLAS": {"model": "vann", "dendrites": 16, "somata": 70},
    "dropout": {"model": "pdann", "dendrites": 2, "somata": 9, "dropout": 0.3},
}
TRAININGS = {
    "adam": lambda: Training(sd.optimizers.Adam(), batch_size=30),
    "clipped": lambda: Training(sd.optimizers.Adam(clip_norm=0.01), batch_size=30),
    "decay": lambda: Training(sd.optimizers.AdamW(0.01, 0.1), batch_size=30, schedule="cosine"),
    "frozen": lambda: Training(
        sd.optimizers.SGD(0.1, 0.9, nesterov=True), batch_size=30, frozen=[(0, "synapses")]
    ),
}


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (100, 8, 8, 1), dtype=np.uint8), rng.integers(0, 4, 100)


@pytest.fixture
def in_python(monkeypatch):
    """Switches recordings off."""
    return lambda: monkeypatch.setattr(NumbaBackend, "repeated", lambda self, step: step)


def trained(samples, model, training, threads, weighted):
    network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS[model])
    network.to(backends.create("numba", threads))
    weights = np.linspace(0.5, 1.5, 100) if weighted else None
    # Of 80 samples to train on, batches of 30 and one of 20.
    sd.fit(
        network,
        *samples,
        epochs=3,
        sample_weight=weights,
        validation=0.2,
        training=training,
        callbacks=(),
    )
    history = training.history
    assert np.isfinite(history.validation_loss[-1])
    outputs = sd.predict(network, samples[0], raw=True)
    return [network.parameters, *training.state.values(), history.validation_loss, outputs]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("model", MODELS)
def test_bits_are_those_of_python(samples, in_python, all_threads, model, training, threads):
    if training == "frozen" and model in ("by BLAS", "dropout"):
        pytest.skip("the model has no parameter of that name")
    native = trained(samples, model, TRAININGS[training](), threads, threads == 2)
    in_python()
    plain = trained(samples, model, TRAININGS[training](), threads, threads == 2)
    for one, other in zip(native, plain, strict=True):
        np.testing.assert_array_equal(one, other)


def counted(backend, step):
    """The step, repeated, and how often it was called."""
    calls = []

    def noted(samples, order, rates, random):
        calls.append(len(order))
        return step(samples, order, rates, random)

    return backend.repeated(noted), calls


def add_rate(p, rate):
    """Formula."""
    return p + rate


def test_a_step_is_called_once_and_takes_other_samples_orders_and_rates():
    backend = backends.create("numba", 1)
    out, sums = backend.zeros((4, 16), np.float64), backend.zeros(3, np.float64)

    def step(samples, order, rates, random):
        backend.take_batch(samples, order, out)
        backend.elementwise(add_rate, (sums,), (sums,), (), rates)
        return sums

    repeated, calls = counted(backend, step)
    with backend.limited():
        for number, order in enumerate(([0, 1], [5], [3, 2, 4])):
            samples = np.random.default_rng(number).normal(size=(6 + number, 4))
            assert repeated(samples, np.array(order), (float(10**number),), None) is sums
            np.testing.assert_array_equal(out[:, : len(order)], samples[order].T)
    assert calls == [2]
    np.testing.assert_array_equal(sums, 111.0)


def test_rates_that_are_not_the_batchs_are_not_recorded():
    """A number that was computed from them would stay what it was."""
    backend = backends.create("numba", 1)
    sums = backend.zeros(3, np.float64)

    def step(samples, order, rates, random):
        backend.elementwise(add_rate, (sums,), (sums,), (), (2 * rates[0],))

    repeated, calls = counted(backend, step)
    for rate in (1.0, 10.0, 100.0):
        repeated(np.zeros((1, 1)), np.zeros(1, np.int64), (rate,), None)
    assert len(calls) == 3
    np.testing.assert_array_equal(sums, 222.0)


def test_dropout_draws_anew_in_every_step():
    network = sd.Network([Dense(6, 40), Dropout(40, 0.5), Dense(40, 3)], 6)
    network.parameters = np.random.default_rng(1).normal(size=network.size)
    x, y = np.ones((50, 6), np.float32), np.zeros(50, np.int64)
    session = sd.Session(network, x, y)
    training, found = Training(sd.optimizers.SGD(1e-30)), set()
    for _ in range(4):
        session.begin()
        session.train_step(training, np.arange(50))
        found.add(session.totals().loss)
    assert len(found) == 4


class Doubled(LeakyReLU):
    """An own layer, which does more in every step than operations of the backend."""

    calls = 0

    def forward(self, x, state):
        type(self).calls += 1
        x *= 2
        return super().forward(x, state)


def test_own_parts_are_called_in_every_step():
    synapses = sd.connectivity.random(np.random.default_rng(1), 6, 20, 3)
    network = sd.Network([Sparse(synapses), Doubled(20), Dense(20, 3)], 6)
    session = sd.Session(network, np.ones((9, 6), np.float32), np.zeros(9, np.int64))
    training = Training()
    for _ in range(3):
        session.train_step(training, np.arange(9))
    assert Doubled.calls == 3


def test_scoring_between_the_steps_changes_nothing(samples):
    """Neither the step, of which the recorded forward pass is a part, nor what backward accepts."""
    found = []
    for scores in (False, True):
        network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS["dann"])
        session, training = sd.Session(network, *samples), Training()
        for first in (0, 30, 60):
            if scores:
                session.score(np.arange(9))
            session.train_step(training, np.arange(first, first + 30))
            with pytest.raises(sd.InputError, match="no batch has been scored"):
                session.backward()
        found.append(network.parameters)
    np.testing.assert_array_equal(*found)


def test_a_score_has_its_own_forward_pass_in_it(samples):
    """Also where one was recorded before."""
    network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS["dann"])
    losses = []
    for forward in (False, True):
        session = sd.Session(network, *samples)
        if forward:
            session.forward(np.arange(5))
        for first in (0, 30):
            session.score(np.arange(first, first + 30))
        losses.append(session.totals().loss)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_predictions_of_other_samples_are_theirs(samples, in_python, dtype):
    """Of more or fewer, elsewhere in memory, dense or sparse, one kind after the other."""
    network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS["dann"])
    rng = np.random.default_rng(5)
    given = [(rng.random((count, 64)) * 9).astype(dtype) for count in (3, 9, 1, 200, 3)]
    given += [scipy.sparse.csr_array(x.astype(np.float32)) for x in given]
    given += given[:2]
    found = [sd.predict(network, x, raw=True) for x in given]
    in_python()
    plain = network.copy()
    for x, outputs in zip(given, found, strict=True):
        np.testing.assert_array_equal(sd.predict(plain, x, raw=True), outputs)


def test_what_was_predicted_does_not_live_on(samples):
    network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS["dann"])
    x = samples[0].reshape(100, 64) / np.float32(255)
    sd.predict(network, x)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


def test_images_that_cannot_be_written_are_taken(samples):
    """They are of another type to Numba, whose kernels take them all the same."""
    x = samples[0].copy()
    network = sd.models.build(image_shape=(8, 8, 1), outputs=4, **MODELS["dann"])
    expected = [sd.predict(network, x, raw=True) for _ in range(3)][-1]
    x.flags.writeable = False
    session = sd.Session(network, x, samples[1], training=False)
    order = np.arange(100)
    order.flags.writeable = False
    for _ in range(3):
        np.testing.assert_array_equal(session.forward(order)[:, :100].T, expected)


class Clock:
    """A machine on which calls with so many threads take so long."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(pace.time, "perf_counter", lambda: self.now)

    def calls(self, tried, count, seconds):
        """Numbers of threads of so many calls, each of which takes ``seconds[threads]``."""
        taken = []
        for _ in range(count):
            taken.append(tried.begin())
            self.now += seconds[taken[-1]]
            tried.end()
        return taken


@pytest.mark.parametrize("work", [0, pace.SMALL])
def test_the_faster_number_of_threads_is_found_whatever_changes(monkeypatch, work):
    clock, tried = Clock(monkeypatch), pace.Pace(2, work)
    assert tried.begin() == (1 if work == 0 else 2)
    for seconds, best in (
        ({1: 4e-4, 2: 2e-4}, 2),
        ({1: 4e-4, 2: 4e-3}, 1),
        ({1: 4e-4, 2: 2e-4}, 2),
    ):
        clock.calls(tried, 30_000, seconds)
        taken = clock.calls(tried, 10_000, seconds)
        assert taken.count(best) >= 9700
        other = 3 - best
        # It is looked at now and then, for no more than its share of the time.
        assert (
            1
            <= taken.count(other)
            <= 10_000 * pace.TRIALS * seconds[best] / seconds[other] + pace.BURST
        )


def test_one_interrupted_call_changes_nothing(monkeypatch):
    clock, tried = Clock(monkeypatch), pace.Pace(2, pace.SMALL)
    clock.calls(tried, 500, {1: 3e-4, 2: 2e-4})
    clock.calls(tried, 1, {1: 0.01, 2: 0.01})
    assert clock.calls(tried, 100, {1: 3e-4, 2: 2e-4}).count(2) >= 97


def test_one_thread_is_never_timed(monkeypatch):
    monkeypatch.setattr(pace.time, "perf_counter", None)
    tried = pace.Pace(1, 10**9)
    assert tried.begin() == 1
    tried.end()


def scaled(x, factor):
    """Formula."""
    return x * factor


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int])
def test_numbers_of_any_kind_reach_the_kernels(kind, all_threads):
    """Of formulas of the user's own, with one thread and with all."""
    for threads in (1, 2):
        backend = backends.create("numba", threads)
        out = backend.zeros(1000, np.float64)
        with backend.limited():
            backend.elementwise(scaled, (out,), (np.arange(1000.0),), (kind(2),))
        np.testing.assert_array_equal(out, 2 * np.arange(1000.0))
