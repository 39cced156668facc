"""Every operation of every backend against the NumPy specification."""

import inspect
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sparsedend.backends.numba_backend import FEW_WEIGHTS, NumbaBackend

from sparsedend import backends
from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.connectivity import Structure
from sparsedend.errors import InputError
from sparsedend.layers import LeakyReLU
from sparsedend.optimizers import Adam
from tests.conftest import CUPY, ROOT, uneven, uneven_tree

SPECIFICATION = NumpyBackend()
INPUTS, DENDRITES, SOMATA, SLOPE = 30, 37, 9, np.float32(0.1)
DTYPES = (np.float32, np.float64)


@pytest.fixture(params=["1 thread", "2 threads", *CUPY])
def backend(request):
    if request.param.startswith(("1", "2")):
        chosen = NumbaBackend(int(request.param[0]))
    else:
        request.getfixturevalue(request.param)
        chosen = backends.create("cupy")
    with chosen.limited():
        yield chosen


@pytest.fixture(params=DTYPES, ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture(params=["one tile", "more tiles and panels"])
def width(request, backend, dtype):
    """Of float64 no tile smaller than the others: to compile all kernels for it takes 20 s."""
    few = 5 if dtype == np.float32 else 60
    return backend.width(few if request.param == "one tile" else 600)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def filled(rng, dtype, *shape):
    values = SPECIFICATION.zeros(shape, dtype)
    values[:] = rng.standard_normal(shape)
    return values


def close(actual, expected):
    tolerance = 2e-5 if expected.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * 10)


def placed(backend, values):
    """A copy where the backend computes."""
    return backend.place(values.copy())


def unwritten(backend, dtype, *shape):
    return backend.place(np.full(shape, np.nan, dtype))


def close_all(backend, results):
    """Results of the backend against those of the specification."""
    for actual, expected in zip(*results, strict=True):
        close(backend.fetch(actual), expected)


def layer(rng, dtype, width):
    """Everything a dendritic operation takes."""
    synapses, cables = uneven(rng, DENDRITES, INPUTS), uneven_tree(rng, SOMATA, DENDRITES)
    sizes = (synapses.nnz, DENDRITES, DENDRITES, SOMATA)
    return SimpleNamespace(
        x=filled(rng, dtype, INPUTS, width),
        structure=DendriticStructure(synapses, cables),
        parameters=DendriticArrays(*(filled(rng, dtype, size) for size in sizes)),
        delta=filled(rng, dtype, SOMATA, width),
        sizes=sizes,
    )


def test_signatures_agree(backend):
    """Each public operation of the specification exists with the same parameters."""
    for name, operation in inspect.getmembers(NumpyBackend, inspect.isfunction):
        if not name.startswith("__"):
            theirs = inspect.signature(getattr(type(backend), name))
            assert theirs == inspect.signature(operation), name


def test_zeros_begin_at_a_cache_line(dtype):
    for size in (1, 7, 1000):
        assert SPECIFICATION.zeros((size, 3), dtype).ctypes.data % 64 == 0


@pytest.mark.parametrize("images_dtype", [np.uint8, np.float32, np.float64])
def test_take_batch(backend, dtype, rng, images_dtype):
    images = rng.integers(0, 256, (40, 77)).astype(images_dtype)
    order = rng.permutation(40)[:33]
    width = backend.width(33)
    out = backend.batch(images, width, dtype)
    backend.take_batch(backend.place(images), backend.place(order), out)
    expected = SPECIFICATION.batch(images, 33, dtype)
    SPECIFICATION.take_batch(images, order, expected)
    out = backend.fetch(out)
    close(out[:, :33], expected)
    assert np.isfinite(out).all()


def test_bytes_for_sparse_readers_are_exact_and_half_as_wide(backend, rng):
    """All 256 values survive, in every lane, through the sparse product with single weights."""
    features = 261
    values = (np.arange(features) % 256).astype(np.uint8)
    images = rng.permuted(np.tile(values, (200, 1)), axis=1)
    order = rng.permutation(200)
    width = backend.width(200)
    batch = backend.batch(images, width, np.float32, sparse_readers=True)
    backend.take_batch(backend.place(images), backend.place(order), batch)
    assert batch.itemsize == 2
    identity = Structure(np.arange(features + 1), np.arange(features), (features, features))
    out, bias = (backend.zeros(shape, np.float32) for shape in ((features, width), features))
    weights = backend.place(np.ones(features, np.float32))
    backend.sparse_forward(batch, backend.connections(identity), weights, bias, out)
    expected = images[order].T * np.float32(1 / 255)
    np.testing.assert_array_equal(backend.fetch(out)[:, :200], expected)


def test_sparse(backend, dtype, width, rng):
    structure = uneven(rng, 21, INPUTS, 15)
    weights, bias = filled(rng, dtype, structure.nnz), filled(rng, dtype, 21)
    x, delta = filled(rng, dtype, INPUTS, width), filled(rng, dtype, 21, width)
    results = []
    for each in (backend, SPECIFICATION):
        w, b, xs, d = (placed(each, values) for values in (weights, bias, x, delta))
        out, back = (unwritten(each, dtype, rows, width) for rows in (21, INPUTS))
        gw, gb = (unwritten(each, dtype, size) for size in (structure.nnz, 21))
        there = each.connections(structure)
        each.sparse_forward(xs, there, w, b, out)
        each.sparse_weight_gradient(xs, there, w, d, gw, gb)
        each.sparse_input_gradient(there, there.transposed, w, d, back)
        results.append((out, gw, gb, back))
    close_all(backend, results)


def test_dendritic(backend, dtype, width, rng):
    given = layer(rng, dtype, width)
    results = []
    for each in (backend, SPECIFICATION):
        delta, state = placed(each, given.delta), each.dendritic_state(DENDRITES, width, dtype)
        out, back = (unwritten(each, dtype, rows, width) for rows in (SOMATA, INPUTS))
        gradients = DendriticArrays(*(unwritten(each, dtype, size) for size in given.sizes))
        structure = DendriticStructure(*map(each.connections, given.structure))
        parameters = DendriticArrays(*(placed(each, values) for values in given.parameters))
        fixed = (placed(each, given.x), structure, parameters, SLOPE, out, state)
        each.dendritic_forward(*fixed)
        each.dendritic_backward(*fixed, delta, gradients)
        transposed = structure.synapses.transposed
        each.dendritic_input_gradient(structure, transposed, parameters, SLOPE, state, delta, back)
        results.append((out, delta, *gradients, back))
    close_all(backend, results)


@pytest.mark.parametrize("samples", [20, 150])
def test_dendritic_on_pixels(backend, rng, samples):
    """Bytes kept as bfloat16 give what float32 inputs give."""
    given = layer(rng, np.float32, width := backend.width(samples))
    images = rng.integers(0, 256, (160, INPUTS), dtype=np.uint8)
    order = rng.permutation(160)[:samples]
    given.delta[:, samples:] = 0
    results = []
    for each in (backend, SPECIFICATION):
        x = each.batch(images, width, np.float32, sparse_readers=True)
        used = x if each is backend else x[:, :samples]
        each.take_batch(each.place(images), each.place(order), used)
        delta, out = placed(each, given.delta), unwritten(each, np.float32, SOMATA, width)
        state = each.dendritic_state(DENDRITES, width, np.float32)
        gradients = DendriticArrays(*(unwritten(each, np.float32, n) for n in given.sizes))
        structure = DendriticStructure(*map(each.connections, given.structure))
        parameters = DendriticArrays(*(placed(each, values) for values in given.parameters))
        fixed = (x, structure, parameters, SLOPE, out, state)
        each.dendritic_forward(*fixed)
        each.dendritic_backward(*fixed, delta, gradients)
        results.append([each.fetch(array) for array in (out[:, :samples], *gradients)])
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


@pytest.mark.parametrize("outputs", [3, 10, FEW_WEIGHTS // INPUTS + 1])
def test_dense(backend, dtype, width, rng, outputs):
    weights, bias = filled(rng, dtype, outputs, INPUTS), filled(rng, dtype, outputs)
    x, delta = filled(rng, dtype, INPUTS, width), filled(rng, dtype, outputs, width)
    results = []
    for each in (backend, SPECIFICATION):
        w, b, xs, d = (placed(each, values) for values in (weights, bias, x, delta))
        out, back = (unwritten(each, dtype, rows, width) for rows in (outputs, INPUTS))
        gw, gb = (unwritten(each, dtype, *shape) for shape in (weights.shape, bias.shape))
        each.dense_forward(xs, w, b, out)
        each.dense_weight_gradient(xs, d, gw, gb)
        each.dense_input_gradient(w, d, back)
        results.append((*map(each.fetch, (out, gw, gb)), each.fetch(back) / outputs**0.5))
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


def test_leaky_relu(backend, dtype, width, rng):
    x, delta = filled(rng, dtype, 11, width), filled(rng, dtype, 11, width)
    x[:, :3] = 0
    results = []
    for each in (backend, SPECIFICATION):
        out, back = placed(each, x), placed(each, delta)
        each.leaky_relu(out, SLOPE, out)
        each.leaky_relu_backward(out, SLOPE, back)
        results.append((out, back))
    close_all(backend, results)


@pytest.mark.parametrize("scale", [1, 300])
def test_softmax_cross_entropy(backend, dtype, width, rng, scale):
    logits = filled(rng, dtype, 7, width) * dtype(scale)
    labels = rng.integers(0, 7, width - 2)
    results = []
    for each in (backend, SPECIFICATION):
        delta, totals = unwritten(each, dtype, 7, width), each.place(np.array([2.0, 3.0]))
        there, wanted = placed(each, logits), each.place(labels)
        each.softmax_cross_entropy(there, wanted, delta, totals)
        results.append((each.fetch(totals).astype(dtype), each.fetch(delta)))
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


def test_dropout(backend, dtype, rng):
    """Numbers of its own may be what a backend drops by; the rest agrees."""
    rate, samples, width = 0.25, 93, backend.width(100)
    x, delta = (filled(rng, dtype, 70, width) for _ in range(2))
    runs = []
    for _ in range(2):
        y, d, factors = (
            placed(backend, x),
            placed(backend, delta),
            unwritten(backend, dtype, *x.shape),
        )
        backend.dropout(y, samples, np.random.default_rng(8), rate, factors)
        backend.dropout_backward(factors, d)
        runs.append([backend.fetch(array) for array in (factors, y, d)])
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)
    factors, y, d = runs[0]
    dropped = factors[:, :samples] == 0
    assert dropped.mean() == pytest.approx(rate, abs=0.03)
    close(factors[:, :samples], (~dropped / (1 - rate)).astype(dtype))
    np.testing.assert_array_equal(factors[:, samples:], 1)
    close(y, x * factors)
    close(d, delta * factors)


def test_dropout_by_hand():
    x, factors = np.array([[1.0, 2.0, 3.0]]), np.empty((1, 3))
    given = SimpleNamespace(random=lambda shape, dtype: np.array([[0.1, 0.5]]))
    SPECIFICATION.dropout(x, 2, given, 0.5, factors)
    np.testing.assert_array_equal(x, [[0, 4, 3]])
    delta = np.ones((1, 3))
    SPECIFICATION.dropout_backward(factors, delta)
    np.testing.assert_array_equal(delta, [[0, 2, 1]])


def test_softmax_cross_entropy_by_hand():
    delta = np.empty((2, 3))
    logits = np.log([[1.0, 3.0, 9.0], [3.0, 1.0, 9.0]])
    totals = np.array([10.0, 10.0])
    SPECIFICATION.softmax_cross_entropy(logits, np.array([0, 0]), delta, totals)
    np.testing.assert_allclose(totals, [10 - np.log(1 / 4) - np.log(3 / 4), 11])
    np.testing.assert_allclose(delta * 2, [[-3 / 4, -1 / 4, 0], [3 / 4, 1 / 4, 0]])


def test_adam(backend, dtype, rng):
    vectors = [filled(rng, dtype, 1001) for _ in range(4)]
    vectors[3] **= 2
    results = []
    for each in (backend, SPECIFICATION):
        p, g, m, v = (placed(each, vector) for vector in vectors)
        each.adam(p, g, m, v, (0.01, 0.02), 0.9, 0.999, 1e-7)
        results.append((p, m, v))
    close_all(backend, results)


@pytest.mark.parametrize("number", [0, 1])
def test_whole_numbers_are_real_numbers(backend, dtype, rng, number):
    start, gradients = filled(rng, dtype, 50), filled(rng, dtype, 50)
    delta = filled(rng, dtype, 3, backend.width(5))

    def results(chosen):
        adam = Adam(beta1=0, beta2=0, epsilon=1)
        parameters = placed(chosen, start)
        adam.start(chosen, parameters)
        adam.step(chosen, parameters, placed(chosen, gradients))
        layer = LeakyReLU(3, number)
        layer.bind(chosen, dtype, parameters[:0], parameters[:0])
        return parameters, layer.forward(placed(chosen, delta))

    close_all(backend, (results(backend), map(SPECIFICATION.fetch, results(SPECIFICATION))))


def test_the_environment_is_left_as_it_was():
    """Numba's threads read how long to spin from it when they start."""
    code = (
        "import os; before = dict(os.environ); from sparsedend import backends; "
        "backends.create('numba'); assert dict(os.environ) == before"
    )
    environment = {name: v for name, v in os.environ.items() if not name.startswith("GOMP")}
    environment["PYTHONPATH"] = str(ROOT)
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_results_do_not_depend_on_threads(dtype, rng):
    given = layer(rng, dtype, width := NumbaBackend(1).width(300))
    results = []
    for threads in (1, 2):
        backend = NumbaBackend(threads)
        out, delta = backend.zeros((SOMATA, width), dtype), given.delta.copy()
        state = backend.dendritic_state(DENDRITES, width, dtype)
        gradients = DendriticArrays(*(np.empty(size, dtype) for size in given.sizes))
        fixed = (given.x, given.structure, given.parameters, SLOPE, out, state)
        with backend.limited():
            backend.dendritic_forward(*fixed)
            backend.dendritic_backward(*fixed, delta, gradients)
        results.append((out, *gradients))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("name", "threads", "message"),
    [
        ("torch", None, "unknown backend 'torch'"),
        ("numba", 0, "threads is 0"),
    ],
)
def test_create_refuses(name, threads, message):
    with pytest.raises(InputError, match=message):
        backends.create(name, threads)


@pytest.mark.parametrize(
    ("name", "kind"), [("auto", NumbaBackend), ("numba", NumbaBackend), ("numpy", NumpyBackend)]
)
def test_create(name, kind):
    assert type(backends.create(name)) is kind
