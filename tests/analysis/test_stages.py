"""Stages compute what the network computes, and dendrites come out of fused layers."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import sparsedend as sd
from sparsedend import analysis, layers
from tests.export.networks import STACKS, named, samples


def through(network, x):
    """Outputs of all stages, one after the other, by name."""
    found = {}
    for name, stage in analysis.stages(network).items():
        x = found[name] = sd.predict(stage, x, raw=True)
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_the_last_stage_gives_what_the_network_gives(stack):
    network = named(stack)
    x = samples(network, 50).reshape(-1, *network.image_shape)
    found = through(network, x)
    expected = sd.predict(network, x, raw=True)
    np.testing.assert_allclose(found["output"], expected, rtol=1e-5, atol=1e-5)
    assert list(found)[:-1] == [f"hidden {number}" for number in range(1, len(found))]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("model", sd.models.MODELS)
def test_hidden_layers_of_the_models(model, backend):
    """Leaky ReLU of synapses, then of cables, in two blocks; every weight is somewhere."""
    network = sd.models.build(
        *(model, (6, 6, 1), 3),
        dendrites=2,
        somata=9,
        synapses=4,
        layers=2,
        backend=sd.backends.create(backend, 1),
    )
    rng = np.random.default_rng(3)
    network.parameters = rng.normal(0, 0.5, network.size).astype(np.float32)
    x = rng.random((7, 6, 6, 1), dtype=np.float32)
    found = through(network, x)
    assert [values.shape[1] for values in found.values()] == [18, 9, 18, 9, 3]
    expected, start = x.reshape(7, 36), 0
    for name, stage in analysis.stages(network).items():
        first = stage.layers[0]
        structure = first.structures.get("weights")
        count = structure.nnz if structure else first.inputs * first.outputs
        weights, start = network.parameters[start : start + count], start + count
        bias, start = network.parameters[start : start + first.outputs], start + first.outputs
        matrix = (
            csr_array((weights, structure.indices, structure.indptr), shape=structure.shape)
            if structure
            else weights.reshape(first.outputs, first.inputs)
        )
        expected = (matrix @ expected.T).T + bias
        if name != "output":
            expected = np.where(expected > 0, expected, 0.1 * expected)
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(analysis.layer_weights(network)[name], weights)
    assert start == network.size


def test_bytes_are_scaled_in_the_first_stage_alone():
    network = named("two blocks")
    images = np.random.default_rng(2).integers(0, 256, (5, 4, 4, 2), dtype=np.uint8)
    scaled = through(network, (images / 255).astype(np.float32))
    for name, values in through(network, images).items():
        np.testing.assert_allclose(values, scaled[name], rtol=1e-5, atol=1e-6)


def test_stages_share_nothing_with_the_network():
    network = named("dendritic")
    parts = analysis.stages(network)
    before = network.parameters.copy()
    for stage in parts.values():
        stage.parameters[:] = 0
    np.testing.assert_array_equal(network.parameters, before)


def test_other_activations_and_slopes_come_along():
    network = named("other dendrites")
    kinds = [[layer.kind for layer in stage.layers] for stage in analysis.stages(network).values()]
    assert kinds == [
        ["sparse", "tanh"],
        ["sparse", "softplus", "dropout"],
        ["sparse", "leaky-relu"],
        ["sparse", "identity"],
        ["dense"],
    ]
    third = analysis.stages(network)["hidden 3"].layers[1]
    assert third.slope == network.layers[2].settings["slope"] == 0.0


def test_a_layer_of_ones_own_is_one_stage():
    class Mine(layers.Dendritic):
        kind = "mine"

    structures = named("dendritic").layers[0].structures
    stack = [Mine(**structures), layers.Dense(5, 3)]
    network = sd.Network(stack, (5, 6, 1), backend=sd.backends.create("numpy"))
    assert list(analysis.stages(network)) == ["hidden 1", "output"]
    assert analysis.layer_weights(network)["hidden 1"].size == sum(
        structure.nnz for structure in structures.values()
    )


def test_a_network_without_parameters_has_an_output():
    network = sd.Network([layers.Tanh(4)], 4, backend=sd.backends.create("numpy"))
    assert list(analysis.stages(network)) == ["output"]
    assert analysis.layer_weights(network)["output"].size == 0
