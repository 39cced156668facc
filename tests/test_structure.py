"""Connections in CSR form: what is refused, and that nothing can change what was taken."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix, lil_array

from sparsedend import InputError, connectivity
from sparsedend import structure as structures
from sparsedend.structure import Structure, from_csr

quick = settings(max_examples=40, deadline=None, derandomize=True)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20), st.floats(0, 1))
def test_transposed(seed, rows, columns, density):
    rng = np.random.default_rng(seed)
    matrix = csr_array(np.where(rng.random((rows, columns)) < density, rng.random(), 0))
    structure = from_csr(matrix)
    indptr, found_rows, positions = structure.transposed
    expected = matrix.tocsc()
    np.testing.assert_array_equal(indptr, expected.indptr)
    np.testing.assert_array_equal(found_rows, expected.indices)
    np.testing.assert_array_equal(matrix.data[positions], expected.data)
    np.testing.assert_array_equal(structure.rows, np.nonzero(matrix.toarray())[0])


@pytest.mark.parametrize("length", [12, 100_000])
def test_matrix_shares_memory(length):
    """Also where the values are a small part of a long vector, which SciPy would copy."""
    structure = connectivity.tree(3, 4)
    data = np.ones(length, np.float32)[:12]
    matrix = structure.matrix(data)
    assert np.shares_memory(matrix.data, data)
    assert np.shares_memory(matrix.indices, structure.indices)
    assert np.shares_memory(matrix.indptr, structure.indptr)


def test_nothing_can_change_a_structure():
    """Kernels check no bounds: neither its arrays nor what is derived from them can be written."""
    structure = connectivity.tree(3, 4)
    derived = (structure.rows, *structure.transposed)
    for array in (structure.indptr, structure.indices, *derived):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 99
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.flags.writeable = True
    for name in ("indptr", "indices", "shape", "rule"):
        with pytest.raises(AttributeError):
            setattr(structure, name, None)


def test_arrays_that_are_written_to_afterwards():
    indptr, indices = np.array([0, 1, 2], np.int32), np.array([0, 1], np.int32)
    structure = Structure(indptr, indices, (2, 2))
    indptr[:] = 77
    indices[:] = 77
    np.testing.assert_array_equal(structure.indptr, [0, 1, 2])
    np.testing.assert_array_equal(structure.indices, [0, 1])
    matrix = csr_array(np.eye(2))
    structure = from_csr(matrix)
    matrix.indices[:] = 77
    np.testing.assert_array_equal(structure.indices, [0, 1])


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


@pytest.mark.parametrize("form", [csr_array, csr_matrix, csc_array, coo_array, lil_array])
def test_every_format_of_scipy(form):
    """Zeros that are stored are connections too."""
    given = coo_array((np.array([1.0, 0.0, 2.0]), ([0, 2, 2], [3, 1, 0])), shape=(3, 4))
    matrix = form(given)
    stored = matrix.nnz
    structure = from_csr(matrix, "mine")
    if stored == 3:
        np.testing.assert_array_equal(structure.indices, [3, 0, 1])
        np.testing.assert_array_equal(structure.indptr, [0, 1, 1, 3])
    else:
        np.testing.assert_array_equal(structure.indices, [3, 0])
    assert structure.shape == (3, 4)
    assert structure.rule == "mine"
    assert from_csr(matrix).rule == "given"


def test_a_callers_matrix_stays_as_it_is():
    matrix = csc_array((np.ones(3), np.array([2, 0, 1]), np.array([0, 2, 3])), shape=(3, 2))
    structure = from_csr(matrix)
    np.testing.assert_array_equal(matrix.indices, [2, 0, 1])
    np.testing.assert_array_equal(structure.indices, [0, 1, 0])


@pytest.mark.parametrize("given", [np.eye(3), [[1]], None])
def test_what_is_no_sparse_matrix(given):
    with pytest.raises(InputError, match=r"the connections are a .*: give a SciPy sparse matrix"):
        from_csr(given)


def test_csr_from_scipy_is_checked():
    matrix = csr_array((np.ones(2), np.array([2, 1]), np.array([0, 2])), shape=(1, 3))
    with pytest.raises(InputError, match="sort"):
        from_csr(matrix)


def test_empty_rows_at_the_ends_are_no_error():
    structure = Structure(np.array([0, 0, 2, 2, 3, 3]), np.array([1, 2, 0]), (5, 3))
    np.testing.assert_array_equal(structure.fan_in, [0, 2, 0, 1, 0])


def test_figures():
    structure = Structure([0, 2, 2, 3], [1, 4, 0], (3, 5))
    assert structure.nnz == 3
    assert structure.fan_in.tolist() == [2, 0, 1]
    assert structure.rows.tolist() == [0, 0, 2]
    assert (structure.indptr.dtype, structure.indices.dtype) == (np.int32, np.int32)
    transposed = structure.transposed
    assert transposed.indptr.tolist() == [0, 1, 2, 2, 2, 3]
    assert transposed.rows.tolist() == [2, 0, 0]
    assert transposed.positions.tolist() == [2, 0, 1]
    assert repr(structure) == "<Structure 3 × 5, 3 connections, given>"


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_copies_are_checked_and_out_of_reach_too(again):
    structure = connectivity.random(np.random.default_rng(0), 9, 5, 3)
    found = again(structure)
    for name in ("indptr", "indices"):
        np.testing.assert_array_equal(getattr(found, name), getattr(structure, name))
        assert not getattr(found, name).flags.writeable
    assert (found.shape, found.rule) == (structure.shape, structure.rule)
    assert type(found.shape[0]) is int


def test_indices_are_as_narrow_as_they_may_be(monkeypatch):
    """Kernels are compiled for int32; indptr alone becomes wider where there are too many."""
    wide = np.array([0, 1, 3]), np.array([1, 0, 1])
    monkeypatch.setattr(structures, "INT32_MAX", 3)
    assert Structure(*wide, (2, 2)).indptr.dtype == np.int32
    monkeypatch.setattr(structures, "INT32_MAX", 2)
    made = Structure(*wide, (2, 2))
    assert (made.indptr.dtype, made.indices.dtype) == (np.int64, np.int32)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, ">i4"])
def test_what_was_checked_is_what_is_kept(kind, monkeypatch):
    """Whatever another thread writes to the caller's arrays between the two."""
    indptr, indices = np.array([0, 1, 2], kind), np.array([0, 1], kind)
    check = structures._check

    def meanwhile(*copies):
        check(*copies)
        indptr[:], indices[:] = 100, 99

    monkeypatch.setattr(structures, "_check", meanwhile)
    made = Structure(indptr, indices, (2, 2))
    assert made.indptr.tolist() == [0, 1, 2]
    assert made.indices.tolist() == [0, 1]


@pytest.mark.parametrize("number", [2**32, 2**32 + 1, -(2**32), 2**63])
def test_numbers_beyond_32_bits_are_not_cut_off(number):
    """Of which the lower bits would be a column, or the end of a row."""
    kind = np.uint64 if number == 2**63 else np.int64
    with pytest.raises(InputError, match=rf"CSR index {number} in row 0 is out of range"):
        Structure([0, 1], np.array([number], kind), (1, 3))
    with pytest.raises(InputError, match="CSR indptr goes from 0 to"):
        Structure(np.array([0, number], kind), [0, 1], (1, 3))


@pytest.mark.parametrize(
    "shape", [("a", 1), (1.9, 3.9), (1, 3, 1), 3, None, (True, 3), (1, 2**31), (0, 3)]
)
def test_shapes_that_are_none_are_refused(shape):
    with pytest.raises(InputError, match=r"CSR shape is .*: give whole numbers of rows and colu"):
        Structure([0, 1], [0], shape)


def test_lists_of_lists_of_several_lengths_are_refused():
    with pytest.raises(InputError, match=r"CSR ind\w+ makes no array .*: give a vector of"):
        Structure([0, 1], [[1], [1, 2]], (1, 3))
