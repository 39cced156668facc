"""Optimizers of a user's own: states, rates and a formula."""

import inspect
import io

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, fit, models, optimizers
from sparsedend.backends import NumpyBackend
from sparsedend.backends.formulas import where
from sparsedend.numbers import real


def rmsprop(p, v, g, rate, share, epsilon):
    """Formula of a step of RMSprop; share is 1 - decay."""
    v = v + share * (g * g - v)
    return p - rate * g / (np.sqrt(v) + epsilon), v


@optimizers.register
class RMSprop(optimizers.Optimizer):
    """Steps as long as the learning rate over the root of recent squares (Hinton 2012)."""

    kind = "rmsprop"
    states = ("squares",)

    def __init__(self, learning_rate=1e-3, decay=0.99, epsilon=1e-8, clip_norm=None):
        super().__init__(learning_rate, clip_norm)
        self.decay = real("decay", decay, 0, 1)
        self.epsilon = real("epsilon", epsilon, 0, above=True)

    def apply(self, backend, parameters, gradients, state, rates):
        changed = parameters, state["squares"]
        numbers = 1 - self.decay, self.epsilon
        backend.elementwise(rmsprop, changed, (*changed, gradients), numbers, rates)


def lion(p, m, g, rate, decay, share1, share2):
    """Formula of a step of Lion."""
    blend = m + share1 * (g - m)
    sign = where(blend > 0, 1.0, 0.0) - where(blend < 0, 1.0, 0.0)
    return p - rate * sign - decay * p, m + share2 * (g - m)


@optimizers.register
class Lion(optimizers.Optimizer):
    """Steps of one length by the sign of a blend of gradients (Chen et al. 2023)."""

    kind = "lion"
    states = ("momentum",)

    def __init__(self, learning_rate=1e-4, weight_decay=0.0, beta1=0.9, beta2=0.99, clip_norm=None):
        super().__init__(learning_rate, clip_norm)
        self.weight_decay = real("weight decay", weight_decay, 0)
        self.beta1, self.beta2 = real("beta1", beta1, 0, 1), real("beta2", beta2, 0, 1)

    def rates(self, step, factor):
        rate = factor * self.learning_rate
        return rate, rate * self.weight_decay

    def apply(self, backend, parameters, gradients, state, rates):
        changed = parameters, state["momentum"]
        numbers = 1 - self.beta1, 1 - self.beta2
        backend.elementwise(lion, changed, (*changed, gradients), numbers, rates)


OWN = [RMSprop, Lion]


def small(backend="numba"):
    engine = sd.backends.create(backend)
    return models.build("dann-r", (8, 8, 1), 10, dendrites=4, somata=16, backend=engine)


def test_rmsprop_against_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    rng = np.random.default_rng(0)
    backend, ours = NumpyBackend(), rng.standard_normal(20)
    theirs = torch.tensor(ours.copy(), requires_grad=True)
    reference = torch.optim.RMSprop([theirs], lr=0.01, alpha=0.9, eps=1e-3)
    optimizer, state = RMSprop(0.01, 0.9, 1e-3), {"squares": np.zeros(20)}
    for step in range(1, 8):
        gradient = rng.standard_normal(20)
        optimizer.apply(backend, ours, gradient, state, optimizer.rates(step, 1.0))
        theirs.grad = torch.tensor(gradient)
        reference.step()
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)


def test_lion_by_hand():
    """Gradients 1 and -1, then -4: blends .5, -.5 and, with the momenta .25 and -.25, twice -."""
    backend, p, m = NumpyBackend(), np.array([8.0, 8.0, 8.0]), np.zeros(3)
    optimizer = Lion(0.5, weight_decay=0.25, beta1=0.5, beta2=0.75)
    for step, gradient in enumerate(([1.0, -1.0, 0.0], [-4.0, -4.0, 0.0]), start=1):
        given = np.array(gradient)
        optimizer.apply(backend, p, given, {"momentum": m}, optimizer.rates(step, 1.0))
    first = np.array([8 - 0.5 - 1, 8 + 0.5 - 1, 8 - 1])
    np.testing.assert_allclose(p, first * (1 - 0.125) + [0.5, 0.5, 0])
    np.testing.assert_allclose(m, [0.25 * 0.75 - 1, -0.25 * 0.75 - 1, 0])


@pytest.mark.parametrize("own", OWN)
def test_they_train_and_go_on_from_a_file(own, digits):
    """The state's vectors and the settings lie in the checkpoint; backends agree."""
    arguments = (digits.train_x[:500], digits.train_y[:500])
    made, other, file = small(), small("numpy"), io.BytesIO()
    training = Training(own(0.002, clip_norm=5), batch_size=70)
    history = fit(made, *arguments, epochs=8, training=training)
    assert history.training_loss[-1] < 0.95 * history.training_loss[0]
    assert set(training.state) == set(own.states)
    sd.save(made, file, training=training)
    found = sd.checkpoint.read(file)
    assert type(found.training.optimizer) is own
    assert found.training.optimizer.settings == training.optimizer.settings
    for network, each in ((made, training), (found.network, found.training)):
        fit(network, *arguments, epochs=10, training=each)
    np.testing.assert_array_equal(found.network.parameters, made.parameters)
    same = Training(own(0.002, clip_norm=5), batch_size=70)
    again = fit(other, *arguments, epochs=8, training=same)
    np.testing.assert_allclose(again.training_loss, history.training_loss[:8], rtol=1e-3)


class Unregistered(RMSprop):
    """Reads back as no other optimizer in silence."""


def test_what_is_not_registered_cannot_be_saved(tmp_path):
    with pytest.raises(InputError, match="the optimizer Unregistered is not registered, so that"):
        sd.save(small(), tmp_path / "a.h5", training=Training(Unregistered()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("own", OWN)
def test_a_class_of_fifty_lines_will_do(own):
    assert len(inspect.getsource(own).splitlines()) <= 50
    assert repr(own(0.5)).startswith(f"{own.__name__}(learning_rate=0.5, ")
