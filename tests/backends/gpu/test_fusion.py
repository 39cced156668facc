"""Kernels that are done by one: the same in every array, and only where they belong together."""

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

    def step():
        backend.dendritic_forward(*fixed)
        backend.dense_weight_gradient(out, delta, gw, gb)
        backend.dense_input_gradient(weights, delta, between)
        backend.dendritic_backward(*fixed, between, gradients)

    at_once(backend, step)
    return out, gw, gb, between, *gradients


class Given:
    """What a dense layer and the somata below it compute with."""

    def __init__(self, rng, dtype, outputs, somata, width):
        def whole(*shape):
            return rng.integers(-2, 3, shape).astype(dtype)

        synapses, cables = uneven(rng, DENDRITES, INPUTS, 11), uneven_tree(rng, somata, DENDRITES)
        self.structure = DendriticStructure(synapses, cables)
        self.parameters = [whole(n) for n in (synapses.nnz, DENDRITES, DENDRITES, somata)]
        self.x, self.weights = whole(INPUTS, width), whole(outputs, somata)
        self.delta = whole(outputs, width)


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


@pytest.mark.parametrize("other", ["delta", "x"])
def test_kernels_on_other_arrays_stay_apart(backend, launched, whole, other):
    """Gradients of one layer's weights and of another's inputs; and somata that are not the x."""
    given = Given(np.random.default_rng(1), np.float32, 3, 5, 128)
    structure = DendriticStructure(*map(backend.connections, given.structure))
    parameters = DendriticArrays(*map(backend.place, given.parameters))
    place, zeros = backend.place, backend.zeros
    x, out, between = (zeros((rows, 128), np.float32) for rows in (INPUTS, 5, 5))
    delta, weights = place(given.delta), place(given.weights)
    gw, gb = zeros((3, 5), np.float32), zeros(3, np.float32)
    gradients = DendriticArrays(*(zeros(v.size, np.float32) for v in given.parameters))
    state = backend.dendritic_state(DENDRITES, 128, np.float32)

    def step():
        y, d = (out, delta.copy()) if other == "delta" else (out.copy(), delta)
        backend.dense_weight_gradient(y, delta, gw, gb)
        backend.dense_input_gradient(weights, d, between)
        backend.dendritic_backward(
            x, structure, parameters, 0.5, 0.5, out, state, between, gradients
        )

    at_once(backend, step)
    apart = {
        "delta": ["dense_weight_gradient", "dense_input_gradient"],
        "x": ["dense_backward"],
    }
    assert launched == [*apart[other], "dendritic_backward"]


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


def test_nothing_is_queued_of_a_step_that_fails(backend, launched, rng):
    x = backend.zeros((3, 128), np.float32)

    def double(a):
        return 2 * a

    def step():
        backend.elementwise(double, (x,), (x,))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_once(backend, step)
    assert launched == []
    backend.elementwise(double, (x,), (x,))
    assert len(launched) == 1
