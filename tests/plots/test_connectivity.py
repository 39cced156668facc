"""Every connection is in the picture."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sparsedend import connectivity as structures
from sparsedend import plots
from sparsedend.structure import Structure
from tests.conftest import uneven
from tests.plots.drawn import axis, texts

#: The function of the same name hides it.
module = import_module("sparsedend.plots.connectivity")


def test_a_small_structure_is_drawn_as_it_is():
    structure = Structure([0, 2, 2, 3], [0, 3, 1], (3, 4), "local")
    drawn = axis()
    plots.connectivity(drawn, structure)
    (image,) = drawn.images
    np.testing.assert_array_equal(image.get_array(), [[1, 0, 0, 1], [0] * 4, [0, 1, 0, 0]])
    assert image.get_extent() == [0, 4, 3, 0]
    assert image.colorbar is None
    assert texts(drawn) == ("local: 3 connections, 25.00% of all", "inputs", "outputs")


def test_points_of_a_large_structure_are_shares():
    """Of a tree of 800 somata with 2 dendrites, a point is 2 × 4 cables, of which 4 exist."""
    drawn = axis()
    plots.connectivity(drawn, structures.tree(800, 2))
    (image,) = drawn.images
    np.testing.assert_array_equal(image.get_array(), np.eye(400) / 2)
    assert image.get_clim() == (0, 0.5)
    assert image.get_extent() == [0, 1600, 800, 0]
    assert image.colorbar.ax.get_ylabel() == "share that exists of 2 × 4 connections"


@given(some.integers(0, 2**32 - 1), some.integers(2, 30), some.integers(1, 30))
def test_no_connection_is_lost(seed, rows, columns):
    structure = uneven(np.random.default_rng(seed), rows, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "POINTS", 7)
        patch.setattr(module, "CHUNK", 5)
        shares, down, across = module._shares(structure)
    dense = structure.matrix(np.ones(structure.nnz)).toarray()
    assert max(shares.shape) <= 7
    for (row, column), share in np.ndenumerate(shares):
        part = dense[row * down : (row + 1) * down, column * across : (column + 1) * across]
        assert share == pytest.approx(part.mean())


def test_the_axis_ends_where_the_matrix_does():
    drawn = axis()
    plots.connectivity(drawn, structures.tree(401, 1))
    assert drawn.images[0].get_extent() == [0, 402, 402, 0]
    assert (drawn.get_xlim(), drawn.get_ylim()) == ((0, 401), (401, 0))


def test_no_connections():
    drawn = axis()
    plots.connectivity(drawn, Structure([0, 0], np.zeros(0, int), (1, 3)))
    assert texts(drawn)[0] == "given: 0 connections, 0.00% of all"
