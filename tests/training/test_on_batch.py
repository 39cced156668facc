"""A loop of one's own over batches from anywhere."""

import copy
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.sparse import csr_array

import sparsedend as sd
from sparsedend import InputError, Session, Training, losses, train_on_batch
from sparsedend.optimizers import AdamW
from tests.conftest import Still


def network(backend="numba", dropout=0.0):
    engine = sd.backends.create(backend)
    sizes = {"dendrites": 3, "somata": 9, "synapses": 5, "dropout": dropout}
    return sd.models.build("pdann" if dropout else "dann-r", 12, 3, backend=engine, **sizes)


@pytest.fixture
def samples():
    rng = np.random.default_rng(1)
    return rng.standard_normal((100, 12)).astype(np.float32), rng.integers(0, 3, 100)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_its_steps_are_those_of_a_session(samples, backend, dropout):
    x, y = samples
    by_batch, by_session = (network(backend, dropout) for _ in range(2))
    training, other = (Training(AdamW(0.02, clip_norm=1), seed=3) for _ in range(2))
    session = Session(by_session, x, y, batch_size=40)
    for start, stop in ((0, 40), (40, 80), (80, 100), (10, 50)):
        found = train_on_batch(by_batch, x[start:stop], y[start:stop], training=training)
        session.train_step(other, np.arange(start, stop))
        assert found == session.totals()
    np.testing.assert_array_equal(by_batch.parameters, by_session.parameters)
    assert training.steps == other.steps == 4
    for name, values in training.state.items():
        np.testing.assert_array_equal(values, other.state[name])


def test_batches_of_every_size_and_kind(samples, backend):
    """Of what another batch left behind, nothing takes part."""
    x, y = samples
    kinds = [np.float32, np.float64, np.float32, np.float16, csr_array, int]
    one, training = network(backend), Training()
    twin, other = network(backend), Training()
    for size, kind in zip((30, 30, 70, 12, 9, 1), kinds, strict=True):
        batch = csr_array(x[:size]) if kind is csr_array else x[:size].astype(kind)
        found = train_on_batch(one, batch, y[:size], training=training)
        dense = batch.toarray() if kind is csr_array else batch
        session = Session(twin, dense, y[:size], batch_size=size)
        session.train_step(other, np.arange(size))
        expected = session.totals()
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
        assert found.accuracy == expected.accuracy
    np.testing.assert_allclose(one.parameters, twin.parameters, rtol=1e-3, atol=1e-5)


def test_it_learns_in_place_and_keeps_no_batch(samples, backend):
    x, y = samples
    made, training = network(backend), Training(sd.optimizers.Adam(0.02))
    vector, before = made.parameters, x.copy()
    first = train_on_batch(made, x, y, training=training)
    for _ in range(60):
        last = train_on_batch(made, x, y, training=training)
    assert last.loss < 0.7 * first.loss
    assert made.parameters is vector
    np.testing.assert_array_equal(x, before)
    batch = x[:50].copy()
    alive = weakref.ref(batch)
    train_on_batch(made, batch, y[:50], training=training)
    del batch
    assert alive() is None


def test_another_loss_and_another_backend_are_taken_up(samples):
    x, y = samples
    made, training = network(), Training()
    train_on_batch(made, x, y, training=training)
    made.loss = losses.MeanSquaredError()
    found = train_on_batch(made, x, np.eye(3)[y], training=training)
    assert np.isnan(found.accuracy)
    made.loss = losses.Huber(0.1)  # Of the same targets.
    expected = sd.evaluate(made, x, np.eye(3)[y]).loss
    found = train_on_batch(made, x, np.eye(3)[y], training=training)
    assert found.loss == pytest.approx(expected, rel=1e-5)
    made.to("numpy")
    train_on_batch(made, x, np.eye(3)[y], training=training)
    assert training.steps == 4


def test_bytes_and_numbers_of_images_in_turn(digits):
    made = sd.models.build("dann-lrf", (8, 8, 1), 10, dendrites=2, somata=5, synapses=4)
    training, y = Training(Still()), digits.train_y[:40]
    of_bytes = digits.train_x[:40]
    expected = sd.evaluate(made, of_bytes, y).loss
    for x in (of_bytes, of_bytes / np.float32(255), of_bytes):
        found = train_on_batch(made, x, y, training=training)
        assert found.loss == pytest.approx(expected, rel=1e-5)


def test_a_copy_of_a_training_goes_on_with_the_same_bits(samples):
    x, y = samples
    made, training = network(dropout=0.3), Training()
    train_on_batch(made, x, y, training=training)
    twin, going_on = copy.deepcopy((made, training))
    assert going_on.seat is None
    for each, by in ((made, training), (twin, going_on)):
        train_on_batch(each, x, y, training=by)
    np.testing.assert_array_equal(made.parameters, twin.parameters)


def test_misuse_is_refused(samples):
    x, y = samples
    made, training = network(), Training()
    before = made.parameters.copy()
    with pytest.raises(InputError, match="label 3 of sample 2 is out of range"):
        train_on_batch(made, x[:3], [0, 1, 3], training=training)
    with pytest.raises(InputError, match="row 1 holds nan at feature 0"):
        train_on_batch(
            made, np.where(np.arange(2)[:, None] == 1, np.nan, x[:2]), y[:2], training=training
        )
    with pytest.raises(InputError, match="there are no samples"):
        train_on_batch(made, x[:0], y[:0], training=training)
    np.testing.assert_array_equal(made.parameters, before)
    assert training.steps == 0
    train_on_batch(made, x, y, training=training)
    with pytest.raises(InputError, match="the training is that of another network"):
        train_on_batch(network(), x, y, training=training)
    with made.training(), pytest.raises(InputError, match="is being trained already"):
        train_on_batch(made, x, y, training=training)


def test_two_threads_train_one_after_the_other_or_are_told(samples):
    x, y = samples
    made, training = network(), Training()

    def work(_):
        try:
            return np.isfinite(train_on_batch(made, x, y, training=training).loss)
        except InputError as error:
            return "is being trained already" in str(error)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))
    assert np.isfinite(made.parameters).all()
