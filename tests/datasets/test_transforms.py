import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.datasets import noisy
from tests.datasets.test_datasets import made


def grey(value, dtype):
    images = np.full((6000, 3, 3, 1), value, dtype)
    return made(train_x=images, test_x=images[:2000], train_y=np.zeros(6000, np.int64),
                test_y=np.zeros(2000, np.int64))  # fmt: skip


@pytest.mark.parametrize(("value", "dtype"), [(51, np.uint8), (0.2, np.float64)])
def test_gaussian_noise_is_added_and_clipped(value, dtype):
    changed = noisy(grey(value, dtype), 0.05, np.random.default_rng(0))
    for images in (changed.train_x, changed.test_x):
        assert images.dtype == np.float32
        assert images.mean() == pytest.approx(0.2, abs=1e-3)
        assert images.std() == pytest.approx(0.05, rel=0.02)
    strong = noisy(grey(value, dtype), 1.0, np.random.default_rng(0)).train_x
    assert (strong.min(), strong.max()) == (0, 1)
    assert (strong == 0).mean() == pytest.approx(0.4207, abs=0.01)  # a normal number below -0.2


def test_parts_differ_and_seeds_repeat():
    one, other = (noisy(grey(99, np.uint8), 0.1, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.train_x, other.train_x)
    assert not np.array_equal(one.train_x[:2000], one.test_x)


def test_no_noise_is_the_same_data_set():
    dataset = made()
    assert noisy(dataset, 0.0, np.random.default_rng(0)) is dataset


@pytest.mark.parametrize("sigma", [-1.0, np.inf, np.nan])
def test_refuses(sigma):
    with pytest.raises(InputError, match=f"noise is {sigma}"):
        noisy(made(), sigma, np.random.default_rng(0))
