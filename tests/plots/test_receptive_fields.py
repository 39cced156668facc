"""Every weight stands in the tile of its dendrite, at its pixel."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sparsedend import InputError, connectivity, layers, plots
from sparsedend.structure import Structure
from tests.conftest import uneven
from tests.plots.drawn import axis, dendritic, model, network, texts

#: The function of the same name hides it.
module = import_module("sparsedend.plots.receptive_fields")
NAN = np.nan


def shown(drawn):
    """The picture's values, NaN where there are none: the ground, and the weights."""
    return [np.ma.filled(image.get_array(), NAN) for image in drawn.images]


def test_a_worked_example():
    """Two somata with two and one dendrites over 2 × 2 pixels."""
    synapses = Structure([0, 1, 3, 4], [0, 1, 3, 2], (3, 4))
    made = network([dendritic(synapses, [2, 1]), layers.Dense(2, 2)], (2, 2, 1))
    drawn = axis()
    plots.receptive_fields(drawn, made)
    ground, weights = shown(drawn)
    np.testing.assert_array_equal(
        weights,
        [
            [1, NAN, NAN, NAN, 2],
            [NAN, NAN, NAN, NAN, 3],
            [NAN, NAN, NAN, NAN, NAN],
            [NAN, NAN, NAN, NAN, NAN],
            [4, NAN, NAN, NAN, NAN],
        ],
    )
    there = np.array([[1, 1, 0, 1, 1]] * 2 + [[0] * 5] + [[1, 1, 0, 0, 0]] * 2, bool)
    np.testing.assert_array_equal(~np.isnan(ground), there)
    assert [each.get_text() for each in drawn.get_yticklabels()] == ["soma 0", "soma 1"]
    np.testing.assert_array_equal(drawn.get_yticks(), [0.5, 3.5])
    np.testing.assert_array_equal(drawn.get_xticks(), [0.5, 3.5])
    assert texts(drawn)[:2] == ("all 2 somata; of each all 2 dendrites", "dendrite of the soma")


def test_channels_stand_side_by_side():
    """Inputs of a pixel follow each other: 1 2 3 of the first one, 4 5 6 of the second."""
    made = network([layers.Dense(6, 2)], (1, 2, 3))
    drawn = axis()
    plots.receptive_fields(drawn, made)
    _, weights = shown(drawn)
    first, second = [1, 4, 2, 5, 3, 6], [7, 10, 8, 11, 9, 12]
    np.testing.assert_array_equal(weights, [[*first, NAN, *second]])
    assert texts(drawn)[1] == "dendrite after the row's first, its channels 0 … 2 side by side"


@settings(max_examples=30)
@given(
    some.integers(0, 2**32 - 1),
    some.tuples(some.integers(1, 4), some.integers(1, 4), some.integers(1, 3)),
    some.lists(some.integers(0, 3), min_size=1, max_size=5),
)
def test_all_weights_of_all_shapes(seed, shape, counts):
    height, width, channels = shape
    inputs, dendrites = height * width * channels, sum(counts)
    if not dendrites:
        return
    synapses = uneven(np.random.default_rng(seed), dendrites, inputs)
    made = network([dendritic(synapses, counts), layers.Dense(len(counts), 2)], shape)
    drawn = axis()
    plots.receptive_fields(drawn, made)
    _, weights = shown(drawn)
    dense = np.full((dendrites, inputs), NAN)
    dense[synapses.rows, synapses.indices] = np.arange(1, synapses.nnz + 1)
    seen = 0
    for soma, count in enumerate(counts):
        start = sum(counts[:soma])
        for place in range(count):
            for pixel in np.ndindex(height, width, channels):
                row = soma * (height + 1) + pixel[0]
                column = place * (channels * width + 1) + pixel[2] * width + pixel[1]
                wanted = dense[start + place].reshape(shape)[pixel]
                np.testing.assert_equal(weights[row, column], wanted)
                seen += not np.isnan(wanted)
    assert seen == np.sum(~np.isnan(weights)) == synapses.nnz


def test_colours_are_symmetrical_and_leave_out_the_rarest():
    """Of weights 1 … 100, one of a hundred is beyond the colours."""
    drawn = axis()
    plots.receptive_fields(drawn, network([layers.Dense(100, 1)], (10, 10, 1)))
    image = drawn.images[1]
    assert image.get_clim() == pytest.approx((-99.01, 99.01))
    assert image.colorbar.extend == "both"


def test_no_weights_at_all():
    empty = layers.Sparse(Structure(np.zeros(5, int), np.zeros(0, int), (4, 9)))
    drawn = axis()
    plots.receptive_fields(drawn, network([empty, layers.Dense(4, 2)], (3, 3, 1)))
    ground, weights = shown(drawn)
    assert np.isnan(weights).all()
    assert np.isfinite(ground).any()
    assert drawn.images[1].get_clim() == (-1, 1)


def test_chosen_somata():
    made = model("dann-lrf")
    drawn = axis()
    plots.receptive_fields(drawn, made, [3, 1])
    assert [each.get_text() for each in drawn.get_yticklabels()] == ["soma 3", "soma 1"]
    assert texts(drawn)[0] == "somata 3, 1 of 4; of each all 3 dendrites"
    _, weights = shown(drawn)
    np.testing.assert_array_equal(
        np.sort(weights[:6, :6][~np.isnan(weights[:6, :6])]),
        np.sort(made.layers[0].synapses[[9]].data),
    )


def test_dendrites_that_no_soma_owns_stand_in_their_order():
    drawn = axis()
    plots.receptive_fields(drawn, model("vann", somata=10))
    assert [each.get_text() for each in drawn.get_yticklabels()] == ["from 0", "from 12", "from 24"]
    assert texts(drawn)[:2] == ("all 30 dendrites", "dendrite after the row's first")


def test_of_a_huge_network_a_part_is_shown_and_named():
    drawn = axis()
    plots.receptive_fields(drawn, model("dann-r", (8, 8, 1), dendrites=100, somata=1000))
    _, weights = shown(drawn)
    assert weights.shape == (12 * 9 - 1, 12 * 9 - 1)
    assert texts(drawn)[0] == "somata 0 … 11 of 1,000; of each dendrites 0 … 11 of 100"
    drawn = axis()
    plots.receptive_fields(drawn, model("vann", (8, 8, 3), dendrites=20, somata=50))
    assert texts(drawn)[0] == "dendrites 0 … 47 of 1,000"


def test_of_huge_images_fewer_tiles_are_shown(monkeypatch):
    monkeypatch.setattr(module, "PIXELS", 7 * 36)
    drawn = axis()
    plots.receptive_fields(drawn, model("dann-lrf"))
    assert texts(drawn)[0] == "somata 0, 1 of 4; of each all 3 dendrites"
    monkeypatch.setattr(module, "PIXELS", 1)
    drawn = axis()
    plots.receptive_fields(drawn, model("dann-lrf"))
    assert texts(drawn)[0] == "somata 0 of 4; of each dendrites 0 of 3"


@pytest.mark.parametrize(
    ("made", "somata", "message"),
    [
        (lambda: model("dann-r", 30), None, "the network takes rows of 30 features"),
        (lambda: model("dann-r"), [4], "a soma to draw is 4: give a whole number from 0 to 3"),
        (lambda: model("dann-r"), [-1], "a soma to draw is -1"),
        (lambda: model("dann-r"), [], "0 somata are asked for: give 1 to 12"),
        (lambda: model("dann-r"), [0] * 13, "13 somata are asked for: give 1 to 12"),
        (lambda: model("dann-r"), 5, "somata to draw are 5: give a sequence of numbers"),
        (lambda: model("vann"), "ab", "somata to draw are 'ab': give a sequence of numbers"),
        (lambda: model("vann"), [0, 1], "somata 0, 1 are asked for, but none has dendrites of its"),
    ],
)
def test_what_cannot_be_drawn(made, somata, message):
    with pytest.raises(InputError, match=message):
        plots.receptive_fields(axis(), made(), somata)


def test_random_cables_share_dendrites():
    """A soma of a sann shows the dendrites that it reads, whoever else reads them."""
    rng = np.random.default_rng(4)
    synapses = connectivity.random(rng, 9, 3, 2, exact=True)
    cables = Structure([0, 2, 4], [0, 2, 1, 2], (2, 3))
    stack = [layers.Sparse(synapses), layers.Sparse(cables), layers.Dense(2, 2)]
    made = network(stack, (3, 3, 1))
    drawn = axis()
    plots.receptive_fields(drawn, made)
    _, weights = shown(drawn)
    np.testing.assert_array_equal(weights[:3, 4:], weights[4:, 4:])
