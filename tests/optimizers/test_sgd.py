import numpy as np
import pytest

from sparsedend import InputError, Training, backends, fit, models, optimizers
from sparsedend.optimizers import SGD

BACKENDS = ("numpy", "numba")


def stepped(optimizer, gradients, start=5.0, backend="numpy", dtype=np.float64):
    """Parameters after a step for each gradient."""
    engine = backends.create(backend)
    parameters = np.full(1, start, dtype)
    state = {name: np.zeros(1, dtype) for name in optimizer.states}
    for number, gradient in enumerate(gradients, start=1):
        rates = optimizer.rates(number, 1.0)
        optimizer.apply(engine, parameters, np.full(1, gradient, dtype), state, rates)
    return parameters[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_ways_by_hand(backend):
    """Gradients 1 and then 2, learning rate .1, momentum .5."""
    assert stepped(SGD(0.1), [1, 2], backend=backend) == pytest.approx(5 - 0.1 - 0.2)
    # v is 1, then 2.5.
    assert stepped(SGD(0.1, 0.5), [1, 2], backend=backend) == pytest.approx(5 - 0.1 - 0.25)
    # 1 + .5 · 1, then 2 + .5 · 2.5.
    found = stepped(SGD(0.1, 0.5, nesterov=True), [1, 2], backend=backend)
    assert found == pytest.approx(5 - 0.15 - 0.325)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_against_pytorch(momentum, nesterov):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    gradients = np.random.default_rng(0).standard_normal(10)
    theirs = torch.tensor([5.0], dtype=torch.float64, requires_grad=True)
    reference = torch.optim.SGD([theirs], lr=0.03, momentum=momentum, nesterov=nesterov)
    for gradient in gradients:
        theirs.grad = torch.tensor([gradient])
        reference.step()
    ours = stepped(SGD(0.03, momentum, nesterov), gradients)
    assert ours == pytest.approx(theirs.item(), rel=1e-12)


def test_it_trains_and_its_settings_make_another_one(digits):
    network = models.build("dann-r", (8, 8, 1), 10, somata=16, synapses=9)
    chosen = SGD(0.05, momentum=0.9, nesterov=True)
    training = Training(chosen)
    history = fit(network, digits.train_x, digits.train_y, epochs=16, training=training)
    assert history.validation_loss[-1] < 0.5 * history.validation_loss[0]
    assert list(training.state) == ["velocity"]
    assert Training(SGD()).optimizer.states == ()
    again = optimizers.KINDS.make(optimizers.KINDS.record(chosen))
    assert (type(again), again.settings) == (SGD, chosen.settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "learning rate is 0"),
        ({"momentum": 1}, "momentum is 1"),
        ({"momentum": -0.1}, "momentum is -0.1"),
        ({"nesterov": True}, "momentum is 0, which makes Nesterov's none"),
        ({"clip_norm": 0}, "clip norm is 0"),
    ],
)
def test_refuses(settings, message):
    with pytest.raises(InputError, match=message):
        SGD(**settings)
