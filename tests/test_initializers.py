import numpy as np
import pytest

from sparsedend import InputError, connectivity
from sparsedend.initializers import INITIALIZERS, glorot, named, sparse
from sparsedend.structure import Structure

RNG = np.random.default_rng


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_glorot_limits_are_those_of_the_dense_shape(dtype):
    structure = connectivity.random(RNG(0), 100, 5000, 16)
    values = glorot(RNG(1), structure, dtype)
    limit = (6 / 5100) ** 0.5
    assert values.shape == (structure.nnz,)
    assert values.dtype == dtype
    assert abs(values).max() <= limit * (1 + 1e-6)
    assert abs(values).max() > 0.999 * limit
    assert values.var() == pytest.approx(limit**2 / 3, rel=0.02)


def test_sparse_limits_are_those_of_each_connection():
    """Row 0 has two entries, row 1 one; column 1 has two, columns 0 and 2 one or none."""
    structure = Structure(np.array([0, 2, 3]), np.array([0, 1, 1]), (2, 3))
    many = np.array([sparse(RNG(seed), structure, np.float64) for seed in range(4000)])
    limits = np.sqrt(6 / np.array([2 + 1, 2 + 2, 1 + 2]))
    assert (abs(many).max(axis=0) <= limits).all()
    np.testing.assert_allclose(abs(many).max(axis=0), limits, rtol=0.01)
    np.testing.assert_allclose(many.mean(axis=0), 0, atol=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_have_the_dtype_and_its_digits(name, dtype):
    values = INITIALIZERS[name](RNG(3), connectivity.random(RNG(0), 100, 500, 16), dtype)
    assert values.dtype == dtype
    rounded = values.astype(np.float32).astype(dtype)
    assert (rounded == values).all() == (dtype == np.float32)


@pytest.mark.parametrize("dtype", ["float64", "f8", float, np.dtype(np.float64)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_dtype_may_be_named_in_any_way(name, dtype):
    structure = connectivity.random(RNG(0), 100, 50, 16)
    found = INITIALIZERS[name](RNG(3), structure, dtype)
    np.testing.assert_array_equal(found, INITIALIZERS[name](RNG(3), structure, np.float64))


def test_a_seed_means_the_same_in_every_version():
    """As drawn since version 0.1.0: checkpoints and published figures name seeds."""
    structure = connectivity.Structure(np.array([0, 1, 3]), np.array([0, 1, 2]), (2, 3))
    expected = [0.24691004, -0.54591632, 1.03625965]
    assert glorot(RNG(12), structure, np.float32).tolist() == pytest.approx(expected)
    expected = [-0.86316940, 1.26360814, -0.87873465]
    assert sparse(RNG(12), structure, np.float64).tolist() == pytest.approx(expected)


def test_names():
    assert {"glorot": glorot, "sparse": sparse} == INITIALIZERS
    assert named("sparse") is sparse
    with pytest.raises(InputError, match="unknown initializer 'zeros': choose glorot or sparse"):
        named("zeros")


@pytest.mark.parametrize("name", INITIALIZERS)
def test_dense_shapes(name):
    values = INITIALIZERS[name](RNG(0), (30, 70), np.float32)
    limit = (6 / 100) ** 0.5
    assert values.shape == (2100,)
    assert values.dtype == np.float32
    assert 0.99 * limit < values.max() <= limit * (1 + 1e-6)
    assert -0.99 * limit > values.min() >= -limit * (1 + 1e-6)


def test_numbers_by_hand():
    """Uniform numbers u become (2 u - 1) · sqrt(6 / (fan-in + fan-out))."""
    uniform = RNG(3).random(6)
    np.testing.assert_allclose(glorot(RNG(3), (2, 3), np.float64), (2 * uniform - 1) * 1.2**0.5)
    structure = Structure(np.array([0, 1, 2]), np.array([0, 2]), (2, 3))
    expected = 2 * RNG(3).random(2, dtype=np.float32) - 1
    np.testing.assert_allclose(glorot(RNG(3), structure, np.float32), expected * 1.2**0.5, 1e-6)
    np.testing.assert_allclose(sparse(RNG(3), structure, np.float32), expected * 3**0.5, 1e-6)
