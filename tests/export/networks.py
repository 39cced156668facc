"""Networks to export, and what they say of samples."""

import shutil

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import layers
from sparsedend.structure import Structure
from tests.conftest import small_stacks, uneven, uneven_tree

LOSSES = {
    "softmax": sd.losses.SoftmaxCrossEntropy(),
    "sigmoid": sd.losses.SigmoidCrossEntropy(),
    "squares": sd.losses.MeanSquaredError(),
    "huber": sd.losses.Huber(0.5),
}

C_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]


def needs(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)}: install it")


COMPILERS = [pytest.param(each, marks=needs(each)) for each in ("gcc", "clang")]


def made(stack, shape, loss="softmax", **more):
    """Network with random parameters, biases included."""
    backend = sd.backends.create("numpy")
    network = sd.Network(stack, shape, loss=LOSSES.get(loss, loss), backend=backend, **more)
    network.parameters = np.random.default_rng(7).normal(0, 0.6, network.size)
    return network


def odd_stacks():
    """Networks that begin with a function, have no connections or one output, or one layer."""
    rng = np.random.default_rng(3)
    block = layers.Dendritic(uneven(rng, 7, 9), uneven_tree(rng, 3, 7))
    rows = layers.Sparse(uneven(rng, 4, 9))
    empty = layers.Sparse(Structure(np.zeros(5, int), np.zeros(0, int), (4, 9)))
    return {
        "a function first": ([layers.Tanh(9), layers.Identity(9), layers.Dense(9, 4)], 9),
        "functions only before": (
            [layers.ReLU(9), layers.Tanh(9), rows],
            9,
        ),
        "no connections": ([empty, layers.Softplus(4), layers.Dense(4, 2)], 9),
        "one output": (
            [block, layers.Dense(3, 1)],
            9,
        ),
        "one layer": ([layers.Dense(9, 5)], (3, 3, 1)),
    }


STACKS = [*small_stacks(), *odd_stacks()]


def named(name, loss="softmax", **more):
    """One of them."""
    return made(*(small_stacks() | odd_stacks())[name], loss, **more)


def dann(model="dann-r", **sizes):
    """A model of the paper of 10,634 parameters, or of other sizes, on 28 × 28 pixels."""
    sizes = {"dendrites": 4, "somata": 128, "synapses": 16, "seed": 1} | sizes
    backend = sd.backends.create("numpy")
    return sd.models.build(model, (28, 28, 1), 10, backend=backend, **sizes)


def samples(network, count=1000):
    """Features, (count, inputs) float32, of both signs."""
    rng = np.random.default_rng(11)
    return rng.normal(0.3, 0.7, (count, network.inputs)).astype(np.float32)


def answers(network, x, **asked):
    """What `predict` says of them, (samples, outputs)."""
    if not asked and network.loss.judges:
        asked = {"probabilities": True}
    found = sd.predict(network, x.reshape(-1, *network.image_shape), **asked)
    return found.reshape(len(x), network.outputs)


def agree(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
