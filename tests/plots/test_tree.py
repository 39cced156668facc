"""Each dendrite stands around its soma."""

import numpy as np
import pytest

from sparsedend import InputError, layers, plots
from sparsedend.structure import Structure
from tests.plots.drawn import axis, dendritic, model, network, texts


def dots(drawn):
    """Places of dendrites, with the weights of their cables and their areas."""
    (found,) = drawn.collections
    return found.get_offsets(), found.get_array(), found.get_sizes()


def test_a_worked_example():
    """Somata with 4, 0 and 1 dendrites; the second has as many synapses as all others together."""
    synapses = Structure([0, 1, 5, 6, 7, 8], [0, 0, 1, 2, 3, 0, 1, 2], (5, 4))
    made = network([dendritic(synapses, [4, 0, 1]), layers.Dense(3, 2)], 4)
    drawn = axis()
    plots.tree(drawn, made)
    places, weights, areas = dots(drawn)
    # Clockwise from the top, where y points down; the third soma begins the second row.
    around = [[0, -0.37], [0.37, 0], [0, 0.37], [-0.37, 0]]
    np.testing.assert_allclose(places, [*around, [0, 1 - 0.37]], atol=1e-12)
    np.testing.assert_array_equal(weights, made.layers[0].cables.data)
    np.testing.assert_allclose(areas / areas[1], [0.25, 1, 0.25, 0.25, 0.25])
    lines = drawn.lines[0].get_xydata().reshape(5, 3, 2)
    np.testing.assert_array_equal(lines[:, 0], [[0, 0]] * 4 + [[0, 1]])
    np.testing.assert_array_equal(lines[:, 1], places)
    assert np.isnan(lines[:, 2]).all()
    numbers = {each.get_text(): each.get_position() for each in drawn.texts}
    assert numbers == {"0": (-0.46, -0.46), "1": (1 - 0.46, -0.46), "2": (-0.46, 1 - 0.46)}
    assert drawn.get_ylim()[0] > drawn.get_ylim()[1]
    assert texts(drawn)[0] == "all 3 somata; of each all 4 dendrites"


def test_colours_are_symmetrical():
    made = model("dann-r")
    drawn = axis()
    plots.tree(drawn, made)
    limit = abs(made.layers[0].cables.data).max()
    np.testing.assert_allclose(drawn.collections[0].get_clim(), (-limit, limit))


@pytest.mark.parametrize("name", ["dann-lrf", "pdann", "sann"])
def test_dendrites_of_every_kind(name):
    drawn = axis()
    plots.tree(drawn, model(name))
    assert len(dots(drawn)[0]) == 12


def test_another_block():
    made = model("dann-r", layers=2, somata=4, synapses=2)
    drawn = axis()
    plots.tree(drawn, made, [2], block=1)
    _, weights, _ = dots(drawn)
    np.testing.assert_array_equal(weights, made.layers[1].cables.data[6:9])
    assert texts(drawn)[0] == "somata 2 of 4; of each all 3 dendrites"


def test_of_a_huge_network_a_part_is_shown_and_named():
    drawn = axis()
    plots.tree(drawn, model("dann-r", (8, 8, 1), dendrites=100, somata=1000))
    places, _, areas = dots(drawn)
    assert len(places) == 64 * 64
    assert texts(drawn)[0] == "somata 0 … 63 of 1,000; of each dendrites 0 … 63 of 100"
    # Neighbours on a circle do not touch: their distance in points is more than their diameter.
    apart = np.linalg.norm(places[1] - places[0]) * 72 * drawn.bbox.width / drawn.figure.dpi / 8
    assert 2 * np.sqrt(areas.max() / np.pi) < apart


def test_somata_without_dendrites():
    synapses = Structure([0, 1], [0], (1, 4))
    made = network([dendritic(synapses, [0, 1]), layers.Dense(2, 2)], 4)
    drawn = axis()
    plots.tree(drawn, made, [0])
    assert len(dots(drawn)[0]) == 0


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("vann", {}, "no soma of block 0 has dendrites of its own, each reads all 12: draw the"),
        ("dann-r", {"block": 1}, "the block to draw is 1: give a whole number from 0 to 0"),
        ("dann-r", {"somata": [9]}, "a soma to draw is 9: give a whole number from 0 to 3"),
    ],
)
def test_what_cannot_be_drawn(name, asked, message):
    with pytest.raises(InputError, match=message):
        plots.tree(axis(), model(name), **asked)
