import re

import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.datasets import noisy, transforms
from tests.datasets.test_datasets import made


def images(kind):
    """A data set whose images all differ, of bytes or of floats."""
    if kind == np.uint8:
        return made()
    rng = np.random.default_rng(8)
    return made(
        train_x=rng.random((7, 4, 5, 3)).astype(kind), test_x=rng.random((2, 4, 5, 3)).astype(kind)
    )


@pytest.mark.parametrize("chunk", [4096, 3])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_every_image_gets_its_own_noise_once(kind, chunk, monkeypatch):
    """By the formula: image + sigma · normal number, cut off at 0 and 1; training images first."""
    monkeypatch.setattr(transforms, "CHUNK", chunk)
    clean = images(kind)
    changed = noisy(clean, 0.4, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for name in ("train_x", "test_x"):
        x = getattr(clean, name)
        normal = rng.standard_normal(x.shape, dtype=np.float32)
        expected = x / (255 if kind == np.uint8 else 1) + 0.4 * normal
        assert (expected < 0).any()
        assert (expected > 1).any()
        found = getattr(changed, name)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-6)


def test_nothing_but_the_images_changes():
    clean = images(np.uint8)
    before = clean.train_x.copy()
    changed = noisy(clean, 0.1, np.random.default_rng(5))
    for name in ("name", "class_names", "licence", "source", "sha256"):
        assert getattr(changed, name) == getattr(clean, name)
    np.testing.assert_array_equal(changed.train_y, clean.train_y)
    np.testing.assert_array_equal(changed.test_y, clean.test_y)
    np.testing.assert_array_equal(clean.train_x, before)


def test_the_noise_is_that_of_the_generator():
    one, again, other = (
        noisy(images(np.uint8), 0.1, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    for name in ("train_x", "test_x"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert (getattr(one, name) != getattr(other, name)).mean() > 0.9


def test_no_noise_is_the_same_data_set():
    dataset = made()
    assert noisy(dataset, 0.0, np.random.default_rng(0)) is dataset


@pytest.mark.parametrize("sigma", [-1, np.inf, np.nan, "0.1", None, [0.1]])
def test_what_is_no_deviation_is_refused(sigma):
    words = f"noise is {re.escape(repr(sigma))}: give a finite number of 0 or more"
    with pytest.raises(InputError, match=words):
        noisy(made(), sigma, np.random.default_rng(0))
