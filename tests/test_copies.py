"""Copies of all that a user holds: by copy.deepcopy, by pickle, and by joblib to a file."""

import copy
import pickle

import joblib
import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, fit, losses, predict
from sparsedend.optimizers import AdamW
from sparsedend.training.callbacks import EarlyStopping
from tests.conftest import small_stacks


def by_pickle(thing, folder):
    return pickle.loads(pickle.dumps(thing))


def by_joblib(thing, folder):
    joblib.dump(thing, folder / "thing")
    return joblib.load(folder / "thing")


def by_deepcopy(thing, folder):
    return copy.deepcopy(thing)


@pytest.fixture(params=[by_deepcopy, by_pickle, by_joblib])
def again(request, tmp_path):
    return lambda thing: request.param(thing, tmp_path)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


def small(backend="numba", **options):
    sizes = {"dendrites": 3, "somata": 8, "synapses": 5} | options
    engine = sd.backends.create(backend, 2)
    return sd.models.build("dann-lrf", (8, 8, 1), 10, backend=engine, **sizes)


def test_networks(again, backend, digits):
    made = small(backend)
    expected = predict(made, digits.test_x, raw=True)
    found = again(made)
    np.testing.assert_array_equal(predict(found, digits.test_x, raw=True), expected)
    assert repr(found) == repr(made)
    assert repr(found.backend) == repr(made.backend)
    # They share no parameter, and each may be trained.
    assert not np.shares_memory(found.parameters, made.parameters)
    fit(found, digits.train_x[:90], digits.train_y[:90], epochs=1)
    assert not np.array_equal(predict(found, digits.test_x, raw=True), expected)
    np.testing.assert_array_equal(predict(made, digits.test_x, raw=True), expected)


@pytest.mark.parametrize("stack", list(small_stacks()))
def test_networks_of_every_layer(stack):
    layers, shape = small_stacks()[stack]
    made = sd.Network(layers, shape, dtype=np.float64, loss=losses.Huber(0.5))
    made.parameters += np.random.default_rng(0).standard_normal(made.size)
    x = np.random.default_rng(1).standard_normal((70, made.inputs))
    for found in (made.copy(), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert repr(found) == repr(made)
        assert list(map(repr, found.layers)) == list(map(repr, made.layers))
        assert found.backend is made.backend or found.backend.name == made.backend.name
        np.testing.assert_array_equal(predict(found, x), predict(made, x))


def test_a_copy_shares_nothing_but_structures_and_the_backend():
    made = small()
    found = made.copy()
    assert found.backend is made.backend
    for one, other in zip(found.layers, made.layers, strict=True):
        assert one is not other
        assert dict(one.structures) == dict(other.structures)
    before = made.parameters.copy()
    found.parameters *= 2
    found.loss = losses.MeanSquaredError()
    np.testing.assert_array_equal(made.parameters, before)
    assert isinstance(made.loss, losses.SoftmaxCrossEntropy)
    with made.training():
        with found.training():
            pass
        with pytest.raises(InputError, match="is being trained already"), made.training():
            pass


def test_trainings_go_on_with_the_same_bits(again, backend, digits):
    """Both of network and training, together; with drops, early stopping and a schedule."""
    arguments = (digits.train_x[:300], digits.train_y[:300])
    patience = EarlyStopping(90)

    def pause(fitting):
        if fitting.history.epochs == 2:
            raise KeyboardInterrupt

    made = small(backend, dropout=0.2)
    training = Training(AdamW(0.01, clip_norm=1), batch_size=70, schedule="cosine", frozen=[0])
    with pytest.raises(KeyboardInterrupt):
        fit(made, *arguments, epochs=4, callbacks=[patience, pause], training=training)
    found, going_on = again((made, training))
    assert repr(going_on) == repr(training)
    history = fit(found, *arguments, epochs=4, callbacks=[patience], training=going_on)
    assert training.history.epochs == 2
    assert history.epochs == 4
    fit(made, *arguments, epochs=4, callbacks=[patience], training=training)
    np.testing.assert_array_equal(found.parameters, made.parameters)
    for name, values in training.state.items():
        np.testing.assert_array_equal(going_on.state[name], values)
        assert not np.shares_memory(going_on.state[name], values)
    assert going_on.history.validation_loss == training.history.validation_loss


def test_a_pickled_network_is_bound_to_no_training(digits):
    """A copy of a training may be given to a copy of its network, and to no other one after."""
    made, training = small(), Training()
    arguments = (digits.train_x[:90], digits.train_y[:90])
    fit(made, *arguments, epochs=1, training=training)
    twin = copy.deepcopy(training)
    fit(made.copy(), *arguments, epochs=2, training=twin)
    with pytest.raises(InputError, match="the training is that of another network"):
        fit(made, *arguments, epochs=3, training=twin)
    fit(made, *arguments, epochs=2, training=training)


def test_backends(again, backend):
    made = sd.backends.create(backend, 2)
    found = again(made)
    assert type(found) is type(made)
    assert found.threads == made.threads
    with found.limited():
        out = found.zeros((2, 16), np.float32)
        found.elementwise(sd.layers.Sigmoid.value, (out,), (out,))
    np.testing.assert_array_equal(out, np.full((2, 16), 0.5))


@pytest.mark.parametrize(
    "thing",
    [
        sd.connectivity.random(np.random.default_rng(0), 9, 5, 2),
        AdamW(0.01, clip_norm=2),
        losses.Huber(0.5),
        EarlyStopping(3),
        sd.layers.Tanh(3),
        sd.layers.Dendritic(
            sd.connectivity.random(np.random.default_rng(0), 9, 6, 2), sd.connectivity.tree(3, 2)
        ),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_parts(again, thing):
    found = again(thing)
    assert type(found) is type(thing)
    if "object at" not in repr(thing):
        assert repr(found) == repr(thing)


def test_histories(again, digits):
    history = fit(small(), digits.train_x[:90], digits.train_y[:90], epochs=2)
    found = again(history)
    assert found == history
    assert found.best_epoch == history.best_epoch
    found.seconds.append(1.0)
    assert history.epochs == 2
