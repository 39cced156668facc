"""Hand-written gradients against finite differences and against PyTorch's."""

import numpy as np
import pytest

from sparsedend import Network, Session, Training, backends, evaluate
from sparsedend.initializers import glorot
from tests.conftest import Still, small_stacks

STACKS = list(small_stacks())
DROPPING = ("dropout", "activations", "other dendrites")
SAMPLES = 70
#: Seed of what is dropped, the same in every step.
DROPS = 7
SMALL = 1e-6


def network(stack, backend, dtype=np.float64):
    layers, shape = small_stacks()[stack]
    made = Network(layers, shape, backend=backends.create(backend), dtype=dtype)
    made.initialize(np.random.default_rng(1), glorot)
    # Larger than Glorot's for a dense shape, and biases that are not 0, so that both sides of
    # every leaky ReLU are met.
    made.parameters *= 2
    made.parameters += np.random.default_rng(2).normal(0, 0.1, made.size)
    return made


def batch(made):
    rng = np.random.default_rng(4)
    inputs = rng.normal(0, 1, (SAMPLES, made.inputs)).astype(made.dtype)
    return inputs, rng.integers(0, made.outputs, SAMPLES)


def step(session):
    """Mean loss of all samples; gradients are left in the session."""
    training = Training(Still())
    training.dropout = np.random.default_rng(DROPS)
    session.train_step(training, np.arange(SAMPLES))
    return session.totals().loss


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("stack", STACKS)
def test_parameters_by_finite_differences(stack, backend):
    made = network(stack, backend)
    session = Session(made, *batch(made))
    step(session)
    gradients = session.gradients.copy()
    for index in range(made.size):
        original = made.parameters[index]
        losses = []
        for change in (SMALL, -SMALL):
            made.parameters[index] = original + change
            losses.append(step(session))
        made.parameters[index] = original
        numeric = (losses[0] - losses[1]) / (2 * SMALL)
        assert gradients[index] == pytest.approx(numeric, rel=1e-5, abs=1e-8), index


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("stack", [name for name in STACKS if name not in DROPPING])
def test_inputs_by_finite_differences(stack, backend):
    made = network(stack, backend)
    inputs, labels = batch(made)
    session = Session(made, inputs, labels, input_gradient=True)
    session.score(np.arange(SAMPLES))
    gradient = session.backward()[:, :SAMPLES].T.copy()
    rng = np.random.default_rng(6)
    for _ in range(60):
        at = rng.integers(SAMPLES), rng.integers(made.inputs)
        losses = []
        for change in (SMALL, -SMALL):
            changed = inputs.copy()
            changed[at] += change
            losses.append(evaluate(made, changed, labels).loss)
        numeric = (losses[0] - losses[1]) / (2 * SMALL)
        assert gradient[at] == pytest.approx(numeric, rel=1e-5, abs=1e-8), at


def activated(torch, name, x, slope):
    if name == "leaky-relu":
        return torch.nn.functional.leaky_relu(x, slope)
    functions = {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softplus": torch.nn.functional.softplus,
        "identity": torch.clone,
    }
    return functions[name](x)


def torch_loss(torch, made, inputs, labels):
    """The same network on dense matrices, by autograd: loss and gradients as one flat vector."""
    tensors = []
    x = torch.from_numpy(inputs.copy())
    functional = torch.nn.functional
    drops = np.random.default_rng(DROPS)

    def tensor(values):
        tensors.append(torch.tensor(values, requires_grad=True))
        return tensors[-1]

    def sparse_weights(structure, values):
        index = torch.tensor(np.stack([structure.rows, structure.indices]).astype(np.int64))
        return torch.zeros(structure.shape, dtype=x.dtype).index_put(tuple(index), tensor(values))

    for layer in made.layers:
        values, settings = layer.parameters, layer.settings
        if layer.kind == "dendritic":
            for name, bias, activation in (
                ("synapses", "dendrite_bias", "activation"),
                ("cables", "soma_bias", "soma_activation"),
            ):
                w = sparse_weights(layer.structures[name], values[name])
                x = functional.linear(x, w, tensor(values[bias]))
                x = activated(torch, settings[activation], x, settings["slope"])
        elif layer.kind == "sparse":
            w = sparse_weights(layer.structures["weights"], values["weights"])
            x = functional.linear(x, w, tensor(values["bias"]))
        elif layer.kind == "dense":
            x = functional.linear(x, tensor(values["weights"]), tensor(values["bias"]))
        elif layer.kind == "dropout":
            uniform = drops.random((layer.inputs, SAMPLES), dtype=made.dtype)
            factors = (uniform >= layer.rate) / (1 - layer.rate)
            x = x * torch.from_numpy(factors.T.astype(made.dtype))
        else:
            x = activated(torch, layer.kind, x, settings.get("slope"))
    loss = functional.cross_entropy(x, torch.from_numpy(labels))
    loss.backward()
    return loss.item(), np.concatenate([t.grad.numpy().ravel() for t in tensors])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stack", STACKS)
def test_networks_against_pytorch(stack, backend, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    made = network(stack, backend, dtype)
    inputs, labels = batch(made)
    session = Session(made, inputs, labels)
    loss = step(session)
    expected_loss, expected = torch_loss(torch, made, inputs, labels)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert loss == pytest.approx(expected_loss, rel=tolerance)
    np.testing.assert_allclose(
        session.gradients, expected, rtol=tolerance * 10, atol=tolerance / 10
    )
