import numpy as np
import pytest

from sparsedend import Adam, InputError
from sparsedend.backends import NumpyBackend


def test_two_steps_by_hand():
    """Gradient 1 then -1 with easy decay rates (Kingma & Ba 2015, algorithm 1)."""
    backend = NumpyBackend()
    parameters, gradient = np.array([5.0]), np.array([1.0])
    adam = Adam(0.1, beta1=0.5, beta2=0.75, epsilon=1e-12)
    adam.start(backend, parameters)
    adam.step(backend, parameters, gradient)
    assert parameters[0] == pytest.approx(4.9)
    adam.step(backend, parameters, -gradient)
    # m = .25 - .5 = -.25, corrected by .75; v = .1875 + .25 = .4375, corrected by .4375.
    assert parameters[0] == pytest.approx(4.9 + 0.1 / 3)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_against_pytorch_with_its_epsilon(weight_decay):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    rng = np.random.default_rng(0)
    backend, ours = NumpyBackend(), rng.standard_normal(20)
    theirs = torch.tensor(ours.copy(), requires_grad=True)
    adam = Adam(1e-2, weight_decay=weight_decay)
    reference = torch.optim.AdamW([theirs], lr=1e-2, eps=0, weight_decay=weight_decay)
    adam.epsilon = 0
    adam.start(backend, ours)
    for _ in range(10):
        gradient = rng.standard_normal(20)
        adam.step(backend, ours, gradient)
        theirs.grad = torch.tensor(gradient)
        reference.step()
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "learning rate is 0"),
        ({"learning_rate": float("nan")}, "learning rate is nan"),
        ({"beta1": 1.0}, "beta1 is 1.0"),
        ({"epsilon": -1e-7}, "epsilon is -1e-07"),
    ],
)
def test_refuses(settings, message):
    with pytest.raises(InputError, match=message):
        Adam(**settings)
