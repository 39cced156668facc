"""What cannot be trained with, and trainings that diverge."""

import numpy as np
import pytest

from sparsedend import InputError, Network, Training, fit, losses
from sparsedend.layers import Dense
from sparsedend.optimizers import SGD, Adam
from tests.training.test_fit import small


def refused(digits, change):
    given = {"x": digits.train_x[:90].copy(), "y": digits.train_y[:90].copy(), "epochs": 1}
    given |= change
    return fit(small(), given.pop("x"), given.pop("y"), **given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((90, 8, 9, 1), np.uint8)}, r"images have shape \(90, 8, 9, 1\)"),
        ({"x": np.zeros((90, 8, 8, 1), np.int64)}, "the inputs are int64: give uint8"),
        ({"x": np.zeros((0, 8, 8, 1), np.uint8)}, "there are no samples"),
        ({"x": np.full((90, 8, 8, 1), np.nan)}, "image 0 holds nan at value 0"),
        ({"x": np.full((90, 8, 8, 1), np.inf, np.float32)}, "image 0 holds inf"),
        ({"y": np.full(90, 10)}, "label 10 of sample 0 is out of range"),
        ({"y": np.zeros(89, int)}, "give 90 integers"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, "epochs is 1.5: give a whole number"),
        ({"validation": 0.0}, "share of validation is 0: give a finite number above 0 up to"),
        ({"validation": 1}, "share of validation is 1"),
        ({"validation": True}, "share of validation is True"),
        ({"validation": "none"}, "validation is str: give a share between 0 and 1, a pair"),
        ({"validation": (np.zeros((2, 64)),)}, "validation is tuple: give a share"),
        ({"validation": (np.zeros((2, 65)), [0, 1])}, r"images have shape \(2, 65\)"),
        ({"validation": (np.zeros((2, 64)), [0, 10])}, "label 10 of sample 1 is out of range"),
        ({"callbacks": [3]}, "3 is no callback: give a Callback, or a function"),
        ({"x": np.zeros((1, 64), np.uint8), "y": [0]}, "1 samples with 1 held out leave none"),
        (
            {"loss": losses.MeanSquaredError(), "y": np.zeros((90, 10)), "training": 1},
            "sequential, but its targets are no classes",
        ),
    ],
)
def test_refuses(digits, change, message):
    if "training" in change:
        change = change | {"training": Training(sequential=True)}
    with pytest.raises(InputError, match=message):
        refused(digits, change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch size is 0: give a whole number of 1 or more"),
        ({"batch_size": 12.0}, "batch size is 12.0"),
        ({"batch_size": True}, "batch size is True"),
        ({"seed": -1}, "seed is -1: give a whole number from 0"),
        ({"seed": None}, "seed is None"),
        ({"schedule": "linear"}, "unknown schedule 'linear': choose one of constant, step"),
    ],
)
def test_training_refuses(settings, message):
    with pytest.raises(InputError, match=message):
        Training(**settings)


def test_a_loss_that_is_refused_is_not_kept(digits):
    network = small()
    before = network.loss
    with pytest.raises(InputError, match="give real numbers of shape"):
        fit(network, digits.train_x, digits.train_y, loss=losses.MeanSquaredError())
    assert network.loss is before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_after_divergence_the_network_has_its_last_good_parameters(digits, backend):
    arguments = (digits.train_x[:160], digits.train_y[:160])
    short, diverging = small(backend), small(backend)
    fit(short, *arguments, epochs=2, training=Training(batch_size=70))
    training = Training(batch_size=70, schedule=lambda epoch, _: 1 if epoch < 2 else 1e33)
    with pytest.raises(
        InputError, match=r"training loss is .* in epoch 3 with Adam\(learning_rate=0.001, .*: use"
    ):
        fit(diverging, *arguments, epochs=5, training=training)
    np.testing.assert_array_equal(short.parameters, diverging.parameters)
    assert training.history.epochs == 2
    with pytest.raises(InputError, match=r"has ended \(the training loss was .* in epoch 3\)"):
        fit(diverging, *arguments, epochs=5, training=training)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_validation_loss_that_is_not_finite_ends_the_training(digits):
    """One step, whose loss is that of before it."""
    network = small("numpy")
    before = network.parameters.copy()
    with pytest.raises(InputError, match="the validation loss is nan in epoch 1"):
        fit(
            network,
            *(digits.train_x[:100], digits.train_y[:100]),
            epochs=2,
            training=Training(Adam(1e38)),
        )
    np.testing.assert_array_equal(network.parameters, before)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_last_step_that_leaves_no_numbers_is_undone():
    """The losses are those of before each step, and say nothing of the last."""
    x, y = 1e4 * np.ones((64, 20), np.float32), np.ones(64)
    network, good = Network([Dense(20, 1)], 20), None
    training = Training(SGD(1e-9), schedule=lambda epoch, _: 1 if epoch == 0 else 1e45)

    def look(fitted):
        nonlocal good
        good = network.parameters.copy()

    with pytest.raises(InputError, match=r"the largest parameter is (inf|nan) in epoch 2"):
        fit(network, x, y, epochs=2, validation=None, callbacks=[look], training=training)
    assert np.isfinite(network.parameters).all()
    np.testing.assert_array_equal(network.parameters, good)


@pytest.mark.parametrize("factor", [-1.0, None, "x", np.nan])
def test_a_schedule_that_gives_no_factor_is_refused(digits, factor):
    training = Training(schedule=lambda epoch, epochs: factor)
    with pytest.raises(InputError, match="the factor of the learning rate is"):
        fit(small(), digits.train_x[:50], digits.train_y[:50], epochs=1, training=training)


@pytest.mark.parametrize("validation", ["abc", ([1],), ([1], [2], [3])])
def test_a_sequential_training_checks_its_validation_too(digits, validation):
    with pytest.raises(InputError, match=r"validation is .*: give a share"):
        refused(digits, {"validation": validation, "training": Training(sequential=True)})
