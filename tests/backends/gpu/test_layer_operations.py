"""What the general tests of operations do not ask of layers on a GPU."""

from types import SimpleNamespace

import numpy as np
import pytest

from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.connectivity import Structure
from sparsedend.errors import InputError
from tests.backends.gpu.test_device import module
from tests.conftest import uneven, uneven_tree

SPECIFICATION = NumpyBackend()
INPUTS, DENDRITES, SOMATA = 12, 29, 7


@pytest.mark.parametrize(("slope", "soma_slope"), [(0.5, 0.25), (1, 0), (0, 1)])
def test_dendritic_with_signs_at_zero(backend, rng, slope, soma_slope):
    """Of small whole numbers: exact sums, many of them 0, where the slope counts as below."""
    synapses, cables = uneven(rng, DENDRITES, INPUTS, 4), uneven_tree(rng, SOMATA, DENDRITES)
    sizes = (synapses.nnz, DENDRITES, DENDRITES, SOMATA)
    whole = [rng.integers(-1, 2, size).astype(np.float32) for size in sizes]
    x, delta = (rng.integers(-1, 2, (n, 128)).astype(np.float32) for n in (INPUTS, SOMATA))
    results = []
    for each in (backend, SPECIFICATION):
        structure = DendriticStructure(*map(each.connections, (synapses, cables)))
        parameters = DendriticArrays(*map(each.place, whole))
        gradients = DendriticArrays(*(each.zeros(size, np.float32) for size in sizes))
        state = each.dendritic_state(DENDRITES, 128, np.float32)
        out, back = (each.zeros((n, 128), np.float32) for n in (SOMATA, INPUTS))
        d = each.place(delta.copy())
        fixed = (each.place(x), structure, parameters, slope, soma_slope, out, state)
        each.dendritic_forward(*fixed)
        each.dendritic_backward(*fixed, d, gradients)
        transposed = structure.synapses.transposed
        each.dendritic_input_gradient(structure, transposed, parameters, slope, state, d, back)
        results.append([each.fetch(array) for array in (out, d, *gradients, back)])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(actual, expected)
    before = SPECIFICATION.zeros((DENDRITES, 128), np.float32)
    SPECIFICATION.sparse_forward(x, synapses, whole[0], whole[1], before)
    assert (before == 0).mean() > 0.2
    assert (results[1][0] == 0).mean() > 0.02


@pytest.mark.parametrize(("value", "kept"), [(1e6, 65504), (-1e6, -65504), (3.0, 3)])
def test_half_storage_has_largest_numbers(backend, value, kept):
    """Not infinite ones, of which NaN would come."""
    half = type(backend)(half=True)
    x, out = (half.activations(rows, 128, np.float32) for rows in (1, 2))
    weights, bias = half.place(np.array([[1], [np.nan]], np.float32)), half.zeros(2, np.float32)
    half.take_batch(half.place(np.array([[value]])), np.zeros(1, np.int64), x)
    half.dense_forward(x, weights, bias, out)
    found = half.fetch(out)[:, 0]
    assert found[0] == kept
    assert np.isnan(found[1])


@pytest.mark.parametrize("outputs", [3, 70])
def test_half_storage_differs_by_its_rounding(backend, rng, outputs):
    half = type(backend)(half=True)
    structure = uneven(rng, outputs, INPUTS)
    x = rng.standard_normal((INPUTS, 128)).astype(np.float16)
    weights, sparse, bias = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((outputs, INPUTS), structure.nnz, outputs)
    )
    results = []
    for each, given in ((half, x), (SPECIFICATION, x.astype(np.float32))):
        found = [each.activations(outputs, 128, np.float32) for _ in range(2)]
        gradients = [each.zeros(weights.shape, np.float32), each.zeros(outputs, np.float32)]
        there = each.place(given)
        each.dense_forward(there, each.place(weights), each.place(bias), found[0])
        connections = each.connections(structure)
        each.sparse_forward(there, connections, each.place(sparse), each.place(bias), found[1])
        delta = each.place(np.ones((outputs, 128), np.float32))
        each.dense_weight_gradient(there, delta, *gradients)
        results.append([each.fetch(array) for array in (*found, *gradients)])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-2)
    assert results[0][0].dtype == np.float16
    assert (results[0][0] != results[1][0]).any()


def test_matrices_share_memory(backend, rng):
    structure = uneven(rng, DENDRITES, INPUTS)
    weights = backend.place(rng.standard_normal(structure.nnz))
    there = backend.connections(structure)
    matrix = there.matrix(weights)
    matrix.data[0] = 7
    assert backend.fetch(weights)[0] == 7
    assert (there.shape, there.nnz, matrix.shape) == (structure.shape, structure.nnz, there.shape)
    for name in ("indptr", "indices"):
        for each in (matrix, there):
            np.testing.assert_array_equal(
                backend.fetch(getattr(each, name)), getattr(structure, name)
            )
    np.testing.assert_array_equal(backend.fetch(there.rows), structure.rows)


@pytest.mark.parametrize(("features", "width"), [(70, 2**23), (2**23, 128)])
def test_more_samples_or_features_than_a_grid_has_rows(backend, monkeypatch, features, width):
    """Tiles of both lie along the dimension of a grid that is long enough."""
    grids = {}

    def kernel(code, stored, name):
        return lambda grid, block, arguments: grids.update({name: grid})

    monkeypatch.setattr(module(backend, "launch"), "_kernel", kernel)
    dtype, order = np.dtype(np.float32), backend.zeros(1, np.int64)

    def array(*shape):
        return SimpleNamespace(shape=shape, dtype=dtype, size=1)

    class Weights(SimpleNamespace):
        def __len__(self):
            return self.shape[0]

    weights = Weights(shape=(features, 100), dtype=dtype)
    backend.take_batch(array(1, features), order, array(features, width))
    backend.dense_forward(array(100, width), weights, array(features), array(features, width))
    tiles = -(-features // 64)
    assert grids == {"take_float32": (width // 32 * tiles,), "product": (width // 64 * tiles,)}
    width = 2**23
    structure = SimpleNamespace(indptr=None, indices=None)
    with pytest.raises(InputError, match="131072 tiles side by side, and a GPU has 65535: give"):
        backend.sparse_forward(array(), structure, None, None, array(1, 2 * width))


def test_an_identity_on_pixels_is_exact(backend):
    """All 256 bytes in each lane, each of them by a row of its own."""
    images = np.arange(256, dtype=np.uint8).repeat(128).reshape(256, 128).T
    out = backend.batch(images, 128, np.float32, sparse_readers=True)
    backend.take_batch(backend.place(images.copy()), np.arange(128), out)
    assert out.dtype == np.uint16
    identity = backend.connections(Structure(np.arange(257), np.arange(256), (256, 256)))
    ones, zeros = backend.place(np.ones(256, np.float32)), backend.zeros(256, np.float32)
    found = backend.zeros((256, 128), np.float32)
    backend.sparse_forward(out, identity, ones, zeros, found)
    np.testing.assert_array_equal(backend.fetch(found), images.T * np.float32(1 / 255))
