"""Dendrites and somata are found in layers of any kind."""

import numpy as np
import pytest
from scipy.sparse import issparse

from sparsedend import InputError, connectivity, layers
from sparsedend.plots.blocks import block_of, blocks
from sparsedend.structure import Structure
from tests.plots.drawn import dendritic, model, network


@pytest.mark.parametrize(
    ("name", "sparse", "own"),
    [
        ("dann-lrf", True, True),
        ("pdann", False, True),
        ("sann", True, True),
        ("vann-r", True, False),
        ("vann", False, False),
    ],
)
def test_blocks_of_the_models(name, sparse, own):
    for dropout in (0.0, 0.2):
        found = blocks(model(name, layers=2, synapses=4, dropout=dropout))
        assert len(found) == 2
        assert issparse(found[0].synapses) == sparse
        assert found[0].synapses.shape == (12, 36)
        assert found[0].dendrites == 12
        assert (found[0].cables is not None) == own
        assert found[0].somata == (4 if own else 0)


def test_the_weights_are_those_of_the_network():
    made = network([layers.Dense(2, 3), layers.Sparse(connectivity.tree(2, [1, 2]))], 2)
    (block,) = blocks(made)
    np.testing.assert_array_equal(block.synapses, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(block.cables.toarray(), [[10, 0, 0], [0, 11, 12]])
    np.testing.assert_array_equal(block.of(1), [1, 2])
    np.testing.assert_array_equal(block.cable_weights(1), [11, 12])


def test_what_gives_the_outputs_is_no_block():
    def first():
        return dendritic(Structure([0, 1, 2], [0, 1], (2, 3)), [1, 1])

    hidden = [first(), layers.Dense(2, 4), layers.Dense(4, 3)]
    assert [each.dendrites for each in blocks(network(hidden, 3))] == [2, 4]
    assert [each.dendrites for each in blocks(network([first(), layers.Dense(2, 4)], 3))] == [2]
    before = [layers.Dense(3, 3), first(), layers.Dense(2, 4)]
    assert [each.dendrites for each in blocks(network(before, 3))] == [3, 2]


def test_a_single_layer_is_a_block():
    (block,) = blocks(network([layers.Dense(4, 3)], 4))
    assert block.synapses.shape == (3, 4)


def test_a_network_without_weights_has_none():
    with pytest.raises(InputError, match="no layer of the network has synapses"):
        blocks(network([layers.Tanh(3)], 3))


def test_a_block_that_does_not_exist():
    with pytest.raises(InputError, match="the block to draw is 2: give a whole number from 0 to 1"):
        block_of(model("dann-r", layers=2, synapses=4), 2)
