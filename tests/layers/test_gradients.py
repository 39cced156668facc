"""Hand-written gradients against finite differences and against PyTorch's."""

import numpy as np
import pytest

from sparsedend import Network, backends
from sparsedend.initializers import glorot
from tests.conftest import small_stacks

STACKS = list(small_stacks())
SAMPLES = 70
#: Seed of what is dropped, the same in every step.
DROPS = 7


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
    images = rng.normal(0, 1, (SAMPLES, made.inputs))
    return images, rng.integers(0, made.classes, SAMPLES)


def step(made, images, labels):
    """Mean loss of all images; gradients are left in the network."""
    made.reserve(images, SAMPLES)
    made.forward(np.arange(SAMPLES), np.random.default_rng(DROPS))
    loss, _ = made.loss(labels)
    made.backward()
    return loss / SAMPLES


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("stack", STACKS)
def test_parameters_by_finite_differences(stack, backend):
    made = network(stack, backend)
    images, labels = batch(made)
    step(made, images, labels)
    gradients = made.gradients.copy()
    small = 1e-6
    for index in range(made.size):
        original = made.parameters[index]
        losses = []
        for change in (small, -small):
            made.parameters[index] = original + change
            losses.append(step(made, images, labels))
        made.parameters[index] = original
        numeric = (losses[0] - losses[1]) / (2 * small)
        assert gradients[index] == pytest.approx(numeric, rel=1e-5, abs=1e-8), index


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("stack", STACKS)
def test_input_gradient_by_finite_differences(stack, backend):
    """Every layer's gradient of its inputs, the second layer's included."""
    made = network(stack, backend)
    images, labels = batch(made)
    step(made, images, labels)
    first = made.layers[0]
    first.reserve(made._width, input_gradient=True)
    made.forward(np.arange(SAMPLES), np.random.default_rng(DROPS))
    made.loss(labels)
    delta = made._delta
    for layer in reversed(made.layers):
        delta = layer.backward(delta)
    gradient = delta[:, :SAMPLES].T.copy()
    small = 1e-6
    rng = np.random.default_rng(6)
    for _ in range(60):
        at = rng.integers(SAMPLES), rng.integers(made.inputs)
        losses = []
        for change in (small, -small):
            changed = images.copy()
            changed[at] += change
            losses.append(step(made, changed, labels))
        numeric = (losses[0] - losses[1]) / (2 * small)
        assert gradient[at] == pytest.approx(numeric, rel=1e-5, abs=1e-8), at


def torch_loss(torch, made, images, labels):
    """The same network on dense matrices, by autograd: loss and gradients as one flat vector."""
    tensors = []
    x = torch.from_numpy(images.copy())
    functional = torch.nn.functional
    drops = np.random.default_rng(DROPS)

    def tensor(values):
        tensors.append(torch.tensor(values, requires_grad=True))
        return tensors[-1]

    def sparse_weights(structure, values):
        index = torch.tensor(np.stack([structure.rows, structure.indices]).astype(np.int64))
        return torch.zeros(structure.shape, dtype=x.dtype).index_put(tuple(index), tensor(values))

    for layer in made.layers:
        values = layer.parameters
        if layer.kind == "dendritic":
            w = sparse_weights(layer.structures["synapses"], values["synapses"])
            x = functional.leaky_relu(
                functional.linear(x, w, tensor(values["dendrite_bias"])), layer.slope
            )
            c = sparse_weights(layer.structures["cables"], values["cables"])
            x = functional.leaky_relu(
                functional.linear(x, c, tensor(values["soma_bias"])), layer.slope
            )
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
            x = functional.leaky_relu(x, layer.slope)
    loss = functional.cross_entropy(x, torch.from_numpy(labels))
    loss.backward()
    return loss.item(), np.concatenate([t.grad.numpy().ravel() for t in tensors])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stack", STACKS)
def test_networks_against_pytorch(stack, backend, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle of this test")
    made = network(stack, backend, dtype)
    images, labels = batch(made)
    images = images.astype(dtype)
    loss = step(made, images, labels)
    expected_loss, expected = torch_loss(torch, made, images, labels)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert loss == pytest.approx(expected_loss, rel=tolerance)
    np.testing.assert_allclose(made.gradients, expected, rtol=tolerance * 10, atol=tolerance / 10)
