"""Kernels that formulas are traced into, against the formulas themselves."""

import numpy as np
import pytest

from sparsedend.backends import NumpyBackend
from sparsedend.errors import InputError
from tests.backends.gpu.formulas import FORMULAS, LOSSES, adam, leaky, nesterov

SPECIFICATION = NumpyBackend()
NUMBERS = (0.25, 0.5, 1e-3)
RATES = (0.01, 0.125)


def near(actual, expected, tolerance):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def values(rng, dtype, count, size=700):
    """Arrays of numbers, with exact zeros, pairs of equals, and the second of a kind positive."""
    made = rng.standard_normal((count, size)).astype(dtype)
    made[:, ::9] = 0
    made[-1, ::5] = made[0, ::5]
    if count > 3:
        made[3] = abs(made[3])
    return made


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_does_what_numpy_does(backend, dtype, rng, name):
    formula, inputs, outputs, rates, numbers = FORMULAS[name]
    given = values(rng, dtype, inputs)
    results = []
    for each in (backend, SPECIFICATION):
        arrays = [each.place(array.copy()) for array in given]
        found = [each.place(np.full(700, np.nan, dtype)) for _ in range(outputs)]
        with each.limited():
            each.elementwise(formula, found, arrays, NUMBERS[:numbers], RATES[:rates])
        results.append([each.fetch(array) for array in found])
        for array, before in zip(arrays, given, strict=True):
            np.testing.assert_array_equal(each.fetch(array), before)
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 2e-6 if dtype == np.float32 else 1e-14)


def test_outputs_may_be_inputs(backend, rng):
    given = values(rng, np.float64, 4)
    p, g, m, v = (backend.place(array) for array in given)
    backend.elementwise(adam, (p, m, v), (p, g, m, v), NUMBERS, RATES)
    expected = adam(*given, *RATES, *NUMBERS)
    for actual, each in zip((p, m, v), expected, strict=True):
        near(backend.fetch(actual), each, 1e-14)
    np.testing.assert_array_equal(backend.fetch(g), given[1])


@pytest.mark.parametrize("formula", [adam, nesterov])
def test_rates_on_the_device_are_those_of_the_host(backend, dtype, rng, formula):
    """Each of them counts: the decay, too."""
    _, inputs, outputs, _, numbers = FORMULAS[formula.__name__]
    given = values(rng, dtype, inputs)
    found = []
    for rates in (RATES, backend.place(np.array(RATES)), (RATES[0], 0.0), (0.0, RATES[1])):
        arrays = [backend.place(array.copy()) for array in given]
        backend.elementwise(formula, arrays[:1] * outputs, arrays, NUMBERS[:numbers], rates)
        made = [backend.zeros(700, dtype) for _ in range(outputs)]
        arrays = [backend.place(array.copy()) for array in given]
        backend.elementwise(formula, made, arrays, NUMBERS[:numbers], rates)
        found.append(backend.fetch(made[0]))
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).mean() > 0.5
    assert (found[0] != found[3]).mean() > 0.5


def test_whole_numbers_are_real_numbers(backend, dtype):
    x = backend.place(np.array([-3, 2], dtype))
    for slope in (1, np.float32(1), np.int64(1)):
        backend.elementwise(leaky, (x,), (x,), (slope,))
        np.testing.assert_array_equal(backend.fetch(x), [-3, 2])


def test_not_a_number_is_seen_by_minimum_and_maximum(backend, dtype):
    numbers = np.array([np.nan, 1, np.nan, -2], dtype), np.array([1, np.nan, np.nan, 3], dtype)
    for function in (np.minimum, np.maximum):
        out = backend.zeros(4, dtype)
        backend.elementwise(function, (out,), tuple(map(backend.place, numbers)))
        np.testing.assert_array_equal(backend.fetch(out), function(*numbers))


def test_half_storage_of_some(backend, rng):
    """A gradient is float32 beside activations that are float16, which keep their largest."""

    def formula(y, delta):
        return y * 2, delta * y

    y, delta = rng.standard_normal(300).astype(np.float16), values(rng, np.float32, 1, 300)[0]
    y[:2] = 60000, -60000
    there, d = backend.place(y), backend.place(delta)
    backend.elementwise(formula, (there, d), (there, d))
    wide = y.astype(np.float32)
    expected = np.clip(2 * wide, -65504, 65504).astype(np.float16)
    np.testing.assert_array_equal(backend.fetch(there), expected)
    np.testing.assert_array_equal(backend.fetch(d), delta * wide)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("stored", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(backend, rng, name, stored, weighted):
    """Of 130 of 200 images in an order of their own, in columns that are not all theirs."""
    formula, numbers = LOSSES[name]
    dtype = np.float64 if stored == "float64" else np.float32
    outputs = rng.standard_normal((5, backend.width(130))).astype(stored)
    targets = np.round(rng.standard_normal((200, 5)), 1).astype(dtype)
    outputs[:, :60] = targets[:60].T
    order = np.concatenate([np.arange(60), rng.permutation(140)[:70] + 60])
    weights = rng.random(200).astype(dtype) if weighted else None
    results = []
    for each in (backend, SPECIFICATION):
        wide = outputs if each is backend else outputs.astype(dtype)
        delta = each.place(np.full(outputs.shape, np.nan, dtype))
        totals = each.place(np.array([1.0, 2.0, 3.0]))
        there = [each.place(array) for array in (wide, targets, order)]
        given = None if weights is None else each.place(weights)
        each.formula_loss(formula, NUMBERS[:numbers], *there, given, delta, totals)
        results.append((each.fetch(totals), each.fetch(delta)))
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 1e-14 if stored == "float64" else 1e-6)
    totals, delta = results[0]
    assert (delta[:, 130:] == 0).all()
    assert 2 < totals[1] < totals[2]


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (lambda x: x if x > 0 else -x, r"'<lambda>' \(it asks for the truth of a number"),
        (lambda x: float(x) + 1, "it wants the value of a number that is not known yet"),
        (lambda x: np.sin(x), r"it uses np\.sin\): use \+ - \* / \*\*"),
        (lambda x: np.add.reduce(x), r"it uses np\.add with more than numbers"),
        (lambda x: x + np.ones(3), "which is no number"),
        (lambda x: np.minimum(x, np.inf), "it has the constant inf"),
        (lambda x: x // 2, r"it uses np\.floor_divide"),
        (lambda x: x.clip(0, 1), "no attribute 'clip'"),
        (lambda x, y: x, "missing 1 required positional argument"),
        (lambda x: (x, x), "returns 2 values where 1 are wanted: return one for each"),
    ],
)
def test_formulas_that_make_no_kernel(backend, formula, message):
    x = backend.zeros(3, np.float32)
    with pytest.raises(InputError, match=message):
        backend.elementwise(formula, (x,), (x,))


def test_a_formula_of_a_loss_returns_three(backend):
    x = backend.zeros((3, 128), np.float32)
    with pytest.raises(InputError, match="returns 1 values where 3 are wanted"):
        backend.formula_loss(leaky, (), x, x, np.arange(3), None, x, x)


def test_a_formula_is_traced_once(backend):
    traced = []

    def formula(x):
        traced.append(x)
        return x + 1

    x = backend.zeros(3, np.float32)
    for _ in range(3):
        backend.elementwise(formula, (x,), (x,))
    assert len(traced) == 1
    np.testing.assert_array_equal(backend.fetch(x), 3)
