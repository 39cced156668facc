"""Hits, entropy and selectivity, worked out on six images of three classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsedend import InputError, analysis

LABELS = np.array([0, 1, 2, 0, 1, 2])
#: Four nodes: one always active, one for class 1, one never (0 is not active), one for half of all.
ACTIVATIONS = np.array(
    [
        [1.0, -0.1, 0.0, 0.5],
        [2.0, 0.3, -1.0, -0.5],
        [1.0, 0.0, 0.0, 0.5],
        [3.0, -0.2, -0.1, 0.0],
        [1.0, 0.4, 0.0, -0.1],
        [1.0, -0.3, 0.0, 2.0],
    ]
)
HITS = np.array([[2, 0, 0, 1], [2, 2, 0, 0], [2, 0, 0, 2], [0, 4, 6, 3]])


def test_hits():
    found = analysis.hits(ACTIVATIONS, LABELS, 3)
    np.testing.assert_array_equal(found, HITS)
    assert found.dtype == np.int64


def test_entropy():
    """Thirds; 1/3 and 2/3; none; 1/6, 1/3 and 1/2."""
    expected = [np.log2(3), np.log2(3) - 2 / 3, np.nan, np.log2(6) / 6 + np.log2(3) / 3 + 1 / 2]
    np.testing.assert_allclose(analysis.entropy(HITS), expected)


def test_selectivity():
    """Of two images a class, one is more than 0.4 of them, but not more than half."""
    assert analysis.selectivity(HITS, 2).tolist() == [3, 1, 0, 2]
    assert analysis.selectivity(HITS, 2, threshold=0.5).tolist() == [3, 1, 0, 1]
    assert analysis.selectivity(HITS, [20, 2, 2]).tolist() == [2, 1, 0, 1]


def test_the_paper_asks_for_more_than_400_images():
    hits = np.array([[400, 401], [600, 599]])
    assert analysis.selectivity(hits, 1000).tolist() == [0, 1]


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32 - 1), st.data())
def test_hits_of_batches_may_be_added(images, classes, seed, data):
    rng = np.random.default_rng(seed)
    activations, labels = rng.normal(size=(images, 3)), rng.integers(0, classes, images)
    cut = data.draw(st.integers(0, images))
    whole = analysis.hits(activations, labels, classes)
    parts = [
        analysis.hits(activations[part], labels[part], classes)
        for part in (slice(cut), slice(cut, None))
    ]
    np.testing.assert_array_equal(sum(parts), whole)
    assert (whole.sum(axis=0) == images).all()
    bits = analysis.entropy(whole)
    active = (activations > 0).any(axis=0)
    assert (np.isnan(bits) == ~active).all()
    assert ((bits[active] >= 0) & (bits[active] <= np.log2(classes + 1) + 1e-12)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: analysis.hits(ACTIVATIONS[0], LABELS, 3),
            r"activations are float64 of shape \(4,",
        ),
        (lambda: analysis.hits([["a"]], [0], 3), "activations are <U1 of shape"),
        (lambda: analysis.hits([[1.0], [1.0, 2.0]], [0, 0], 3), "a list makes no array of numbers"),
        (lambda: analysis.hits(ACTIVATIONS, LABELS[:5], 3), r"labels are int64 of shape \(5,\)"),
        (lambda: analysis.hits(ACTIVATIONS, LABELS * 1.0, 3), "labels are float64"),
        (lambda: analysis.hits(ACTIVATIONS, LABELS, 2), "label 2 at 2 is out of range: classes a"),
        (lambda: analysis.hits(ACTIVATIONS, LABELS - 1, 3), "label -1 at 0 is out of range"),
        (lambda: analysis.hits(ACTIVATIONS, LABELS, 0), "classes is 0"),
        (
            lambda: analysis.hits(np.where(ACTIVATIONS == 3, np.nan, ACTIVATIONS), LABELS, 3),
            "node 0 has activation nan for image 3",
        ),
        (lambda: analysis.entropy(HITS[:-1]), "do not all have the same number of images"),
        (lambda: analysis.entropy(0 * HITS), "do not all have the same number of images"),
        (lambda: analysis.entropy(HITS * 1.0), "hits are float64 of shape"),
        (lambda: analysis.entropy(HITS[0]), r"hits are int64 of shape \(4,\)"),
        (lambda: analysis.selectivity(HITS, 1), "node 0 has 2 hits of class 0, which has 1 images"),
        (lambda: analysis.selectivity(HITS, [2, 2]), r"images per class are int64 of shape \(2,\)"),
        (
            lambda: analysis.selectivity(HITS, [2.0] * 3),
            "float64 of shape .3,.: give an integer, o",
        ),
        (lambda: analysis.selectivity(HITS, [np.nan] * 3), "images per class are float64"),
        (lambda: analysis.selectivity(HITS, None), "images per class are object"),
        (lambda: analysis.selectivity(0 * HITS + 1, -1), "which has -1 images"),
        (lambda: analysis.selectivity(HITS, 2, 1.0), "threshold is 1: give a finite number from 0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()
