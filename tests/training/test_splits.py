import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsedend import InputError
from sparsedend.randomness import stream
from sparsedend.training.splits import split, split_by_class


@given(st.integers(2, 500), st.integers(0, 3))
def test_a_split_uses_every_image_once(images, seed):
    kept, held_out = split(images, seed)
    assert held_out.size == max(1, images // 10)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(images))


@settings(deadline=None)
@given(
    st.lists(st.integers(20, 90), min_size=2, max_size=5),
    st.integers(1, 9),
    st.integers(0, 3),
)
def test_classes_come_one_after_the_other_in_whole_batches(counts, batch_size, seed):
    counts[0] += batch_size - counts[0] % batch_size + 1  # something is left to validate on
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    kept, held_out = split_by_class(labels, batch_size, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held_out])), np.arange(len(labels)))
    assert (np.diff(labels[kept]) >= 0).all()
    assert (np.bincount(labels[kept]) % batch_size == 0).all()
    for start in range(0, len(kept), batch_size):
        assert np.unique(labels[kept[start : start + batch_size]]).size == 1


def test_the_seed_chooses_the_images_and_nothing_else_does():
    """In both splits; of a class, any image may be held out."""
    labels = np.arange(900) % 3
    halves = [split(900, seed)[1] for seed in (1, 2, 1)]
    by_class = [split_by_class(labels, 8, seed)[1] for seed in (1, 2, 1)]
    for first, other, again in (halves, by_class):
        np.testing.assert_array_equal(first, again)
        assert first.size == other.size
        assert set(first.tolist()) != set(other.tolist())
    held_out = np.concatenate([split(900, seed)[1] for seed in range(60)])
    assert np.unique(held_out).size > 890
    held_out = np.concatenate([split_by_class(labels, 8, seed)[1] for seed in range(60)])
    assert np.unique(held_out).size > 890


def test_the_split_is_the_stream_s_own():
    """As every version has drawn it: what a seed means lasts."""
    kept, held_out = split(10, 3)
    order = stream(3, "split").permutation(10)
    assert [*kept, *held_out] == order.tolist()
    assert held_out.size == 1
    kept, held_out = split_by_class(np.array([0, 1] * 10), 4, 3)
    rng = stream(3, "split")
    chosen = [rng.permutation(np.arange(label, 20, 2)) for label in (0, 1)]
    assert kept.tolist() == [*sorted(chosen[0][:8]), *sorted(chosen[1][:8])]
    assert held_out.tolist() == [*chosen[0][8:], *chosen[1][8:]]


def test_a_tenth_is_held_out():
    assert [split(images, 1)[1].size for images in (2, 9, 10, 19, 20, 29)] == [1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("samples", "share", "held_out"), [(200, 0.25, 50), (7, 0.3, 2), (3, 0.5, 1)]
)
def test_another_share_is_held_out(samples, share, held_out):
    parts = split(samples, 1, share)
    assert [part.size for part in parts] == [samples - held_out, held_out]


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(InputError, match=f"the share of validation is {share}"):
        split(100, 1, share)


def test_a_class_may_be_absent():
    """The batches that are left out are of those that are there."""
    kept, held_out = split_by_class(np.array([0, 5] * 50), 2, 1)
    assert (kept.size, held_out.size) == (92, 8)


def test_the_authors_numbers_for_fashion_mnist():
    """6,000 of each class in batches of 128: 42 batches to train on, 624 images to validate on."""
    labels = np.arange(60_000) % 10
    kept, held_out = split_by_class(labels, 128, 1)
    assert (np.bincount(labels[kept]) == 42 * 128).all()
    assert (np.bincount(labels[held_out]) == 624).all()


def test_refuses():
    with pytest.raises(InputError, match="1 samples with 1 held out leave none"):
        split(1, 1)
    with pytest.raises(InputError, match="class 1 has 3 samples, too few for a batch of 4"):
        split_by_class(np.array([0] * 9 + [1] * 3), 4, 1)
    with pytest.raises(InputError, match="batches of 2 leave no sample to validate on"):
        split_by_class(np.array([0, 0, 1, 1]), 2, 1)
