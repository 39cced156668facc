"""Values and derivatives of each activation: by hand, against PyTorch and on both backends."""

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, layers
from sparsedend.layers import ACTIVATIONS

#: Where rounding and overflow would show, and both zeros.
VALUES = [-1e4, -90.0, -20.0, -1.5, -1e-3, -1e-30, -0.0, 0.0, 1e-30, 1e-3, 1.5, 20.0, 90.0, 1e4]

TORCH = {
    "leaky-relu": lambda torch, x: torch.nn.functional.leaky_relu(x, 0.1),
    "relu": lambda torch, x: torch.relu(x),
    "tanh": lambda torch, x: torch.tanh(x),
    "sigmoid": lambda torch, x: torch.sigmoid(x),
    "softplus": lambda torch, x: torch.nn.functional.softplus(x, threshold=1e9),
    "identity": lambda torch, x: x.clone(),
}


def through(activation, values, dtype, backend="numpy"):
    """Values, and the gradient of their sum weighted with 2, from a network of one activation."""
    count = len(values)
    made = sd.Network([activation(count)], count, backend=sd.backends.create(backend), dtype=dtype)
    made.loss = sd.losses.MeanSquaredError()
    x = np.array([values], dtype)
    y = sd.predict(made, x, raw=True)
    # The gradient of the squared error is 2 (y - target) / outputs: here 2.
    targets = y - count
    session = sd.Session(made, x, targets, input_gradient=True)
    session.score([0])
    return y[0], session.backward()[:, 0].copy()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_against_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    # Far from 0 the target of `through` would round.
    values = [value for value in VALUES if abs(value) < 100]
    y, gradient = through(ACTIVATIONS[name], values, np.float64)
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    expected = TORCH[name](torch, x)
    (2 * expected).sum().backward()
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extremes_are_finite_and_backends_agree(name):
    for values in (VALUES, [float(value) for value in np.linspace(-3, 3, 14)]):
        activation = ACTIVATIONS[name]
        results = [through(activation, values, np.float32, each) for each in ("numpy", "numba")]
        for one, other in zip(*results, strict=True):
            assert np.isfinite(one).all()
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("activation", "at_zero"),
    [(layers.ReLU, 0), (layers.LeakyReLU, 0.1), (lambda n: layers.LeakyReLU(n, 0.0), 0)],
)
def test_zero_is_not_positive(activation, at_zero, backend):
    """The slope at 0 is that of the negative side."""
    y, gradient = through(activation, [-1.0, -0.0, 0.0, 1.0], np.float32, backend)
    slope = -y[0]
    np.testing.assert_allclose(gradient, [2 * slope, 2 * at_zero, 2 * at_zero, 2], rtol=1e-6)
    np.testing.assert_array_equal(y[1:], [0, 0, 1])


def test_worked_values():
    by_hand = {
        "leaky-relu": [-0.2, 3],
        "relu": [0, 3],
        "tanh": [np.tanh(-2), np.tanh(3)],
        "sigmoid": [1 / (1 + np.exp(2)), 1 / (1 + np.exp(-3))],
        "softplus": [np.log(1 + np.exp(-2)), np.log(1 + np.exp(3))],
        "identity": [-2, 3],
    }
    assert set(by_hand) == set(ACTIVATIONS)
    for name, expected in by_hand.items():
        found, _ = through(ACTIVATIONS[name], [-2.0, 3.0], np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_settings_make_another_one():
    for activation in (*(each(7) for each in ACTIVATIONS.values()), layers.LeakyReLU(7, 0.3)):
        again = type(activation)(**activation.settings)
        assert again.settings == activation.settings
        assert repr(again) == repr(activation)
    assert layers.LeakyReLU(7).settings == {"features": 7, "slope": 0.1}
    assert repr(layers.ReLU(7)) == "<ReLU 7 -> 7, features=7>"


@pytest.mark.parametrize("slope", [-0.1, np.nan, np.inf, "0.1", None])
def test_slopes_that_are_refused(slope):
    with pytest.raises(InputError, match=r"slope is .*: give a finite number of 0 or more"):
        layers.LeakyReLU(3, slope)
