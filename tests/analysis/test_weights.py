"""Moments by worked arithmetic, densities against SciPy's."""

import numpy as np
import pytest
from scipy import integrate, stats

from sparsedend import InputError, analysis


def test_moments():
    """Of three zeros and a one: mean 1/4, central moments 3/16, 3/32 and 21/256."""
    found = analysis.moments([0, 0, 0, 1])
    assert found.skewness == pytest.approx(3 / 32 / (3 / 16) ** 1.5)
    assert found.kurtosis == pytest.approx(21 / 256 / (3 / 16) ** 2 - 3)
    assert found.range == 1


def test_a_normal_distribution_has_neither_skewness_nor_kurtosis():
    found = analysis.moments(stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000))
    assert found.skewness == pytest.approx(0, abs=1e-9)
    assert found.kurtosis == pytest.approx(0, abs=2e-3)


def test_equal_values_have_no_shape():
    found = analysis.moments(np.full((3, 2), 0.1, np.float32))
    assert np.isnan(found[:2]).all()
    assert found.range == 0


def test_values_that_differ_by_rounding_have_no_shape():
    found = analysis.moments([0.3, 0.1 + 0.2, 0.3])
    assert np.isnan(found[:2]).all()
    assert found.range == np.spacing(0.3)
    assert np.isfinite(analysis.moments([1.0, 1.0, 1 + 1e-12])).all()


def test_values_that_differ_by_little_have_a_density():
    """As little as the steps of its kernel still tell apart."""
    found = analysis.density([1.0, 1 + 2e-12])
    assert (np.diff(found.edges) > 0).all()
    assert np.isfinite(found.curve).all()


def test_density():
    values = np.random.default_rng(1).normal(0, [[1], [3]], (2, 500)).astype(np.float32)
    found = analysis.density(values, bins=15, points=300)
    heights, edges = np.histogram(values.astype(float), 15, density=True)
    np.testing.assert_allclose(found.heights, heights)
    np.testing.assert_allclose(found.edges, edges)
    exact = stats.gaussian_kde(values.ravel())(found.grid)
    np.testing.assert_allclose(found.curve, exact, atol=2e-3 * exact.max())
    assert found.grid.size == 300
    assert integrate.trapezoid(found.curve, found.grid) == pytest.approx(1, abs=2e-3)
    mean = integrate.trapezoid(found.curve * found.grid, found.grid)
    whole = integrate.trapezoid(found.curve, found.grid)
    assert mean / whole == pytest.approx(
        values.mean(dtype=float), abs=float(np.ptp(values)) / 40_000
    )


def test_bins_are_20_by_default():
    assert analysis.density([0, 1, 2]).heights.size == 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.moments([]), "there are no values"),
        (
            lambda: analysis.moments([1.0, 2.0, np.nan]),
            "the array of values holds nan at 2: give fi",
        ),
        (lambda: analysis.moments(["a"]), "the array of values is of <U1: give numbers"),
        (lambda: analysis.moments([[1, 2], [3]]), "a list makes no array of numbers"),
        (lambda: analysis.density([0.5] * 7), "all of 7 values are 0.5 but for rounding, which h"),
        (lambda: analysis.density([1.0]), "all of 1 values are 1"),
        (lambda: analysis.density([1.0, np.nextafter(1, 2)]), "all of 2 values are 1 but for r"),
        (lambda: analysis.density([1.0, 1 + 1e-9], bins=10**8), "all of 2 values are 1 but for r"),
        (lambda: analysis.density([0.0, 5e-324]), "all of 2 values are 0 but for rounding"),
        (lambda: analysis.density([0, 1], bins=0), "bins is 0"),
        (lambda: analysis.density([0, 1], points=1), "points is 1"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()
