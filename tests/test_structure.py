"""Connections in CSR form: what they offer, and that nothing wrong gets in."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from sparsedend import connectivity, structure
from sparsedend.errors import InputError
from sparsedend.structure import Structure, from_csr


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20), st.floats(0, 1))
def test_transposed(seed, rows, columns, density):
    rng = np.random.default_rng(seed)
    matrix = csr_array(np.where(rng.random((rows, columns)) < density, rng.random(), 0))
    made = from_csr(matrix)
    indptr, found_rows, positions = made.transposed
    expected = matrix.tocsc()
    np.testing.assert_array_equal(indptr, expected.indptr)
    np.testing.assert_array_equal(found_rows, expected.indices)
    np.testing.assert_array_equal(matrix.data[positions], expected.data)
    np.testing.assert_array_equal(made.rows, np.nonzero(matrix.toarray())[0])
    np.testing.assert_array_equal(made.fan_in, np.count_nonzero(matrix.toarray(), axis=1))


@pytest.mark.parametrize("length", [12, 100_000])
def test_matrix_shares_memory(length):
    """Also where the values are a small part of a long vector, which SciPy would copy."""
    made = connectivity.tree(3, 4)
    data = np.ones(length, np.float32)[:12]
    matrix = made.matrix(data)
    assert np.shares_memory(matrix.data, data)
    assert np.shares_memory(matrix.indices, made.indices)
    assert np.shares_memory(matrix.indptr, made.indptr)


def test_indices_are_as_narrow_as_they_may_be(monkeypatch):
    """Kernels are compiled for int32; indptr alone becomes wider where there are too many."""
    wide = np.array([0, 1, 3]), np.array([1, 0, 1])
    made = Structure(*wide, (2, 2))
    assert (made.indptr.dtype, made.indices.dtype) == (np.int32, np.int32)
    monkeypatch.setattr(structure, "INT32_MAX", 3)
    assert Structure(*wide, (2, 2)).indptr.dtype == np.int32
    monkeypatch.setattr(structure, "INT32_MAX", 2)
    made = Structure(*wide, (2, 2))
    assert (made.indptr.dtype, made.indices.dtype) == (np.int64, np.int32)


def test_a_checked_structure_cannot_be_changed():
    indptr, indices = np.array([0, 1, 2], np.int32), np.array([1, 0], np.int32)
    made = Structure(indptr, indices, (2, 2))
    indices[0] = indptr[1] = 99
    assert (made.indptr.tolist(), made.indices.tolist()) == ([0, 1, 2], [1, 0])
    for array in (made.indptr, made.indices):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 99
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def test_pickles_hold_a_structure():
    made = connectivity.tree(3, [1, 0, 2])
    found = pickle.loads(pickle.dumps(made))
    assert (found.shape, found.rule) == (made.shape, made.rule)
    np.testing.assert_array_equal(found.indptr, made.indptr)
    np.testing.assert_array_equal(found.indices, made.indices)


def test_how_it_shows_itself():
    assert repr(connectivity.tree(64, 16)) == "<Structure 64 × 1,024, 1,024 connections, tree>"


@pytest.mark.parametrize(
    ("indptr", "indices", "shape", "message"),
    [
        ([0, 1], [3], (1, 3), r"index 3 in row 0 is out of range: columns are 0 … 2"),
        ([0, 0, 2], [0, -1], (2, 3), r"index -1 in row 1"),
        ([0, 2], [2, 1], (1, 3), r"row 0 has index 1 after 2: sort"),
        ([0, 1, 3], [2, 1, 1], (2, 3), r"row 1 has index 1 twice"),
        ([0, 2, 1, 2], [0, 1], (3, 3), r"decreases at row 1 \(2 to 1\)"),
        ([1, 2], [0, 1], (1, 3), r"goes from 1 to 2"),
        ([0, 1], [0, 1], (1, 3), r"goes from 0 to 1"),
        ([0, 1], [0], (2, 3), r"has 2 entries: 2 rows need 3"),
        ([0, 1], [0.5], (1, 3), r"indices is float64"),
        ([0, 1], [[0]], (1, 3), r"indices is int64 of shape \(1, 1\)"),
        ([0, 1], [0], (1, 2**31), r"shape is"),
        ([0], np.empty(0, int), (0, 3), r"shape is \(0, 3\)"),
    ],
)
def test_unusable_csr_is_refused(indptr, indices, shape, message):
    with pytest.raises(InputError, match=message):
        Structure(np.array(indptr), np.array(indices), shape)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (csr_array((np.ones(2), np.array([2, 1]), np.array([0, 2])), shape=(1, 3)), "sort"),
        (np.eye(3), "the connections are a ndarray: give a SciPy sparse matrix"),
    ],
)
def test_matrices_from_outside_are_checked(matrix, message):
    with pytest.raises(InputError, match=message):
        from_csr(matrix)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_matrices_of_any_form(form):
    """What is stored counts as connected, also a zero; the caller's matrix stays as it was."""
    given = coo_array(([1.0, 0.0, 3.0], ([1, 0, 0], [0, 3, 1])), shape=(2, 4)).asformat(form)
    before = given.copy()
    structure = from_csr(given)
    assert structure.indices.tolist() == [1, 3, 0]
    assert structure.indptr.tolist() == [0, 2, 3]
    assert structure.shape == (2, 4)
    assert (given != before).nnz == 0


def test_empty_rows_at_the_ends_are_no_error():
    structure = Structure(np.array([0, 0, 2, 2, 3, 3]), np.array([1, 2, 0]), (5, 3))
    np.testing.assert_array_equal(structure.fan_in, [0, 2, 0, 1, 0])
