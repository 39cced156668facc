"""Every operation of every backend against the NumPy specification."""

from types import SimpleNamespace

import numpy as np
import pytest

from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.backends.cpu import NumbaBackend
from sparsedend.backends.cpu.backend import FEW_WEIGHTS
from sparsedend.backends.cpu.simd import TILE
from sparsedend.backends.formulas import product, same, where, zero
from sparsedend.optimizers import Adam, AdamW
from sparsedend.structure import Structure
from tests.conftest import uneven, uneven_tree

SPECIFICATION = NumpyBackend()
INPUTS, DENDRITES, SOMATA = 30, 37, 9
#: Of dendrites and of somata.
SLOPES = 0.1, 0.25


@pytest.fixture(params=["one tile", "more tiles and panels"])
def width(request, backend, dtype):
    """Of float64 no tile smaller than the others: to compile all kernels for it takes 20 s."""
    few = 5 if dtype == np.float32 else TILE - 5
    return backend.width(few if request.param == "one tile" else 600)


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


@pytest.mark.parametrize("samples", [1, 5, 33])
@pytest.mark.parametrize("images_dtype", [np.uint8, np.float32, np.float64])
def test_take_batch(backend, dtype, rng, images_dtype, samples):
    images = rng.integers(0, 256, (40, 77)).astype(images_dtype)
    order = rng.permutation(40)[:samples]
    width = backend.width(samples)
    out = backend.batch(images, width, dtype)
    backend.take_batch(backend.place(images), backend.place(order), out)
    expected = SPECIFICATION.batch(images, samples, dtype)
    SPECIFICATION.take_batch(images, order, expected)
    out = backend.fetch(out)
    close(out[:, :samples], expected)
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


@pytest.mark.parametrize("slopes", [SLOPES, (1.0, 0.0)])
def test_dendritic(backend, dtype, width, rng, slopes):
    given = layer(rng, dtype, width)
    results = []
    for each in (backend, SPECIFICATION):
        delta, state = placed(each, given.delta), each.dendritic_state(DENDRITES, width, dtype)
        out, back = (unwritten(each, dtype, rows, width) for rows in (SOMATA, INPUTS))
        gradients = DendriticArrays(*(unwritten(each, dtype, size) for size in given.sizes))
        structure = DendriticStructure(*map(each.connections, given.structure))
        parameters = DendriticArrays(*(placed(each, values) for values in given.parameters))
        fixed = (placed(each, given.x), structure, parameters, *slopes, out, state)
        each.dendritic_forward(*fixed)
        each.dendritic_backward(*fixed, delta, gradients)
        synapses = structure.synapses.transposed
        each.dendritic_input_gradient(
            structure, synapses, parameters, slopes[0], state, delta, back
        )
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
        fixed = (x, structure, parameters, *SLOPES, out, state)
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


def leaky(x, slope):
    return where(x > 0, x, slope * x)


def mixed(a, b, rate, number):
    """Every function and operator that a formula may use, of numbers that all of them take."""
    one = np.log1p(np.exp(-abs(a))) + np.expm1(-np.minimum(abs(b), 2)) * np.tanh(a)
    two = np.sqrt(abs(a)) - np.log(abs(b) + number) / (1 + b**2)
    chosen = where((a >= b) == (a != 0), one, 0) + where(a < b, rate, two)
    return np.maximum(chosen, number), -one * two


def test_elementwise(backend, dtype, width, rng):
    """Inputs and outputs apart, the same, and the same in part; with rates and with numbers."""
    a, b = filled(rng, dtype, 11, width), filled(rng, dtype, 11, width)
    a[:, :3] = 0
    results = []
    for each in (backend, SPECIFICATION):
        x, y, z = placed(each, a), placed(each, b), unwritten(each, dtype, 11, width)
        each.elementwise(leaky, (z,), (x,), (0.25,))
        each.elementwise(leaky, (x,), (x,), (0.25,))
        each.elementwise(product, (y,), (y, x))
        given = unwritten(each, dtype, 11, width)
        each.elementwise(mixed, (given, x), (x, y), (0.5,), (3.0,))
        results.append((x, y, z, given))
    close_all(backend, results)


def placed_by(a, b, rate, number):
    return a + 10 * b + 100 * rate + 1000 * number


def test_formulas_by_hand(backend):
    """The value of each argument tells its place."""
    a, b = (backend.place(np.full(5, value)) for value in (1.0, 2.0))
    out = unwritten(backend, np.float64, 5)
    backend.elementwise(placed_by, (out,), (a, b), (4.0,), (3.0,))
    np.testing.assert_array_equal(backend.fetch(out), np.full(5, 4321))
    backend.elementwise(same, (out,), (a,))
    np.testing.assert_array_equal(backend.fetch(out), np.ones(5))
    broken = backend.place(np.array([np.nan, np.inf, -np.inf, 3.0]))
    backend.elementwise(zero, (broken,), (broken,))
    np.testing.assert_array_equal(backend.fetch(broken), np.zeros(4))


def test_numbers_of_numpys_change_no_dtype(backend):
    """A schedule may return float64, which would take over where arrays are float32."""
    start = np.linspace(-3, 3, 50, dtype=np.float32)
    results = []
    for number in (float, np.float64):
        x = placed(backend, start)
        numbers, rates = (number(1 / 3),), (number(1 / 7),)
        backend.elementwise(placed_by, (x,), (x, x), numbers, rates)
        results.append(backend.fetch(x))
    np.testing.assert_array_equal(*results)


def scored(backend, operation, outputs, targets, order, weights):
    """Totals and delta of a loss; what lies in the padding must not matter."""
    samples = order.size
    width = backend.width(samples)
    padded = np.full((len(outputs), width), 7, outputs.dtype)
    padded[:, :samples] = outputs
    delta = unwritten(backend, outputs.dtype, len(outputs), width)
    totals = backend.place(np.array([2.0, 3.0, 4.0]))
    weights = None if weights is None else backend.place(weights)
    arrays = [backend.place(array) for array in (padded, targets, order)]
    operation(*arrays, weights, delta, totals)
    delta = backend.fetch(delta)
    assert not delta[:, samples:].any()
    return backend.fetch(totals).astype(outputs.dtype), delta[:, :samples]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1, 300])
def test_softmax_cross_entropy(backend, dtype, rng, scale, weighted):
    outputs = (rng.standard_normal((7, 93)) * scale).astype(dtype)
    labels, order = rng.integers(0, 7, 200), rng.permutation(200)[:93]
    weights = rng.random(200).astype(dtype) if weighted else None
    results = [
        scored(each, each.softmax_cross_entropy, outputs, labels, order, weights)
        for each in (backend, SPECIFICATION)
    ]
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


def distance(output, target, power):
    error = abs(output - target)
    return error**power, power * where(output > target, 1, -1) * error, error < 0.5


@pytest.mark.parametrize("weighted", [False, True])
def test_formula_loss(backend, dtype, rng, weighted):
    outputs = rng.standard_normal((3, 93)).astype(dtype)
    targets, order = rng.standard_normal((200, 3)).astype(dtype), rng.permutation(200)[:93]
    weights = rng.random(200).astype(dtype) if weighted else None

    def operation(each):
        return lambda *arrays: each.formula_loss(distance, (2.0,), *arrays)

    results = [
        scored(each, operation(each), outputs, targets, order, weights)
        for each in (backend, SPECIFICATION)
    ]
    for actual, expected in zip(*results, strict=True):
        close(actual, expected)


def test_dropout(backend, dtype, rng):
    """Numbers of its own may be what a backend drops by; the rest agrees."""
    rate, samples, width = 0.25, 93, backend.width(100)
    x = filled(rng, dtype, 70, width)
    runs = []
    for _ in range(2):
        y, factors = placed(backend, x), unwritten(backend, dtype, *x.shape)
        backend.dropout(y, samples, np.random.default_rng(8), rate, factors)
        runs.append([backend.fetch(array) for array in (factors, y)])
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)
    factors, y = runs[0]
    dropped = factors[:, :samples] == 0
    assert dropped.mean() == pytest.approx(rate, abs=0.03)
    close(factors[:, :samples], (~dropped / (1 - rate)).astype(dtype))
    np.testing.assert_array_equal(factors[:, samples:], 1)
    close(y, x * factors)


def test_dropout_by_hand():
    """Dropped where the uniform number lies below the rate."""
    x, factors = np.array([[1.0, 2.0, 3.0, 4.0]]), np.empty((1, 4))
    given = SimpleNamespace(random=lambda shape, dtype: np.array([[0.1, 0.5, 0.9]]))
    SPECIFICATION.dropout(x, 3, given, 0.5, factors)
    np.testing.assert_array_equal(x, [[0, 4, 6, 4]])
    np.testing.assert_array_equal(factors, [[0, 2, 2, 1]])


@pytest.mark.parametrize("optimizer", [Adam(0.1), AdamW(0.1, weight_decay=0.5), Adam(1.0, 0, 0, 1)])
def test_a_step_of_an_optimizer(backend, dtype, rng, optimizer):
    vectors = [filled(rng, dtype, 1001) for _ in range(4)]
    vectors[3] **= 2
    results = []
    for each in (backend, SPECIFICATION):
        parameters, gradients, first, second = (placed(each, vector) for vector in vectors)
        state = dict(zip(optimizer.states, (first, second), strict=True))
        optimizer.apply(each, parameters, gradients, state, optimizer.rates(3, 0.5))
        results.append((parameters, first, second))
    close_all(backend, results)


@pytest.mark.parametrize("size", [1, 1001, 70_001])
def test_clip_norm(backend, dtype, rng, size):
    """Of 70,001 numbers in two blocks, and of one that is not finite, which stays as it is."""
    vector = filled(rng, dtype, size)
    norm = np.linalg.norm(vector.astype(np.float64))
    for limit in (norm / 3, norm * 3):
        results = []
        for each in (backend, SPECIFICATION):
            gradients = placed(each, vector)
            each.clip_norm(gradients, limit)
            results.append((gradients,))
        close_all(backend, results)
        found = backend.fetch(results[0][0])
        assert np.linalg.norm(found.astype(np.float64)) == pytest.approx(min(norm, limit), 1e-5)
    vector[-1] = np.inf
    gradients = placed(backend, vector)
    backend.clip_norm(gradients, 1.0)
    np.testing.assert_array_equal(backend.fetch(gradients), vector)


def test_results_do_not_depend_on_threads(all_threads, dtype, rng):
    given = layer(rng, dtype, width := NumbaBackend(1).width(300))
    results = []
    for threads in (1, 2):
        backend = NumbaBackend(threads)
        out, delta = backend.zeros((SOMATA, width), dtype), given.delta.copy()
        state = backend.dendritic_state(DENDRITES, width, dtype)
        gradients = DendriticArrays(*(np.empty(size, dtype) for size in given.sizes))
        fixed = (given.x, given.structure, given.parameters, *SLOPES, out, state)
        with backend.limited():
            backend.dendritic_forward(*fixed)
            backend.dendritic_backward(*fixed, delta, gradients)
            clipped = filled(np.random.default_rng(1), dtype, 200_001)
            backend.clip_norm(clipped, 1.0)
        results.append((out, *gradients, clipped))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_first_of_equal_logits_is_the_answer(backend):
    logits = backend.place(np.zeros((3, backend.width(4)), np.float32))
    delta = backend.place(np.zeros((3, backend.width(4)), np.float32))
    labels, totals = backend.place(np.array([0, 1, 2, 0])), backend.place(np.zeros(3))
    order = backend.place(np.arange(4))
    backend.softmax_cross_entropy(logits, labels, order, None, delta, totals)
    np.testing.assert_allclose(backend.fetch(totals), [4 * np.log(3), 2, 4], rtol=1e-6)
