"""Embeddings and their scores, on points few enough to count by hand or by brute force."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsedend import InputError, analysis
from sparsedend.analysis import representation

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def groups():
    """Three groups far from each other in 8 dimensions, and their labels."""
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 3
    return (10 * np.eye(8)[labels] + rng.normal(size=(60, 8))).astype(np.float16), labels


def counted(embedding, labels, k, include_self):
    """The neighbourhood hit by its definition."""
    shares = []
    for place, point in enumerate(embedding):
        distances = np.linalg.norm(embedding - point, axis=1)
        distances[place] = -1 if include_self else np.inf
        nearest = np.argsort(distances, kind="stable")[:k]
        shares.append(np.mean(labels[nearest] == labels[place]))
    return np.mean(shares)


@given(st.integers(3, 30), st.booleans(), st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=30)
def test_neighbourhood_hit_is_what_one_counts(images, include_self, seed, data):
    rng = np.random.default_rng(seed)
    embedding, labels = rng.normal(size=(images, 2)), rng.integers(0, 3, images)
    k = data.draw(st.integers(1, images - 1 + include_self))
    found = analysis.neighbourhood_hit(embedding, labels, k, include_self=include_self)
    assert found == pytest.approx(counted(embedding, labels, k, include_self))


def test_a_point_counts_itself_unless_told_otherwise():
    """On a line: each one's nearest is of the other class."""
    embedding, labels = np.array([[0.0, 0], [1, 0], [5, 0], [6, 0]]), [0, 1, 0, 1]
    assert analysis.neighbourhood_hit(embedding, labels, 2) == 0.5
    assert analysis.neighbourhood_hit(embedding, labels, 1) == 1.0
    assert analysis.neighbourhood_hit(embedding, labels, 1, include_self=False) == 0.0
    assert analysis.neighbourhood_hit(embedding, labels, 3, include_self=False) == 1 / 3


def test_points_at_one_place_count_themselves_once():
    embedding, labels = np.zeros((12, 2)), np.arange(12)
    assert analysis.neighbourhood_hit(embedding, labels, 4) == 0.25
    assert analysis.neighbourhood_hit(embedding, labels, 4, include_self=False) == 0.0


def test_repetitions_differ_in_where_they_begin(groups, monkeypatch):
    """From principal components all would begin alike."""
    given = {}

    class TSNE:
        def __init__(self, **how):
            given.update(how)

        def fit(self, values):
            return values[:, :2]

    monkeypatch.setattr(representation, "_embedder", lambda: SimpleNamespace(TSNE=TSNE))
    analysis.embed(groups[0], 3, 7.0)
    assert (given["initialization"], given["random_state"]) == ("random", 3)
    assert (given["perplexity"], given["neighbors"]) == (7.0, "exact")


def test_silhouette():
    """Of 0, 2 and 10, 12: 2 to one's own, 11 or 9 to the others."""
    embedding = np.array([[0.0, 0], [2, 0], [10, 0], [12, 0]])
    found = analysis.silhouette(embedding, [0, 0, 1, 1])
    assert found == pytest.approx((9 / 11 + 7 / 9) / 2)
    assert analysis.silhouette(embedding, [0, 1, 0, 1]) < 0


def test_labels_are_of_any_kind(groups):
    values, labels = groups
    names = [(None, "bee", 3)[label] for label in labels]
    for score in (analysis.silhouette, lambda x, y: analysis.neighbourhood_hit(x, y, 5)):
        assert score(values, names) == score(values, labels)


def test_trustworthiness():
    """1 - 2 / (n k (2 n - 3 k - 1)) times how far the ranks of new neighbours were beyond k."""
    before = np.array([[0.0], [1.0], [10.0], [12.0], [30.0], [70.0]])
    assert analysis.trustworthiness(before, 5 * before, 1) == 1.0
    after = before.copy()
    after[1], after[2] = 10.5, 1.0
    expected = 1 - 2 / (6 * (12 - 3 - 1)) * sum(rank - 1 for rank in (2, 3, 3, 2, 1, 1))
    assert analysis.trustworthiness(before, after, 1) == pytest.approx(expected)


def test_embedding_keeps_groups_together(groups):
    pytest.importorskip("openTSNE")
    values, labels = groups
    first = analysis.embed(values, 1, perplexity=10)
    assert first.shape == (60, 2)
    assert analysis.neighbourhood_hit(first, labels, 5) == 1.0
    np.testing.assert_array_equal(analysis.embed(values, 1, perplexity=10), first)
    assert not np.array_equal(analysis.embed(values, 2, perplexity=10), first)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: analysis.embed(x, 1, perplexity=20), "perplexity is 20, and there are 60"),
        (lambda x, y: analysis.embed(x, -1), "seed is -1"),
        (lambda x, y: analysis.embed(x[0], 1), r"activations has shape \(8,\): give numbers, one"),
        (lambda x, y: analysis.embed(x / 0, 1), "has numbers that are not finite"),
        (lambda x, y: analysis.silhouette(x, y[1:]), r"labels have shape \(59,\) where \(60,\)"),
        (lambda x, y: analysis.silhouette(x, [[1]] * 60), "labels are no vector of names or numb"),
        (lambda x, y: analysis.neighbourhood_hit(x, 5, 3), "labels are no vector of names or num"),
        (lambda x, y: analysis.embed([[1.0], [1.0, 2.0]], 1), "a list makes no array of numbers"),
        (lambda x, y: analysis.silhouette(x, 0 * y), "60 images have 1 classes: give two classes"),
        (lambda x, y: analysis.silhouette(x, np.arange(60)), "60 images have 60 classes"),
        (lambda x, y: analysis.neighbourhood_hit(x, y, 61), "k is 61: give a whole number from 1"),
        (lambda x, y: analysis.neighbourhood_hit(x, y, 60, include_self=False), "k is 60: give"),
        (lambda x, y: analysis.trustworthiness(x, x[1:]), "of 60 images and 59 points"),
        (lambda x, y: analysis.trustworthiness(x, x, 30), "k is 30: give a whole number from 1 to"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_refuses(groups, call, message):
    with pytest.raises(InputError, match=message):
        call(*groups)


def test_without_the_packages_the_extra_is_named(groups, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[analysis\]'"):
        analysis.silhouette(*groups)
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[analysis\]'"):
        analysis.embed(groups[0], 1, perplexity=10)
