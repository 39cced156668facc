"""Dendrites and somata with every activation, in one sweep or as sparse layers."""

import itertools

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Session, connectivity, layers
from sparsedend.initializers import glorot
from sparsedend.layers import ACTIVATIONS
from sparsedend.layers.dendritic import FUSED
from tests.conftest import uneven, uneven_tree

PAIRS = list(itertools.product(ACTIVATIONS, repeat=2))
SLOPES = [(*pair, 0.1) for pair in PAIRS] + [
    (*pair, slope) for pair in PAIRS if "leaky-relu" in pair for slope in (0.0, 1.0)
]
SAMPLES, SMALL = 16, 1e-6


def structures():
    rng = np.random.default_rng(5)
    return uneven(rng, 13, 11, 6), uneven_tree(rng, 5, 13)


def initialized(stack, backend="numpy", dtype=np.float64):
    made = sd.Network(stack, 11, backend=sd.backends.create(backend), dtype=dtype)
    made.initialize(np.random.default_rng(1), glorot)
    made.parameters += np.random.default_rng(2).normal(0, 0.3, made.size).astype(dtype)
    return made


def network(first, second, slope=0.1, backend="numpy", dtype=np.float64):
    dendritic = layers.Dendritic(
        *structures(), slope=slope, activation=first, soma_activation=second
    )
    return initialized([dendritic, layers.Dense(5, 3)], backend, dtype)


def composed_of_sparse_layers(first, second, slope=0.1):
    """The same network in other words, and the order of its parameters is the same too."""
    stack = []
    for structure, name in zip(structures(), (first, second), strict=True):
        rows = structure.shape[0]
        activation = ACTIVATIONS[name]
        given = (rows, slope) if activation is layers.LeakyReLU else (rows,)
        stack += [layers.Sparse(structure), activation(*given)]
    return initialized([*stack, layers.Dense(5, 3)])


def data(dtype=np.float64):
    rng = np.random.default_rng(4)
    return rng.normal(0, 1, (SAMPLES, 11)).astype(dtype), rng.integers(0, 3, SAMPLES)


def results(made, dtype=np.float64):
    session = Session(made, *data(dtype), input_gradient=True)
    session.score(np.arange(SAMPLES))
    back = session.backward()[:, :SAMPLES]
    return session.totals().loss, session.gradients.copy(), back.copy()


@pytest.mark.parametrize(("first", "second", "slope"), SLOPES)
def test_it_is_two_sparse_layers(first, second, slope):
    """Loss, gradients of all parameters, and of the inputs."""
    found = results(network(first, second, slope))
    expected = results(composed_of_sparse_layers(first, second, slope))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_parameters_by_finite_differences(first, second):
    made = network(first, second)
    _, gradients, back = results(made)
    x, labels = data()
    session = Session(made, x, labels)

    def loss():
        session.score(np.arange(SAMPLES))
        return session.totals().loss

    for index in range(made.size):
        original, losses = made.parameters[index], []
        for change in (SMALL, -SMALL):
            made.parameters[index] = original + change
            losses.append(loss())
        made.parameters[index] = original
        numeric = (losses[0] - losses[1]) / (2 * SMALL)
        assert gradients[index] == pytest.approx(numeric, rel=1e-5, abs=1e-8), index
    for feature in range(11):
        losses = []
        for change in (SMALL, -SMALL):
            changed = x.copy()
            changed[3, feature] += change
            losses.append(sd.evaluate(made, changed, labels).loss)
        numeric = (losses[0] - losses[1]) / (2 * SMALL)
        assert back[feature, 3] == pytest.approx(numeric, rel=1e-5, abs=1e-8), feature


@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    ("first", "second"),
    [*itertools.product(FUSED, repeat=2), ("relu", "leaky-relu"), ("identity", "tanh")],
)
def test_backends_agree(first, second, slope):
    expected = results(network(first, second, slope, "numpy", np.float32), np.float32)
    found = results(network(first, second, slope, "numba", np.float32), np.float32)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_what_is_fused(first, second):
    """Leaky ReLU and the identity: no dendrite's activation is stored."""
    linear = ("leaky-relu", "identity")
    assert network(first, second).layers[0].fused == (first in linear and second in linear)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_sign_at_zero_is_not_positive(backend):
    """Dendrites and somata whose sum is exactly 0 pass on the slope's share alone."""
    one = connectivity.tree(1, 1)
    dendritic = layers.Dendritic(one, one, slope=0.25)
    made = sd.Network([dendritic], 1, loss=sd.losses.MeanSquaredError())
    made.to(sd.backends.create(backend))
    by_name = {name: made.parameters[part] for (_, name), part in made.ledger.items()}
    by_name["synapses"][:] = 1
    by_name["cables"][:] = 1
    # The dendrite's sum is 0, the soma's 1.
    by_name["soma_bias"][:] = 1
    gradients = {}
    for x, soma_bias in ((0.0, 1.0), (-0.0, 1.0), (4.0, -4.0)):
        by_name["soma_bias"][:] = soma_bias
        session = Session(made, [[x]], [[-1.0 if soma_bias > 0 else -0.5]], input_gradient=True)
        session.score([0])
        back = session.backward()[0, 0]
        gradients[x, soma_bias] = (
            back,
            *(session.gradients[part][0] for part in made.ledger.values()),
        )
    # delta = 2 · (1 + 1) = 4 at the soma, a quarter of it at the dendrite.
    for x in (0.0, -0.0):
        assert gradients[x, 1.0] == (1, 0, 1, 0, 4)
    # The soma's sum is 0: delta = 2 · .5 = 1, a quarter of which goes through it.
    assert gradients[4.0, -4.0] == (0.25, 1, 0.25, 1, 0.25)


def test_views_of_the_weights():
    made = network("leaky-relu", "identity")
    layer = made.layers[0]
    for matrix, name in ((layer.synapses, "synapses"), (layer.cables, "cables")):
        assert matrix.shape == layer.structures[name].shape
        matrix.data[:] = 7
        assert (made.parameters[made.ledger[0, name]] == 7).all()
    assert layer.dendrites == 13
    assert layer.dense_size == 12 * 13 + 14 * 5


def test_cables_must_be_a_tree():
    rng = np.random.default_rng(0)
    synapses = connectivity.random(rng, 9, 8, 2)
    for cables in (connectivity.tree(3, 3), uneven(rng, 4, 8), connectivity.tree(1, 7)):
        with pytest.raises(InputError, match="no tree over 8 dendrites"):
            layers.Dendritic(synapses, cables)
    assert layers.Dendritic(synapses, connectivity.tree(3, [5, 0, 3])).outputs == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slope": -1}, "slope is -1: give a finite number of 0 or more"),
        ({"slope": np.nan}, "slope is nan"),
        ({"activation": "Tanh"}, "unknown activation 'Tanh': did you mean 'tanh'"),
        ({"soma_activation": "elu"}, "unknown activation 'elu': .*choose one of leaky-relu, relu"),
        ({"soma_activation": None}, "unknown activation 'None'"),
    ],
)
def test_refuses(settings, message):
    with pytest.raises(InputError, match=message):
        layers.Dendritic(*structures(), **settings)


def test_repr():
    synapses = connectivity.random(np.random.default_rng(0), 9, 8, 2)
    made = layers.Dendritic(synapses, connectivity.tree(4, 2), activation="tanh")
    assert repr(made) == (
        "<Dendritic 9 -> 4, synapses=<Structure 8 × 9, 16 connections, random>, "
        "cables=<Structure 4 × 8, 8 connections, tree>, slope=0.1, activation='tanh', "
        "soma_activation='leaky-relu'>"
    )


def test_dendrites_of_a_soma_must_stand_together():
    """One cable for each dendrite makes no tree where they are in another order."""
    synapses = connectivity.random(np.random.default_rng(0), 6, 4, 2)
    crossed = sd.connectivity.Structure([0, 2, 4], [0, 2, 1, 3], (2, 4))
    with pytest.raises(InputError, match="are no tree over 4 dendrites"):
        layers.Dendritic(synapses, crossed)
