import numpy as np
import pytest

from sparsedend import InputError, Network, connectivity, layers, models
from tests.conftest import uneven


def test_csr_views_share_memory_with_the_parameters():
    made = models.build("dann-lrf", (8, 8, 1), 3, dendrites=2, somata=4, synapses=5)
    layer = made.layers[0]
    for matrix in (layer.synapses, layer.cables):
        assert np.shares_memory(matrix.data, made.parameters)
    layer.synapses.data[:] = 7
    assert (made.parameters[: layer.synapses.nnz] == 7).all()
    assert layer.synapses.shape == (8, 64)
    assert layer.cables.shape == (4, 8)


def test_layers_must_fit():
    stack = [layers.Dense(12, 5), layers.Dense(6, 2)]
    with pytest.raises(InputError, match=r"layer 2 \(dense\) takes 6 inputs, but there are 5"):
        Network(stack, (3, 4, 1))


def test_images_must_fit():
    made = models.build("vann", (3, 4, 1), 2, dendrites=1, somata=2)
    with pytest.raises(InputError, match="images have 13 values each, but the network takes 12"):
        made.reserve(np.zeros((5, 13), np.uint8), 5)


def test_a_network_needs_layers():
    with pytest.raises(InputError, match="no layers"):
        Network([], (3, 4, 1))


def test_cables_must_be_a_tree():
    rng = np.random.default_rng(0)
    synapses = connectivity.random(rng, 9, 8, 2)
    for cables in (connectivity.tree(3, 3), uneven(rng, 4, 8)):
        with pytest.raises(InputError, match="no tree over 8 dendrites"):
            layers.Dendritic(synapses, cables)


def test_dense_sizes_are_checked():
    with pytest.raises(InputError, match="outputs of a dense layer is 0"):
        layers.Dense(3, 0)


def test_nothing_dense_is_made_for_a_sparse_layer():
    """200,000 dendrites on 3,072 inputs: the dense matrix would take 2.5 GB."""
    import tracemalloc

    tracemalloc.start()
    models.build("dann-lrf", (32, 32, 3), 10, dendrites=16, somata=12_500, synapses=5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400e6
