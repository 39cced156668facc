"""How weights are distributed: moments and densities (figure 5a of Chavlis & Poirazi, 2025)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..numbers import whole
from .given import alike, numbers

#: Steps in which a Gaussian kernel is computed: its width is many of them.
STEPS = 4096


class Moments(NamedTuple):
    """What one number each says of a distribution.

    Attributes
    ----------
    kurtosis : float
        Excess (Fisher's): 0 for a normal distribution; NaN where all values are the same, but for
        rounding.
    skewness : float
        NaN likewise.
    range : float
        Greatest less least value.
    """

    kurtosis: float
    skewness: float
    range: float


class Density(NamedTuple):
    """A density in two forms, each with an integral of 1.

    Attributes
    ----------
    edges : (bins + 1,) float64
        Of the histogram's bins.
    heights : (bins,) float64
    grid : (points,) float64
        From three widths of the kernel below the least value to three above the greatest.
    curve : (points,) float64
        Gaussian kernel density estimate there.
    """

    edges: NDArray
    heights: NDArray
    grid: NDArray
    curve: NDArray


def moments(values: ArrayLike) -> Moments:
    """Kurtosis, skewness and range, as SciPy has them: of the sample, without corrections for bias.

    Parameters
    ----------
    values : array of any shape, finite

    Raises
    ------
    InputError
        Where there are none, or one is not finite.
    """
    # Nothing else here needs it, and it takes half a second to import.
    from scipy import stats

    flat = _flat(values)
    extent = float(np.ptp(flat))
    if alike(flat):
        return Moments(np.nan, np.nan, extent)
    return Moments(float(stats.kurtosis(flat)), float(stats.skew(flat)), extent)


def density(values: ArrayLike, bins: int = 20, points: int = 256) -> Density:
    """Histogram, and Gaussian kernel density estimate with Scott's bandwidth.

    For millions of values, the kernel is summed over a fine histogram of them, which changes the
    curve by less than its line is wide.

    Parameters
    ----------
    values : array of any shape, finite
    bins : int
        Of the histogram, of equal width, from the least value to the greatest.
    points : int
        At which the curve is computed.

    Raises
    ------
    InputError
        Where values are not finite, or there are not two that differ by more than rounding, of
        which each bin must be wider.
    """
    flat = _flat(values)
    bins, points = whole("bins", bins), whole("points", points, 2)
    # Narrower, bins would have edges that are the same number.
    least = max(bins, STEPS) * np.spacing(np.abs(flat).max())
    if np.ptp(flat) <= least:
        raise InputError(
            f"all of {flat.size} values are {flat[0]:g} but for rounding, which have no density: "
            "give some that differ"
        )
    heights, edges = np.histogram(flat, bins, density=True)
    width = flat.std(ddof=1) * flat.size ** (-1 / 5)
    counts, steps = np.histogram(flat, STEPS)
    centres = (steps[:-1] + steps[1:]) / 2
    grid = np.linspace(steps[0] - 3 * width, steps[-1] + 3 * width, points)
    kernel = np.exp(-0.5 * ((grid[:, None] - centres) / width) ** 2)
    curve = kernel @ counts / (flat.size * width * np.sqrt(2 * np.pi))
    return Density(edges, heights, grid, curve)


def _flat(values: ArrayLike) -> NDArray:
    """All values in float64."""
    flat = numbers("the array of values", values).ravel()
    if not flat.size:
        raise InputError("there are no values: give at least one")
    return flat
