import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsedend import InputError
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


def test_the_authors_numbers_for_fashion_mnist():
    """6,000 of each class in batches of 128: 42 batches to train on, 624 images to validate on."""
    labels = np.arange(60_000) % 10
    kept, held_out = split_by_class(labels, 128, 1)
    assert (np.bincount(labels[kept]) == 42 * 128).all()
    assert (np.bincount(labels[held_out]) == 624).all()


def test_refuses():
    with pytest.raises(InputError, match="1 training images leave none"):
        split(1, 1)
    with pytest.raises(InputError, match="class 1 has 3 images, too few for a batch of 4"):
        split_by_class(np.array([0] * 9 + [1] * 3), 4, 1)
    with pytest.raises(InputError, match="batches of 2 leave no image to validate on"):
        split_by_class(np.array([0, 0, 1, 1]), 2, 1)
