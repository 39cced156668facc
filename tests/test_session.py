"""A network at work on batches of indices."""

import gc
import weakref
from functools import partial

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, Training, evaluate, losses
from sparsedend.initializers import glorot
from tests.conftest import uneven

SAMPLES = 80


def network(backend="numpy", dropout=0.0, outputs=3, dtype=np.float32):
    rng = np.random.default_rng(0)
    layers = [sd.layers.Sparse(uneven(rng, 8, 12)), sd.layers.LeakyReLU(8)]
    layers += [sd.layers.Dropout(8, dropout)] if dropout else []
    layers.append(sd.layers.Dense(8, outputs))
    made = sd.Network(layers, 12, backend=sd.backends.create(backend), dtype=dtype)
    made.initialize(rng, glorot)
    return made


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    return rng.standard_normal((SAMPLES, 12)).astype(np.float32), rng.integers(0, 3, SAMPLES)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


def test_scores_add_up_until_they_are_asked_for(data, backend):
    made = network(backend)
    session = Session(made, *data, batch_size=70)
    assert np.isnan(session.totals()).all()
    session.score(np.arange(70))
    session.score(np.arange(70, SAMPLES))
    whole = evaluate(made, *data)
    found = session.totals()
    assert found.loss == pytest.approx(whole.loss, rel=1e-6)
    assert found.accuracy == whole.accuracy
    assert np.isnan(session.totals()).all()
    session.score([3])
    session.begin()
    assert np.isnan(session.totals()).all()


def test_gradients_by_the_ledger(data, backend):
    """Each parameter's slice, against the equations of the last layer and of the first."""
    made = network(backend)
    session = Session(made, *data)
    order = np.arange(7, 29)
    outputs = session.forward(order)[:, :22].astype(np.float64)
    session.score(order)
    assert session.backward() is None
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=0)
    delta = (chances - np.eye(3)[data[1][order]].T) / 22
    sparse, activation, dense = made.layers
    z = sparse.weights @ data[0][order].T + sparse.parameters["bias"][:, None]
    y = np.where(z > 0, z, activation.slope * z)
    inner = (dense.parameters["weights"].T @ delta) * np.where(z > 0, 1, activation.slope)
    structure = sparse.structures["weights"]
    expected = {
        (2, "weights"): delta @ y.T,
        (2, "bias"): delta.sum(axis=1),
        (0, "weights"): (inner @ data[0][order])[structure.rows, structure.indices],
        (0, "bias"): inner.sum(axis=1),
    }
    assert set(made.ledger) == set(expected)
    assert session.gradients.shape == made.parameters.shape
    for name, part in made.ledger.items():
        found = session.gradients[part]
        np.testing.assert_allclose(found, expected[name].ravel(), rtol=1e-4, atol=1e-6)


def test_the_input_gradient(data, backend):
    made = network(backend)
    without, session = (Session(made, *data, input_gradient=wanted) for wanted in (False, True))
    for each in (without, session):
        each.score(np.arange(11))
    assert without.backward() is None
    gradient = session.backward()
    assert gradient.shape == (12, made.backend.width(SAMPLES))
    np.testing.assert_array_equal(without.gradients, session.gradients)
    assert not gradient[:, 11:].any()
    # Of pixels too, which sparse layers otherwise keep in a form of their own.
    pixels = np.arange(160, dtype=np.uint8).reshape(10, 16)
    layers = [sd.layers.Sparse(uneven(np.random.default_rng(0), 8, 16)), sd.layers.Dense(8, 2)]
    images = sd.Network(layers, (4, 4, 1), backend=made.backend)
    images.initialize(np.random.default_rng(1), glorot)
    found = []
    for x in (pixels, (pixels / 255).astype(np.float32)):
        session = Session(images, x, np.arange(10) % 2, input_gradient=True)
        session.score(np.arange(10))
        found.append(session.backward()[:, :10].copy())
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-7)
    assert found[0].any()


def test_forward_needs_no_targets_and_drops_nothing(data, backend):
    made = network(backend, dropout=0.5)
    session = Session(made, data[0], training=False)
    found = session.forward(np.arange(5)[::-1])[:, :5].T.copy()
    np.testing.assert_array_equal(found, sd.predict(made, data[0][4::-1], raw=True, batch_size=70))
    np.testing.assert_array_equal(session.forward([1, 1])[:, 0], session.forward([1])[:, 0])


@pytest.mark.parametrize("order", [[2, 0], np.array([2, 0], np.uint8), np.arange(3)[::-2]])
def test_orders_may_be_any_integers(data, order, backend):
    session = Session(network(backend), *data)
    expected = session.forward(np.array([2, 0]))[:, :2].copy()
    np.testing.assert_array_equal(session.forward(order)[:, :2], expected)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([0, SAMPLES], "index 80 at 1 of the order is out of range: there are 80 samples"),
        ([-1], "index -1 at 0 of the order is out of range"),
        ([2**62], "index 4611686018427387904 at 0"),
        (np.array([0, 1, 2**63], np.uint64), "at 2 of the order is out of range"),
        ([], r"the order is float64 of shape \(0,\): give a vector of integers"),
        (np.empty(0, int), r"the order has shape \(0,\): give a vector of 1 to 16 samples"),
        (np.arange(17), r"the order has shape \(17,\): give a vector of 1 to 16 samples"),
        ([0.0], r"the order is float64 of shape \(1,\)"),
        ([True], "the order is bool"),
        ([[0], [1]], r"the order is int64 of shape \(2, 1\)"),
        (3, r"the order is int64 of shape \(\)"),
        (["a"], "the order is <U1"),
        (None, "the order is object"),
    ],
)
def test_orders_that_are_refused(data, order, message, backend):
    made = network(backend)
    session = Session(made, *data, batch_size=16)
    before = made.parameters.copy()
    for call in (
        session.forward,
        session.score,
        lambda order: session.train_step(Training(), order),
    ):
        with pytest.raises(InputError, match=message):
            call(order)
    np.testing.assert_array_equal(made.parameters, before)
    assert np.isnan(session.totals()).all()


def test_misuse_is_refused(data):
    made = network()
    no_targets = Session(made, data[0])
    for call in (no_targets.score, lambda order: no_targets.train_step(Training(), order)):
        with pytest.raises(InputError, match="the session has no targets: make it with them"):
            call([0])
    session = Session(made, *data)
    with pytest.raises(InputError, match="no batch has been scored since the last step"):
        session.backward()
    session.forward([0])
    with pytest.raises(InputError, match="no batch has been scored"):
        session.backward()
    session.score([0])
    session.backward()
    with pytest.raises(InputError, match="no batch has been scored"):
        session.backward()
    session.score([0])
    session.forward([0])
    with pytest.raises(InputError, match="no batch has been scored"):
        session.backward()
    session.train_step(Training(), [0])
    with pytest.raises(InputError, match="no batch has been scored"):
        session.backward()


def test_without_gradients_there_is_no_training(data):
    session = Session(network(), *data, training=False)
    assert session.gradients.size == 0
    session.score([0])
    with pytest.raises(InputError, match="the session has no gradients: make it with training="):
        session.backward()
    with pytest.raises(InputError, match="the session has no gradients"):
        session.train_step(Training(), [0])


def test_gradients_of_what_an_earlier_batch_dropped_are_refused(data, backend):
    session = Session(network(backend, dropout=0.5), *data)
    session.score(np.arange(9))
    with pytest.raises(InputError, match=r"the last forward pass dropped nothing.*use train_step"):
        session.backward()
    session.train_step(Training(), np.arange(9))
    session.score(np.arange(9))
    with pytest.raises(InputError, match="dropped nothing"):
        session.backward()


@pytest.mark.parametrize("kind", ["scorer", "trainer"])
def test_epochs_are_of_samples_that_exist_in_batches_that_fit(data, kind):
    made = network("numba")
    session, training = Session(made, *data, batch_size=8), Training()
    prepare = session.scorer if kind == "scorer" else partial(session.trainer, training)
    with pytest.raises(InputError, match="batch size is 9, but the session has room for 8"):
        prepare(9)
    epoch = prepare(8)
    rest = () if kind == "scorer" else (training.rates(1), None)
    for wrong in (10**9, -1, len(session)):
        with pytest.raises(InputError, match=f"index {wrong} at 1 of the order is out of range"):
            list(epoch(np.array([0, wrong]), *rest))
    made.to("numpy")
    with pytest.raises(InputError, match="make a new session"):
        list(epoch(np.array([0, 1]), *rest))


@pytest.mark.parametrize("weights", [{"sample_weight": [1, 2]}, {"class_weight": "balanced"}])
def test_weights_need_targets(data, weights):
    with pytest.raises(InputError, match="there are weights, but no targets: give both"):
        Session(network("numba"), data[0], **weights)


def test_a_network_that_was_moved_needs_a_new_session(data):
    made = network("numba")
    session = Session(made, *data)
    made.to("numpy")
    for call in (
        session.forward,
        session.score,
        lambda order: session.train_step(Training(), order),
    ):
        with pytest.raises(InputError, match="was moved to backend 'numpy': make a new session"):
            call([0])
    Session(made, *data).score([0])


def test_a_session_keeps_the_loss_that_checked_its_targets(data):
    made = network()
    session = Session(made, *data)
    session.score(np.arange(9))
    before = session.totals()
    made.loss = losses.MeanSquaredError()
    session.score(np.arange(9))
    assert session.totals() == before
    with pytest.raises(InputError, match="give real numbers of shape"):
        Session(made, *data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch size is 0"),
        ({"inputs": np.zeros((3, 11))}, r"rows have shape \(3, 11\)"),
        ({"targets": np.zeros(3, int)}, "give 80 integers"),
        ({"sample_weight": np.ones(3)}, "sample weights are float64 of shape"),
        ({"class_weight": {3: 1.0}}, "a class that has a weight is 3: give .* from 0 to 2"),
    ],
)
def test_what_a_session_is_not_made_of(data, change, message):
    given = {"inputs": data[0], "targets": data[1]} | change
    with pytest.raises(InputError, match=message):
        Session(network(), given.pop("inputs"), given.pop("targets"), **given)


def test_targets_are_out_of_reach(data):
    """No check would see a label that is written over afterwards."""
    x, labels = data
    session = Session(network(), x, labels)
    session.score(np.arange(SAMPLES))
    before = session.totals()
    labels[:] = 1000
    session.score(np.arange(SAMPLES))
    assert session.totals() == before


def test_buffers_are_freed_with_the_session_and_the_network(data, backend):
    made = network(backend)
    sd.predict(made, data[0])
    kept = weakref.ref(made.kept.workspace)
    session = Session(made, *data)
    session.train_step(Training(), [0])
    of_session = weakref.ref(session)
    del session
    gc.collect()
    assert of_session() is None
    assert kept() is not None
    del made
    gc.collect()
    assert kept() is None


def test_a_prediction_keeps_its_buffers_for_the_next(data, backend):
    made = network(backend)
    expected = sd.predict(made, data[0], raw=True)
    before = made.kept.workspace
    np.testing.assert_array_equal(sd.predict(made, data[0], raw=True), expected)
    sd.evaluate(made, *data)
    assert made.kept.workspace is before
    sd.predict(made, np.concatenate([data[0]] * 4), batch_size=160)
    assert made.kept.workspace is not before
    np.testing.assert_array_equal(sd.predict(made, data[0], raw=True), expected)


def test_repr(data):
    assert repr(Session(network(), *data, batch_size=16)) == (
        f"<Session of 80 samples in batches of up to 16, {network().size} parameters>"
    )
    assert len(Session(network(), *data)) == 80


def test_padding_is_no_room_for_samples(data):
    """Numba's width for 70 samples is 128, but labels and buffers are for 70."""
    session = Session(network("numba"), *data, batch_size=70)
    session.forward(np.arange(70))
    with pytest.raises(InputError, match=r"shape \(71,\): give a vector of 1 to 70 samples"):
        session.forward(np.arange(71))
