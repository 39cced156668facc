"""Adam and AdamW by worked examples and against PyTorch, whose epsilon stands elsewhere."""

import math

import numpy as np
import pytest

from sparsedend import InputError, Training, backends, fit, models
from sparsedend.backends import NumpyBackend
from sparsedend.optimizers import KINDS, Adam, AdamW


def stepped(optimizer, start, gradients, factors=None):
    """Parameters after one step for each gradient, as float64."""
    backend, parameters = NumpyBackend(), np.array(start, np.float64)
    state = {name: np.zeros_like(parameters) for name in optimizer.states}
    for step, gradient in enumerate(gradients, start=1):
        factor = 1.0 if factors is None else factors[step - 1]
        given = np.array(gradient, np.float64)
        optimizer.apply(backend, parameters, given, state, optimizer.rates(step, factor))
    return parameters


def test_two_steps_by_hand():
    """Gradient 1 then -1 with easy decay rates (Kingma & Ba 2015, algorithm 1)."""
    adam = Adam(0.1, beta1=0.5, beta2=0.75, epsilon=1e-12)
    assert stepped(adam, [5.0], [[1.0]]) == pytest.approx(4.9)
    # m = .25 - .5 = -.25, corrected by .75; v = .1875 + .25 = .4375, corrected by .4375.
    assert stepped(adam, [5.0], [[1.0], [-1.0]]) == pytest.approx(4.9 + 0.1 / 3)


def test_where_epsilon_stands():
    """Beside the root of the moment before its correction: with v = 0.01, 0.1 + epsilon."""
    adam = Adam(0.1, beta1=0.5, beta2=0.75, epsilon=0.3)
    # m = 1/10, v = 1/100, after one step of gradient 1/5; rate = 0.1 · √.25 / .5 = 0.1.
    assert stepped(adam, [5.0], [[0.2]]) == pytest.approx(5 - 0.1 * 0.1 / (0.1 + 0.3), abs=1e-12)


def test_weight_decay_by_hand():
    """Learning rate · decay = 1/8 of 4 is taken off besides Adam's step of 1/4."""
    adam = AdamW(0.25, weight_decay=0.5, beta1=0.5, beta2=0.75, epsilon=1e-12)
    assert stepped(adam, [4.0], [[1.0]]) == pytest.approx(4 - 0.25 - 0.5)
    # Halved by the schedule, both are.
    assert stepped(adam, [4.0], [[1.0]], [0.5]) == pytest.approx(4 - 0.125 - 0.25)
    assert stepped(adam, [4.0], [[0.0]], [0.5]) == pytest.approx(4 - 0.25)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_against_pytorch_with_its_epsilon(weight_decay):
    """Ours grows with the correction of the second moment, step by step."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(20), rng.standard_normal((10, 20))
    theirs = torch.tensor(start.copy(), requires_grad=True)
    reference = torch.optim.AdamW([theirs], lr=1e-2, eps=0, weight_decay=weight_decay)
    group = reference.param_groups[0]
    settings = {"weight_decay": weight_decay} if weight_decay else {}
    ours = (AdamW if weight_decay else Adam)(1e-2, epsilon=1e-3, **settings)
    for step, gradient in enumerate(gradients, start=1):
        group["eps"] = 1e-3 / math.sqrt(1 - 0.999**step)
        theirs.grad = torch.tensor(gradient)
        reference.step()
    found = stepped(ours, start, gradients)
    np.testing.assert_allclose(found, theirs.detach().numpy(), rtol=1e-9)


def test_a_schedule_scales_weight_decay_too(digits):
    """With a factor of 0 nothing moves."""
    network = models.build("dann-r", (8, 8, 1), 10, dendrites=2, somata=4, synapses=3)
    before = network.parameters.copy()
    training = Training(AdamW(0.1, weight_decay=0.9), schedule=lambda epoch, epochs: 0)
    fit(network, digits.train_x[:90], digits.train_y[:90], epochs=2, training=training)
    np.testing.assert_array_equal(network.parameters, before)


def test_clip_norm_by_hand():
    """Of (3, 4) with limit 1 is left (0.6, 0.8)."""
    for backend in (NumpyBackend(), backends.create("numba")):
        for limit, expected in ((1, [0.6, 0.8]), (5, [3, 4]), (6, [3, 4])):
            gradients = backend.place(np.array([3.0, 4.0]))
            backend.clip_norm(gradients, limit)
            np.testing.assert_allclose(gradients, expected, rtol=1e-15)


def test_a_gradient_is_clipped_before_the_step(digits):
    """Adam without memory: a step is rate · g / (|g| + 1), which tells the gradient's length."""
    moved = []
    for limit in (None, 1e-3, 2e-3):
        network = models.build("dann-r", (8, 8, 1), 10, dendrites=2, somata=4, synapses=3)
        before = network.parameters.astype(np.float64)
        optimizer = Adam(1.0, beta1=0, beta2=0, epsilon=1, clip_norm=limit)
        training = Training(optimizer, batch_size=90)
        fit(network, digits.train_x[:90], digits.train_y[:90], epochs=1, training=training)
        moved.append(np.linalg.norm(network.parameters - before))
    assert moved[0] > 0.05
    assert moved[1] == pytest.approx(1e-3, rel=0.01)
    assert moved[2] == pytest.approx(2e-3, rel=0.01)


@pytest.mark.parametrize(
    ("optimizer", "settings", "message"),
    [
        (Adam, {"learning_rate": 0}, "learning rate is 0: give a finite number above 0"),
        (Adam, {"learning_rate": float("nan")}, "learning rate is nan"),
        (Adam, {"learning_rate": "0.1"}, "learning rate is '0.1'"),
        (Adam, {"beta1": 1.0}, "beta1 is 1: give a finite number from 0 up to, not including, 1"),
        (Adam, {"beta2": -0.1}, "beta2 is -0.1"),
        (Adam, {"epsilon": -1e-7}, "epsilon is -1e-07"),
        (Adam, {"clip_norm": 0}, "clip norm is 0: give a finite number above 0"),
        (AdamW, {"weight_decay": -1}, "weight decay is -1: give a finite number of 0 or more"),
        (AdamW, {"learning_rate": 0.1, "weight_decay": 10}, "give less than 1 / learning rate"),
        (AdamW, {"epsilon": True}, "epsilon is True"),
    ],
)
def test_refuses(optimizer, settings, message):
    with pytest.raises(InputError, match=message):
        optimizer(**settings)


@pytest.mark.parametrize("kind", list(KINDS))
def test_settings_make_another_one_of_pythons_numbers(kind):
    """NumPy's could not be written to a checkpoint after the training."""
    optimizer = KINDS[kind](np.float32(0.125), clip_norm=np.int64(2))
    assert optimizer.settings["learning_rate"] == 0.125
    assert optimizer.settings["clip_norm"] == 2
    assert {type(value) for value in optimizer.settings.values()} <= {float, bool, type(None)}
    again = KINDS[kind](**optimizer.settings)
    assert again.settings == optimizer.settings
    assert repr(again) == repr(optimizer)


def test_repr():
    assert repr(AdamW(0.01, 0.5, clip_norm=2)) == (
        "AdamW(learning_rate=0.01, clip_norm=2.0, beta1=0.9, beta2=0.999, epsilon=1e-07, "
        "weight_decay=0.5)"
    )
    assert repr(Adam()) == "Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-07)"
