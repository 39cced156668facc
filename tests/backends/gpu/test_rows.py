"""Sums along rows, of which a warp loads several at once: every remainder, and warps that share."""

import numpy as np
import pytest

from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.structure import Structure, from_csr
from tests.backends.gpu.test_device import module
from tests.conftest import uneven_tree

SPECIFICATION = NumpyBackend()
#: Entries of rows: every remainder of a group of eight, and those at a block's part of 64.
COUNTS = (*range(19), 40, 63, 64, 65, 0, 130)
COLUMNS, WIDTH = 140, 256


def structure_of(rng, counts, columns):
    """Rows of so many entries each."""
    chosen = [np.sort(rng.choice(columns, count, replace=False)) for count in counts]
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Structure(indptr, np.concatenate(chosen), (len(counts), columns))


def transposed_of(structure):
    """The same connections, the other way."""
    return from_csr(structure.matrix(np.ones(structure.nnz)).T.tocsr())


@pytest.fixture
def whole(rng):
    """Of small whole numbers sums are exact, in whatever order they are made."""
    return lambda *shape: rng.integers(-3, 4, shape).astype(np.float32)


def equal(backend, results):
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(backend.fetch(actual), expected)


def unwritten(backend, *shape):
    return backend.place(np.full(shape, np.nan, np.float32))


def sparse_results(backend, structure, weights, bias, x, delta):
    """Outputs, gradients of weights and biases, and that of the inputs."""
    there = backend.connections(structure)
    w, b, xs, d = (backend.place(each.copy()) for each in (weights, bias, x, delta))
    out, back = (unwritten(backend, *each.shape) for each in (delta, x))
    gw, gb = (unwritten(backend, each.size) for each in (weights, bias))
    backend.sparse_forward(xs, there, w, b, out)
    backend.sparse_weight_gradient(xs, there, w, d, gw, gb)
    backend.sparse_input_gradient(there, there.transposed, w, d, back)
    return out, gw, gb, back


def of_every_length(rng, turned):
    """Rows of all lengths or, turned, inputs of as many entries, which a block shares."""
    if turned:
        return transposed_of(structure_of(rng, [40, *COUNTS[-6:], 130, 120], COLUMNS))
    return structure_of(rng, COUNTS, COLUMNS)


@pytest.mark.parametrize("turned", [False, True])
def test_sparse_rows_of_every_length(backend, rng, whole, turned):
    structure = of_every_length(rng, turned)
    rows, columns = structure.shape
    shapes = (structure.nnz, rows, (columns, WIDTH), (rows, WIDTH))
    given = [whole(*np.atleast_1d(shape)) for shape in shapes]
    equal(backend, [sparse_results(each, structure, *given) for each in (backend, SPECIFICATION)])


@pytest.mark.parametrize("turned", [False, True])
def test_dendrites_of_every_length(backend, rng, whole, turned):
    synapses = of_every_length(rng, turned)
    dendrites, inputs = synapses.shape
    cables = uneven_tree(rng, 6, dendrites)
    sizes = (synapses.nnz, dendrites, dendrites, 6)
    parameters, x, delta = [*map(whole, sizes)], whole(inputs, WIDTH), whole(6, WIDTH)
    results = []
    for each in (backend, SPECIFICATION):
        structure = DendriticStructure(*map(each.connections, (synapses, cables)))
        there = DendriticArrays(*(each.place(values) for values in parameters))
        gradients = DendriticArrays(*(unwritten(each, size) for size in sizes))
        out, back = unwritten(each, 6, WIDTH), unwritten(each, inputs, WIDTH)
        state, d = each.dendritic_state(dendrites, WIDTH, np.float32), each.place(delta.copy())
        fixed = (each.place(x), structure, there, 0.5, 0.25, out, state)
        each.dendritic_forward(*fixed)
        each.dendritic_backward(*fixed, d, gradients)
        transposed = structure.synapses.transposed
        each.dendritic_input_gradient(structure, transposed, there, 0.5, state, d, back)
        results.append((out, *gradients, back))
    equal(backend, results)


@pytest.mark.parametrize("inputs", [1, 7, 8, 63, 64, 65, 512, 513, 1100])
def test_dense_layers_of_few_inputs_and_many(backend, whole, inputs):
    weights, bias, x = whole(10, inputs), whole(10), whole(inputs, WIDTH)
    delta, results = whole(10, WIDTH), []
    for each in (backend, SPECIFICATION):
        w, b, xs, d = (each.place(values.copy()) for values in (weights, bias, x, delta))
        out, back = unwritten(each, 10, WIDTH), unwritten(each, inputs, WIDTH)
        gw, gb = unwritten(each, 10, inputs), unwritten(each, 10)
        each.dense_forward(xs, w, b, out)
        each.dense_weight_gradient(xs, d, gw, gb)
        each.dense_input_gradient(w, d, back)
        results.append((out, gw, gb, back))
    equal(backend, results)


def test_more_inputs_take_no_more_room_than_most_slices(backend, whole, monkeypatch):
    monkeypatch.setattr(module(backend, "layer_operations"), "MOST_SLICES", 2)
    weights, x = whole(1, 1101), whole(1101, WIDTH)
    out, bias = unwritten(backend, 1, WIDTH), backend.zeros(1, np.float32)
    backend.dense_forward(backend.place(x), backend.place(weights), bias, out)
    np.testing.assert_array_equal(backend.fetch(out), weights @ x)
    assert module(backend, "device").sums().size == 2 * WIDTH


def test_sums_of_slices_in_a_graph(backend, whole):
    """Their room is there before what uses it is captured."""
    weights, x = whole(3, 1100), whole(1100, 128)
    out, bias = unwritten(backend, 3, 128), backend.zeros(3, np.float32)
    there = backend.place(x), backend.place(weights), bias, out
    with backend.limited():
        epoch = backend.batches(lambda *_: backend.dense_forward(*there), 1)
        list(epoch(np.arange(4), [()] * 4, None))
    np.testing.assert_array_equal(backend.fetch(out), weights @ x)


DISTANCE = """
extern "C" __global__ void distance(const real* x, int index, int width, int64* out) {
    if (threadIdx.x == 0) out[0] = row_at(x, index, width) - x;
}
"""


def test_rows_of_arrays_of_any_size(backend):
    """Neither numbers nor bytes up to a row need fit 32 bits."""
    code = module(backend, "program").text(("types.cuh", "rows.cuh")) + DISTANCE
    x, out = backend.zeros(1, np.float32), backend.zeros(1, np.int64)
    for index, width in ((3, 128), (2**30, 128), (2**31 - 1, 2**23)):
        module(backend, "launch").launch(
            np.float32, "distance", (1,), x, index, width, out, code=code
        )
        assert backend.fetch(out)[0] == index * width


def test_a_row_that_is_loaded_again_is_not_counted_again(backend):
    """Nothing times what is infinite would be NaN: one entry of eight, of weight 2."""
    x = np.full((1, WIDTH), np.inf, np.float32)
    weights, bias = np.array([2], np.float32), np.zeros(1, np.float32)
    only = Structure([0, 1], [0], (1, 1))
    out, *_ = sparse_results(backend, only, weights, bias, x, np.ones((1, WIDTH), np.float32))
    np.testing.assert_array_equal(backend.fetch(out), x)


@pytest.mark.parametrize(
    ("entries", "name", "blocks"),
    [(63, "sparse_input_gradient", 1), (64, "sparse_input_gradient_shared", 2)],
)
def test_a_block_shares_inputs_of_many_entries(backend, rng, monkeypatch, entries, name, blocks):
    """From 32 on, on average."""
    launched = {}

    def kernel(code, stored, name):
        return lambda grid, block, arguments: launched.update({name: grid})

    monkeypatch.setattr(module(backend, "launch"), "_kernel", kernel)
    structure = transposed_of(structure_of(rng, [20, entries - 20], 50))
    there, w = backend.connections(structure), backend.zeros(entries, np.float32)
    delta, out = (backend.zeros((rows, WIDTH), np.float32) for rows in structure.shape)
    backend.sparse_input_gradient(there, there.transposed, w, delta, out)
    assert launched == {name: (blocks, WIDTH // 128)}
