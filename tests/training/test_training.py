"""How a network is trained, and where that stands: steps, frozen parameters, whose it is."""

import copy

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, Training, fit
from sparsedend.initializers import glorot
from sparsedend.optimizers import Adam, AdamW
from tests.conftest import uneven

SAMPLES = 40


def network(backend="numpy"):
    rng = np.random.default_rng(0)
    layers = [sd.layers.Sparse(uneven(rng, 8, 12)), sd.layers.Tanh(8), sd.layers.Dense(8, 3)]
    made = sd.Network(layers, 12, backend=sd.backends.create(backend))
    made.initialize(rng, glorot)
    return made


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    return rng.standard_normal((SAMPLES, 12)), rng.integers(0, 3, SAMPLES)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


FROZEN = {
    "a parameter": ([(0, "weights")], ["0 weights"]),
    "two that touch": ([(2, "weights"), (0, "bias")], ["0 bias", "2 weights"]),
    "a layer": ([2], ["2 weights", "2 bias"]),
    "numbers of NumPy's, a list": ([np.int64(0), [2, "bias"]], ["0 weights", "0 bias", "2 bias"]),
    "everything": ([0, 2], ["0 weights", "0 bias", "2 weights", "2 bias"]),
}


@pytest.mark.parametrize("frozen", FROZEN)
def test_frozen_parameters_stay_as_they_are(data, backend, frozen):
    """Not moved by weight decay either; the others take the steps that they would have taken."""
    given, names = FROZEN[frozen]
    made, free = network(backend), network(backend)
    before = made.parameters.copy()
    optimizer = AdamW(0.01, weight_decay=0.5)
    # Of one step, so that all gradients are the same.
    for each, parts in ((made, given), (free, ())):
        training = Training(optimizer, batch_size=SAMPLES, frozen=parts)
        fit(each, *data, epochs=1, validation=None, training=training)
    for (layer, name), part in made.ledger.items():
        expected = before if f"{layer} {name}" in names else free.parameters
        np.testing.assert_array_equal(made.parameters[part], expected[part])
    assert not np.array_equal(free.parameters, before)


def test_clipping_does_not_see_what_is_frozen(data, backend):
    """The norm is that of the other gradients."""
    clipped, by_hand = network(backend), network(backend)
    limit, rate = 1e-2, 1.0
    frozen = [(0, "weights")]
    training = Training(Adam(rate, beta1=0, beta2=0, epsilon=1, clip_norm=limit), frozen=frozen)
    session = Session(by_hand, *data)
    session.score(np.arange(SAMPLES))
    session.backward()
    gradients = session.gradients.astype(np.float64)
    gradients[by_hand.ledger[0, "weights"]] = 0
    assert np.linalg.norm(gradients) > 10 * limit
    gradients *= limit / np.linalg.norm(gradients)
    expected = by_hand.parameters - rate * gradients / (np.abs(gradients) + 1)
    Session(clipped, *data).train_step(training, np.arange(SAMPLES))
    moved = clipped.parameters - by_hand.parameters
    np.testing.assert_allclose(moved, expected - by_hand.parameters, rtol=1e-3, atol=1e-7)
    assert abs(moved).max() > 1e-3


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        ([(0, "weight")], r"there is no parameter \(0, 'weight'\) to freeze: choose of \(0, 'wei"),
        ([1], "there is no parameter 1 to freeze"),
        ([7], "there is no parameter 7"),
        ([-1], "a frozen layer is -1"),
        (["weights"], "a frozen layer is 'weights'"),
        ([(0, "weights", 1)], "a frozen layer is"),
    ],
)
def test_what_is_not_there_cannot_be_frozen(data, frozen, message):
    with pytest.raises(InputError, match=message):
        fit(network(), *data, epochs=1, training=Training(frozen=frozen))


def test_frozen_names_are_kept_as_pythons():
    assert Training(frozen=[np.int64(0), [np.int32(2), "bias"]]).frozen == (0, (2, "bias"))
    assert [type(each) for each in Training(frozen=[np.int64(0)]).frozen] == [int]


def test_another_networks_training_is_refused(data):
    one, same = network(), network()
    smaller = sd.Network([sd.layers.Dense(12, 3)], 12, backend=one.backend)
    double = sd.Network([sd.layers.Dense(12, 3)], 12, backend=one.backend, dtype=np.float64)
    training = Training()
    fit(one, *data, epochs=1, training=training)
    with pytest.raises(InputError, match="the training is that of another network: give this"):
        fit(same, *data, epochs=2, training=training)
    with pytest.raises(InputError, match="the training is that of another network"):
        Session(same, *data).train_step(training, np.arange(3))
    # A copy belongs to whom it is given first, if it fits.
    with pytest.raises(InputError, match="with 51 parameters of float32, but this one has 39"):
        fit(smaller, *data, epochs=2, training=copy.deepcopy(training))
    of_smaller = Training()
    fit(smaller, *data, epochs=1, training=of_smaller)
    with pytest.raises(InputError, match="of float32, but this one has 39 of float64"):
        fit(double, *data, epochs=2, training=copy.deepcopy(of_smaller))


def test_a_training_follows_its_network_to_another_backend(data):
    """The vectors lie where the network computes."""
    moved, whole = network("numba"), network("numpy")
    training, placed = Training(), []
    fit(moved, *data, epochs=1, training=training)
    moved.to("numpy")
    place = moved.backend.place
    moved.backend.place = lambda values: placed.append(values) or place(values)
    fit(moved, *data, epochs=2, training=training)
    assert any(values is training.state["first_moment"] for values in placed)
    fit(whole, *data, epochs=2)
    np.testing.assert_allclose(moved.parameters, whole.parameters, rtol=1e-3, atol=1e-5)


def test_rates_of_an_epoch_are_those_of_its_steps():
    training = Training(AdamW(0.5, weight_decay=0.25, beta1=0.5, beta2=0.75))
    first = training.rates(2)
    second = training.rates(1, 0.5)
    assert training.steps == 3
    optimizer = training.optimizer
    assert [*first, *second] == [
        optimizer.rates(1, 1.0),
        optimizer.rates(2, 1.0),
        optimizer.rates(3, 0.5),
    ]


def test_only_one_training_at_a_time(data):
    made = network()
    session = Session(made, *data)

    def again(fitting):
        with pytest.raises(InputError, match="the network is being trained already, in this"):
            fit(made, *data, epochs=1)
        with pytest.raises(InputError, match="the network is being trained already"):
            session.train_step(Training(), np.arange(3))

    fit(made, *data, epochs=1, callbacks=[again])
    # After an error too, it may be trained again.
    with pytest.raises(InputError):
        fit(made, data[0], data[1] + 7, epochs=1)
    with pytest.raises(InputError):
        session.train_step(Training(), [SAMPLES])
    session.train_step(Training(), np.arange(3))
    fit(made, *data, epochs=1)


def test_defaults():
    training = Training()
    assert (training.batch_size, training.seed, training.steps) == (128, 1, 0)
    assert (training.sequential, training.frozen, training.stopped) == (False, (), "")
    assert training.optimizer.settings == Adam().settings
    assert training.schedule(7, 9) == 1


def test_repr():
    assert repr(Training(Adam(0.01), batch_size=64, seed=3)) == (
        "<Training by Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-07) in batches "
        "of 64, seed 3, 0 steps, <History of 0 epochs>>"
    )
