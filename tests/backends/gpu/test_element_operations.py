"""Dropout, losses and clipping on a GPU."""

import numpy as np
import pytest

from sparsedend.backends import NumpyBackend

SPECIFICATION = NumpyBackend()


def test_dropout_by_known_numbers(backend):
    """Philox 4x32-10 of nothing but zeros begins with 6627e8d5, as in its authors' test vectors."""
    uniform = 0x6627E8D5 / 2**32

    class Zeros:
        """A generator that draws them."""

        def integers(self, high, size, dtype):
            return np.zeros(size, dtype)

    for rate, kept in ((uniform - 1e-6, 1 / (1 - uniform)), (uniform + 1e-6, 0)):
        x, factors = (backend.place(np.ones((1, 128))) for _ in range(2))
        backend.dropout(x, 1, Zeros(), rate, factors)
        for found in (x, factors):
            assert backend.fetch(found)[0, 0] == pytest.approx(kept, rel=1e-5)
            np.testing.assert_array_equal(backend.fetch(found)[0, 1:], 1)


def test_dropout_outside_of_epochs(backend):
    """Each use of a generator has a key of its own; the same generator the same ones."""
    found = []
    for _ in range(2):
        generator = np.random.default_rng(1)
        for _ in range(2):
            x, factors = (backend.place(np.ones((3, 128))) for _ in range(2))
            backend.dropout(x, 100, generator, 0.25, factors)
            found.append(backend.fetch(factors))
            np.testing.assert_array_equal(backend.fetch(x), found[-1])
    np.testing.assert_array_equal(found[:2], found[2:])
    assert (found[0] != found[1]).any()
    assert (found[0][:, :100] == 0).mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("stored", ["float16", "float32", "float64"])
def test_softmax_cross_entropy(backend, rng, stored, weighted):
    """Logits so large that no exponential of them is finite, and equal ones."""
    dtype = np.float64 if stored == "float64" else np.float32
    width = backend.width(300)
    logits = (rng.integers(-3, 4, (7, width)) * 1000.0).astype(stored)
    logits[:, :50] = rng.standard_normal((7, 50))
    labels, order = rng.integers(0, 7, 400), rng.permutation(400)[:300]
    weights = rng.random(400).astype(dtype) if weighted else None
    results = []
    for each in (backend, SPECIFICATION):
        wide = logits if each is backend else logits.astype(dtype)
        delta, totals = each.place(np.full((7, width), np.nan, dtype)), each.place(np.arange(3.0))
        there = [each.place(array) for array in (wide, labels, order)]
        given = None if weights is None else each.place(weights)
        each.softmax_cross_entropy(*there, given, delta, totals)
        results.append((each.fetch(totals), each.fetch(delta)))
    for actual, expected in zip(*results, strict=True):
        tolerance = 1e-13 if dtype == np.float64 else 2e-6
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    totals, delta = results[0]
    assert totals[2] - 2 == pytest.approx(300 if weights is None else weights[order].sum())
    assert 1 < totals[1] < totals[2]
    assert (delta[:, 300:] == 0).all()


@pytest.mark.parametrize(("size", "limit"), [(1, 0.5), (1000, 0.5), (1000, 1e6), (70_000, 0.5)])
def test_clip_norm(backend, dtype, rng, size, limit):
    """Sums in float64, whatever the vector is; nothing is touched that is short enough."""
    vector = (rng.standard_normal(size) * np.geomspace(1, 1e-3, size)).astype(dtype)
    expected = vector.copy()
    SPECIFICATION.clip_norm(expected, limit)
    found = []
    for _ in range(2):
        there = backend.place(vector)
        with backend.limited():
            backend.clip_norm(there, limit)
        found.append(backend.fetch(there))
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], expected, rtol=1.2e-7 if dtype == np.float32 else 1e-15)
    if limit == 1e6:
        np.testing.assert_array_equal(found[0], vector)
    else:
        assert np.linalg.norm(found[0].astype(float)) == pytest.approx(
            min(limit, np.linalg.norm(vector)), rel=1e-6
        )


@pytest.mark.parametrize("odd", [np.nan, np.inf, 0.0])
def test_a_norm_that_is_not_finite_clips_nothing(backend, dtype, odd):
    vector = np.full(300, 2, dtype)
    vector[7] = odd
    there = backend.place(vector)
    backend.clip_norm(there, 1e-3 if odd else 1e3)
    np.testing.assert_array_equal(backend.fetch(there), vector)


def test_clipping_is_captured(backend):
    """Each step clips what it finds; nothing is known to the host meanwhile."""

    def grow(x):
        return 2 * x

    x = backend.place(np.full(4, 0.25))
    norms = []

    def step(order, rates, random):
        backend.elementwise(grow, (x,), (x,))
        backend.clip_norm(x, 3.0)

    with backend.limited():
        for _ in backend.batches(step, 1)(np.arange(5), [()] * 5, None):
            norms.append(np.linalg.norm(backend.fetch(x)))
    np.testing.assert_allclose(norms, [1, 2, 3, 3, 3])
