"""Kernels that are done by one: the same in every array, and only where they belong together."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sparsedend import Network, Session, Training, layers
from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.initializers import glorot
from tests.backends.gpu.test_device import module
from tests.conftest import uneven, uneven_tree

SPECIFICATION = NumpyBackend()
INPUTS, DENDRITES = 12, 29


@pytest.fixture
def launched(backend, monkeypatch):
    """Names of the kernels that are queued."""
    names = []
    launch = module(backend, "launch")
    kernel = launch._kernel

    def noted(code, stored, name):
        names.append(name)
        return kernel(code, stored, name)

    monkeypatch.setattr(launch, "_kernel", noted)
    return names


def at_once(backend, step):
    """Do what a step does, as steps of the package's own parts are done."""
    with backend.limited():
        backend.repeated(lambda *_: step())(None, None, None, None)


@pytest.fixture
def whole(rng):
    """Of small whole numbers sums are exact, in whatever order they are made."""
    return lambda *shape: rng.integers(-3, 4, shape)


def equal(backend, results):
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(backend.fetch(actual), expected)


def unwritten(backend, dtype, *shape):
    return backend.place(np.full(shape, np.nan, dtype))


@pytest.mark.parametrize("width", [128, 1152])
@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (3, 9), (8, 40), (10, 7), (63, 5)])
def test_gradients_of_a_dense_layer(backend, launched, whole, dtype, outputs, inputs, width):
    """Groups of outputs of every kind, more outputs than inputs, and more tiles than warps."""
    shapes = (outputs, inputs), (inputs, width), (outputs, width)
    weights, x, delta = (whole(*shape).astype(dtype) for shape in shapes)
    results = []
    for each in (backend, SPECIFICATION):
        w, xs, d = (each.place(values.copy()) for values in (weights, x, delta))
        gw, gb = unwritten(each, dtype, outputs, inputs), unwritten(each, dtype, outputs)
        back = unwritten(each, dtype, inputs, width)

        def step(each=each, given=(xs, d, gw, gb), rest=(w, d, back)):
            each.dense_weight_gradient(*given)
            each.dense_input_gradient(*rest)

        at_once(each, step)
        results.append((gw, gb, back))
    equal(backend, results)
    assert launched == ["dense_backward"]


def dendritic_step(backend, given, *, half=False):
    """What a dense layer upon somata, and they themselves, leave of a backward pass."""
    synapses, cables = given.structure
    dtype, somata = given.x.dtype, cables.shape[0]
    outputs, width = given.delta.shape
    structure = DendriticStructure(*map(backend.connections, given.structure))
    parameters = DendriticArrays(*map(backend.place, given.parameters))
    gradients = DendriticArrays(*(unwritten(backend, dtype, v.size) for v in given.parameters))
    weights = backend.place(given.weights)
    gw, gb = unwritten(backend, dtype, outputs, somata), unwritten(backend, dtype, outputs)
    x, out = (backend.activations(rows, width, dtype) for rows in (len(given.x), somata))
    x[:] = backend.place(given.x.astype(x.dtype))
    state = backend.dendritic_state(synapses.shape[0], width, dtype)
    delta, between = backend.place(given.delta.copy()), unwritten(backend, dtype, somata, width)
    fixed = (x, structure, parameters, 0.5, 0.25, out, state)
    totals = backend.place(np.arange(3.0))
    logits = backend.activations(outputs, width, dtype)
    logits[:] = backend.place(given.delta.astype(logits.dtype))
    of_loss = [None if each is None else backend.place(each) for each in given.loss or ()]

    def step():
        backend.dendritic_forward(*fixed)
        if of_loss:
            backend.softmax_cross_entropy(logits, *of_loss, delta, totals)
        backend.dense_weight_gradient(out, delta, gw, gb)
        backend.dense_input_gradient(weights, delta, between)
        backend.dendritic_backward(*fixed, between, gradients)

    at_once(backend, step)
    return out, delta, totals, gw, gb, between, *gradients


class Given:
    """What a dense layer and the somata below it compute with; and a loss, of weighted samples."""

    def __init__(self, rng, dtype, outputs, somata, width, samples=0, weighted=False):
        def whole(*shape):
            return rng.integers(-2, 3, shape).astype(dtype)

        synapses, cables = uneven(rng, DENDRITES, INPUTS, 11), uneven_tree(rng, somata, DENDRITES)
        self.structure = DendriticStructure(synapses, cables)
        self.parameters = [whole(n) for n in (synapses.nnz, DENDRITES, DENDRITES, somata)]
        self.x, self.weights = whole(INPUTS, width), whole(outputs, somata)
        self.delta, self.loss = whole(outputs, width), None
        if samples:
            labels, order = rng.integers(0, outputs, 200), rng.permutation(200)[:samples]
            self.loss = labels, order, rng.random(200).astype(dtype) if weighted else None


@pytest.mark.parametrize(("outputs", "somata", "width"), [(3, 7, 128), (10, 4, 256), (17, 4, 1152)])
def test_somata_below_a_dense_layer(backend, launched, rng, dtype, outputs, somata, width):
    given = Given(rng, dtype, outputs, somata, width)
    equal(backend, [dendritic_step(each, given) for each in (backend, SPECIFICATION)])
    assert launched == ["dendritic_forward", "dense_dendritic_backward"]


def test_somata_whose_activations_are_float16(backend, launched, rng):
    """Which whole numbers of this size are without rounding."""
    given = Given(rng, np.float32, 10, 7, 256)
    half = type(backend)(half=True)
    out, *found = dendritic_step(half, given)
    expected = dendritic_step(SPECIFICATION, given)
    np.testing.assert_array_equal(half.fetch(out), expected[0])
    equal(half, [found, expected[1:]])
    assert launched == ["dendritic_forward", "dense_dendritic_backward"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("outputs", "somata", "samples", "alone"),
    [(10, 7, 128, 0), (10, 5, 93, 0), (48, 6, 1, 0), (49, 6, 40, 1), (10, 5, 150, 1)],
)
def test_the_loss_upon_them(backend, launched, rng, outputs, somata, samples, alone, weighted):
    """Of one tile and few classes."""
    width = backend.width(samples)
    given = Given(rng, np.float32, outputs, somata, width, samples, weighted)
    results = [dendritic_step(each, given) for each in (backend, SPECIFICATION)]
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(backend.fetch(actual), expected, rtol=1e-5, atol=1e-5)
    loss, rest = "softmax_cross_entropy", "dense_dendritic_backward"
    of_rest = [loss, rest] if alone else [f"softmax_{rest}"]
    assert launched == ["dendritic_forward", *of_rest]


def test_a_loss_of_many_somata_is_done_once(backend, launched, rng, monkeypatch):
    monkeypatch.setattr(module(backend, "fusion"), "MOST_LOSSES", 6)
    for somata, name in ((6, "softmax_dense_dendritic_backward"), (7, "dense_dendritic_backward")):
        dendritic_step(backend, Given(rng, np.float32, 3, somata, 128, 50))
        assert launched[-1] == name


@pytest.mark.parametrize("stored", ["float16", "float32"])
def test_a_loss_and_gradients_of_a_dense_layer(backend, launched, rng, stored):
    half = type(backend)(half=stored == "float16")
    weights, x, logits = (rng.standard_normal(s) for s in ((10, 30), (30, 128), (10, 128)))
    labels, order = rng.integers(0, 10, 60), rng.permutation(60)[:51]
    results = []
    for each, storage in ((half, stored), (SPECIFICATION, "float32")):
        xs, z = (each.place(v.astype(stored).astype(storage)) for v in (x, logits))
        w, y, columns = map(each.place, (weights.astype(np.float32), labels, order))
        delta, totals = unwritten(each, np.float32, 10, 128), each.place(np.arange(3.0))
        gw, gb = unwritten(each, np.float32, 10, 30), unwritten(each, np.float32, 10)
        back = unwritten(each, np.float32, 30, 128)

        def step(
            each=each,
            loss=(z, y, columns, None, delta, totals),
            given=(xs, delta, gw, gb),
            rest=(w, delta, back),
        ):
            each.softmax_cross_entropy(*loss)
            each.dense_weight_gradient(*given)
            each.dense_input_gradient(*rest)

        at_once(each, step)
        results.append((delta, totals, gw, gb, back))
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(half.fetch(actual), expected, rtol=1e-5, atol=1e-5)
    assert launched == ["softmax_dense_backward"]


@pytest.mark.parametrize("other", ["delta", "x", "loss"])
def test_kernels_on_other_arrays_stay_apart(backend, launched, whole, other):
    """Of another layer's inputs, of somata that are not the x, of a loss that is another's."""
    given = Given(np.random.default_rng(1), np.float32, 3, 5, 128)
    structure = DendriticStructure(*map(backend.connections, given.structure))
    parameters = DendriticArrays(*map(backend.place, given.parameters))
    place, zeros = backend.place, backend.zeros
    x, out, between = (zeros((rows, 128), np.float32) for rows in (INPUTS, 5, 5))
    delta, weights = place(given.delta), place(given.weights)
    gw, gb = zeros((3, 5), np.float32), zeros(3, np.float32)
    gradients = DendriticArrays(*(zeros(v.size, np.float32) for v in given.parameters))
    state, totals = backend.dendritic_state(DENDRITES, 128, np.float32), backend.zeros(3, float)
    labels, order = backend.zeros(9, np.int64), backend.zeros(5, np.int64)

    def step():
        y = out.copy() if other == "x" else out
        d = delta.copy() if other == "delta" else delta
        if other == "loss":
            backend.softmax_cross_entropy(delta, labels, order, None, delta.copy(), totals)
        backend.dense_weight_gradient(y, delta, gw, gb)
        backend.dense_input_gradient(weights, d, between)
        backend.dendritic_backward(
            x, structure, parameters, 0.5, 0.5, out, state, between, gradients
        )

    at_once(backend, step)
    apart = {
        "delta": ["dense_weight_gradient", "dense_input_gradient", "dendritic_backward"],
        "x": ["dense_backward", "dendritic_backward"],
        "loss": ["softmax_cross_entropy", "dense_dendritic_backward"],
    }
    assert launched == apart[other]


class Own(layers.Dense):
    """A layer of somebody else's, which counts what it does."""

    kind = "own"
    calls = 0

    def backward(self, delta, state):
        type(self).calls += 1
        return super().backward(delta, state)


def test_parts_of_a_user_s_are_called_as_they_stand(backend, launched, rng):
    images, labels = rng.standard_normal((40, 12)), rng.integers(0, 3, 40)
    parameters = []
    for last in (layers.Dense, Own):
        same = np.random.default_rng(2)
        structures = (uneven(same, 9, 12), uneven_tree(same, 4, 9))
        network = Network([layers.Dendritic(*structures), last(4, 3)], 12, backend=backend)
        network.initialize(np.random.default_rng(1), glorot)
        session = Session(network, images, labels)
        launched.clear()
        session.train_step(Training(), np.arange(40))
        assert ("dense_weight_gradient" in launched) == (last is Own)
        parameters.append(backend.fetch(network.parameters))
    assert Own.calls == 1
    np.testing.assert_allclose(*parameters, rtol=1e-4, atol=1e-6)


def double(a):
    return 2 * a


def test_only_the_thread_that_does_the_step_waits_for_its_end(backend, launched):
    x, y = (backend.zeros((3, 128), np.float32) for _ in range(2))

    def step():
        backend.elementwise(double, (x,), (x,))
        assert launched == []
        with ThreadPoolExecutor(1) as pool:
            pool.submit(backend.elementwise, double, (y,), (y,)).result(60)
        assert len(launched) == 1

    at_once(backend, step)
    assert len(launched) == 2


def test_nothing_is_queued_of_a_step_that_fails(backend, launched):
    x = backend.zeros((3, 128), np.float32)

    def step():
        backend.elementwise(double, (x,), (x,))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(backend, step)
    assert launched == []
    backend.elementwise(double, (x,), (x,))
    assert len(launched) == 1
