"""Layers of a user's own: a class each, registered so that a file can name it."""

import inspect
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, Training, fit, layers
from sparsedend.backends.formulas import where
from sparsedend.initializers import glorot
from sparsedend.optimizers import Adam
from tests.conftest import Still, uneven


def added(a, b):
    """Formula of a sum."""
    return a + b


@layers.register
class Residual(layers.Layer):
    """``y = x + W x + b`` with W on the connections that exist, (features, features)."""

    kind = "residual"

    def __init__(self, weights):
        super().__init__(weights.shape[1], weights.shape[0])
        self.structures = {"weights": weights}

    @property
    def shapes(self):
        return {"weights": (self.structures["weights"].nnz,), "bias": (self.outputs,)}

    @dataclass
    class State:
        out: Any
        gradients: Any
        input_delta: Any
        x: Any = None

    def room(self, room):
        out, back = room.activations(self.outputs), room.input_delta(self.inputs)
        return self.State(out, room.gradients, back)

    def forward(self, x, state):
        state.x = x
        structure, given = self.connections["weights"], self.parameters
        self.backend.sparse_forward(x, structure, given["weights"], given["bias"], state.out)
        self.backend.elementwise(added, (state.out,), (state.out, x))
        return state.out

    def backward(self, delta, state):
        structure, weights = self.connections["weights"], self.parameters["weights"]
        gradients = state.gradients["weights"], state.gradients["bias"]
        self.backend.sparse_weight_gradient(state.x, structure, weights, delta, *gradients)
        back = state.input_delta
        if back is not None:
            self.backend.sparse_input_gradient(
                structure, structure.transposed, weights, delta, back
            )
            self.backend.elementwise(added, (back,), (back, delta))
        return back


@layers.register
class Elu(layers.Activation):
    """``y = x where x > 0 else exp(x) - 1``, in place where that is allowed."""

    kind = "elu"

    @staticmethod
    def value(x):
        return where(x > 0, x, np.expm1(x))

    @staticmethod
    def gradient(y, delta):
        return delta * where(y > 0, 1, y + 1)


@layers.register
class Scale(layers.Elementwise):
    """``y = gain · x`` with one gain for all features, learnt; in place, all by itself.

    The gain's gradient needs x, which may be gone by then: it is y / gain.
    """

    kind = "scale"

    def __init__(self, features):
        super().__init__(features)
        self.settings = {"features": self.inputs}

    @property
    def shapes(self):
        return {"gain": (1,)}

    def initialize(self, rng, initializer):
        self.parameters["gain"][:] = 1

    @dataclass
    class State:
        out: Any
        gradients: Any
        y: Any = None

    def room(self, room):
        out = None if room.overwritable else room.activations(self.outputs)
        return self.State(out, room.gradients)

    def forward(self, x, state):
        state.y = x if state.out is None else state.out
        np.multiply(x, self.parameters["gain"], out=state.y)
        return state.y

    def backward(self, delta, state):
        gain = self.parameters["gain"]
        state.gradients["gain"][0] = np.vdot(delta, state.y) / gain[0]
        delta *= gain
        return delta


OWN = [Residual, Elu, Scale]
SAMPLES = 70


def network(backend, dtype=np.float64):
    """Each of them after a layer that reads its outputs again, and after one that does not."""
    rng = np.random.default_rng(0)
    stack = [
        *(Residual(uneven(rng, 9, 9)), Elu(9), Scale(9), Elu(9)),
        layers.Dendritic(uneven(rng, 8, 9), sd.connectivity.tree(4, 2)),
        *(Scale(4), Residual(uneven(rng, 4, 4)), Scale(4), layers.Tanh(4), Elu(4)),
        layers.Dense(4, 3),
    ]
    made = sd.Network(stack, 9, backend=sd.backends.create(backend), dtype=dtype)
    made.initialize(rng, glorot)
    made.parameters += rng.normal(0, 0.2, made.size).astype(dtype)
    return made


def data():
    rng = np.random.default_rng(1)
    return rng.standard_normal((SAMPLES, 9)), rng.integers(0, 3, SAMPLES)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients_by_finite_differences(backend):
    made = network(backend)
    session = Session(made, *data())
    training = Training(Still())

    def loss():
        session.train_step(training, np.arange(SAMPLES))
        return session.totals().loss

    loss()
    gradients = session.gradients.copy()
    for index in range(made.size):
        original, losses = made.parameters[index], []
        for change in (1e-6, -1e-6):
            made.parameters[index] = original + change
            losses.append(loss())
        made.parameters[index] = original
        numeric = (losses[0] - losses[1]) / 2e-6
        assert gradients[index] == pytest.approx(numeric, rel=1e-5, abs=1e-8), index


def test_they_learn_and_come_back_from_a_file():
    made, (x, _) = network("numba", np.float32), data()
    training, file = Training(Adam(0.01), batch_size=70), io.BytesIO()
    labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    history = fit(made, x, labels, epochs=60, training=training)
    assert history.training_loss[-1] < 0.8 * history.training_loss[0]
    sd.save(made, file, training=training)
    found = sd.checkpoint.read(file)
    assert repr(found.network) == repr(made)
    for network_, each in ((made, training), (found.network, found.training)):
        fit(network_, x, labels, epochs=62, training=each)
    np.testing.assert_array_equal(found.network.parameters, made.parameters)
    copied = made.copy()
    assert [type(layer) for layer in copied.layers] == [type(layer) for layer in made.layers]
    np.testing.assert_array_equal(sd.predict(copied, x), sd.predict(made, x))


def test_an_activation_of_ones_own_is_known_by_name_to_no_dendrite():
    """Dendrites take those of the package; around them, any layer will do."""
    assert "elu" in layers.KINDS
    assert "elu" not in layers.ACTIVATIONS


class Unregistered(Elu):
    """Has the kind of its base, under which it would come back as another layer."""


def test_what_is_not_registered_cannot_be_saved(tmp_path):
    made = sd.Network([Unregistered(3)], 3)
    with pytest.raises(InputError, match="the layer Unregistered is not registered, so that no"):
        sd.save(made, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("own", OWN)
def test_a_class_of_fifty_lines_will_do(own):
    assert len(inspect.getsource(own).splitlines()) <= 50
