"""A network inside other programs: what their own training, gradients and optimizers make of it."""

import numpy as np
import pytest

import sparsedend as sd


def network(dtype=np.float32, inputs=5, outputs=3):
    return sd.models.build(
        "dann-r", inputs, outputs, dendrites=2, somata=4, synapses=3, exact=True, dtype=dtype
    )


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 5))
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_a_training_loop_in_numpy(samples):
    """Gradient descent on the cross-entropy, written out."""
    x, y = samples
    net, losses = network(), []
    for _ in range(300):
        outputs, pullback = sd.vjp(net, x)
        p = softmax(outputs)
        losses.append(-np.log(p[np.arange(40), y]).mean())
        _, gradients = pullback((p - np.eye(3)[y]) / 40)
        net.parameters -= 0.5 * gradients
    assert losses[-1] < 0.6 * losses[0]
    assert sd.evaluate(net, x, y).loss == pytest.approx(losses[-1], rel=0.02)


def test_a_saliency_map():
    """Which pixels a class depends on: those that some dendrite reads."""
    image = np.random.default_rng(1).random((1, 8, 8, 1))
    net = sd.models.build("dann-lrf", (8, 8, 1), 3, dendrites=2, somata=3, synapses=4)
    dx, _ = sd.vjp(net, image)[1]([[0.0, 1.0, 0.0]])
    read = np.zeros(64, bool)
    read[net.layers[0].structures["synapses"].indices] = True
    assert dx.shape == image.shape
    assert not dx.reshape(-1)[~read].any()
    assert dx.reshape(-1)[read].any()


def test_a_policy_gradient():
    """REINFORCE: of two actions, the sign of the first input says which is rewarded."""
    rng, net = np.random.default_rng(2), network(outputs=2)
    for _ in range(400):
        states = rng.normal(size=(64, 5))
        outputs, pullback = sd.vjp(net, states)
        p = softmax(outputs)
        actions = (rng.random(64) < p[:, 1]).astype(int)
        advantage = np.where(actions == (states[:, 0] > 0), 0.5, -0.5)
        d = -advantage[:, None] * (np.eye(2)[actions] - p) / 64
        net.parameters -= 1.0 * pullback(d)[1]
    states = rng.normal(size=(500, 5))
    assert np.mean(sd.predict(net, states) == (states[:, 0] > 0)) > 0.9


def function_of_torch(torch, net):
    """The network as a `torch.autograd.Function` of inputs and parameters."""

    class OfNetwork(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, parameters):
            net.parameters = ctx.parameters = parameters.detach().numpy().copy()
            outputs, ctx.pullback = sd.vjp(net, x.detach().numpy())
            return torch.from_numpy(outputs)

        @staticmethod
        def backward(ctx, d_outputs):
            net.parameters = ctx.parameters  # Another call may have given others since.
            return tuple(map(torch.from_numpy, ctx.pullback(d_outputs.numpy())))

    return OfNetwork.apply


def test_a_function_of_torch(samples):
    torch = pytest.importorskip("torch")
    net = network(np.float64)
    x = torch.tensor(samples[0][:6], requires_grad=True)
    parameters = torch.tensor(net.parameters, requires_grad=True)
    apply = function_of_torch(torch, net)
    assert torch.autograd.gradcheck(lambda x: apply(x, parameters.detach()), (x,))

    def outputs(parameters):
        return apply(x.detach(), parameters)

    assert torch.autograd.gradcheck(outputs, (parameters,))


def test_an_optimizer_of_torch_moves_the_parameters_in_place(samples):
    torch = pytest.importorskip("torch")
    x, y = samples
    net = network()
    parameters = torch.from_numpy(net.parameters)
    optimizer = torch.optim.Adam([parameters], lr=0.02)
    before = sd.evaluate(net, x, y).loss
    for _ in range(100):
        outputs, pullback = sd.vjp(net, x)
        _, gradients = pullback((softmax(outputs) - np.eye(3)[y]) / 40)
        parameters.grad = torch.from_numpy(gradients)
        optimizer.step()
    assert sd.evaluate(net, x, y).loss < 0.6 * before


def test_a_function_of_jax(samples):
    """`custom_vjp` around callbacks to the host: inside `jit`, `grad` is right."""
    jax = pytest.importorskip("jax")
    net = network()
    x = samples[0].astype(np.float32)
    shapes = jax.ShapeDtypeStruct((40, 3), np.float32)

    def host_outputs(x, parameters):
        net.parameters = np.asarray(parameters)
        return sd.vjp(net, np.asarray(x))[0]

    def host_gradients(x, parameters, d):
        net.parameters = np.asarray(parameters)
        return sd.vjp(net, np.asarray(x))[1](np.asarray(d))

    @jax.custom_vjp
    def apply(x, parameters):
        return jax.pure_callback(host_outputs, shapes, x, parameters)

    def forward(x, parameters):
        return apply(x, parameters), (x, parameters)

    def backward(kept, d):
        like = tuple(jax.ShapeDtypeStruct(each.shape, each.dtype) for each in kept)
        return jax.pure_callback(host_gradients, like, *kept, d)

    apply.defvjp(forward, backward)
    parameters = net.parameters.copy()
    found = jax.jit(jax.grad(lambda x, p: (apply(x, p) ** 2).sum(), argnums=(0, 1)))(x, parameters)
    net.parameters = parameters
    outputs, pullback = sd.vjp(net, x)
    for one, other in zip(found, pullback(2 * outputs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
