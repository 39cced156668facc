"""Tests of whether scores differ: two-way analysis of variance, and t-tests corrected for number.

The analysis of variance is that of statsmodels, of the extra ``analysis``.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .given import ROUNDING, alike, levels, numbers


class Effect(NamedTuple):
    """What a factor, or two together, explain.

    Attributes
    ----------
    sum_of_squares : float
    df : int
        Degrees of freedom.
    f : float
        Mean square over that of the residuals.
    p : float
        Probability of so great an F without any effect.
    """

    sum_of_squares: float
    df: int
    f: float
    p: float


class Anova(NamedTuple):
    """Two-way analysis of variance.

    Attributes
    ----------
    first, second, interaction : Effect
    residual : float
        Sum of squares that is left.
    residual_df : int
    """

    first: Effect
    second: Effect
    interaction: Effect
    residual: float
    residual_df: int


class Comparison(NamedTuple):
    """An unpaired two-tailed t-test of two groups.

    Attributes
    ----------
    first, second : hashable
        Names of the groups.
    t : float
        Positive where the first has the greater mean.
    df : int
    p : float
        Of this test alone.
    corrected : float
        Bonferroni's: p times the number of tests, at most 1.
    """

    first: Hashable
    second: Hashable
    t: float
    df: int
    p: float
    corrected: float


def two_way_anova(values: ArrayLike, first: ArrayLike, second: ArrayLike) -> Anova:
    """Whether two factors, and their interaction, explain differences between values.

    Sums of squares are of type II: each factor is tested after the other, the interaction after
    both. Where all combinations have as many values (a balanced design), all types are the same;
    where they have not, type II supposes that the interaction is small.

    Parameters
    ----------
    values : (n,) finite
    first, second : (n,)
        Levels of the factors, of any kind that has a hash; every combination occurs, one of them
        twice.

    Raises
    ------
    InputError
        Where the shapes do not fit, a factor has one level, a combination is missing, no value
        differs within one but by rounding, or statsmodels is not installed.
    """
    y = numbers("the vector of values", values)
    codes = [levels("levels of the first factor", first), levels("levels of the second", second)]
    _check_design(y, codes)
    pandas, statsmodels = _library()
    frame = pandas.DataFrame({"value": y, "first": codes[0], "second": codes[1]})
    model = statsmodels.formula.api.ols("value ~ C(first) * C(second)", frame).fit()
    table = statsmodels.stats.anova.anova_lm(model, typ=2)
    one, other, both = (
        Effect(float(row["sum_sq"]), round(row["df"]), float(row["F"]), float(row["PR(>F)"]))
        for _, row in table.iloc[:3].iterrows()
    )
    residual = table.loc["Residual"]
    return Anova(one, other, both, float(residual["sum_sq"]), round(residual["df"]))


def compare(
    groups: Mapping[Any, ArrayLike], pairs: Iterable[tuple[Any, Any]] | None = None
) -> list[Comparison]:
    """Unpaired two-tailed t-tests of groups of equal variance (Student's), corrected by Bonferroni.

    Parameters
    ----------
    groups : mapping of names to (n,) values
        By name; two values or more each, not all the same in both of a pair.
    pairs : iterable of (name, name), optional
        Which to compare; all pairs if not given.

    Raises
    ------
    InputError
        Where a group is unknown, has fewer than two values or one that is not finite, or no value
        of a pair differs from its group's others but by rounding.
    """
    # Nothing else here needs it, and it takes half a second to import.
    from scipy import stats

    chosen = list(itertools.combinations(groups, 2) if pairs is None else pairs)
    found = []
    for names in chosen:
        one, other = (_group(groups, name) for name in names)
        if alike(one) and alike(other):
            raise InputError(
                f"the values of '{names[0]}' are all the same, and those of '{names[1]}' too: "
                "there is nothing to test"
            )
        test = stats.ttest_ind(one, other)
        p = float(test.pvalue)
        corrected = min(1.0, p * len(chosen))
        found.append(Comparison(*names, float(test.statistic), round(test.df), p, corrected))
    return found


def _group(groups: Mapping[Any, ArrayLike], name: Any) -> NDArray:
    if name not in groups:
        raise InputError(f"unknown group '{name}': choose among {', '.join(map(str, groups))}")
    values = numbers(f"the group '{name}'", groups[name])
    if values.ndim != 1 or values.size < 2:
        raise InputError(
            f"the group '{name}' has shape {values.shape}: give a vector of two values or more"
        )
    return values


def _check_design(y: NDArray, codes: list[NDArray]) -> None:
    if y.ndim != 1 or not y.size or any(each.shape != y.shape for each in codes):
        shapes = ", ".join(str(each.shape) for each in (y, *codes))
        raise InputError(f"values and factors have shapes {shapes}: give vectors of one length")
    sizes = [int(each.max()) + 1 for each in codes]
    if min(sizes) < 2:
        raise InputError(
            f"the factors have {sizes[0]} and {sizes[1]} levels: give two or more of each"
        )
    cells = codes[0] * sizes[1] + codes[1]
    counts = np.bincount(cells, minlength=sizes[0] * sizes[1])
    if counts.min() == 0:
        raise InputError(
            f"{np.sum(counts == 0)} of {counts.size} combinations of levels have no value: give "
            "at least one of each"
        )
    # Not from their mean, which is rounded: equal values differ from it.
    first = y[np.unique(cells, return_index=True)[1]]
    if np.abs(y - first[cells]).max() <= ROUNDING * np.abs(y).max():
        raise InputError(
            "no value differs from the others of its combination of levels: give several that do"
        )


def _library() -> tuple[Any, Any]:
    """The packages pandas and statsmodels."""
    try:
        import pandas
        import statsmodels.formula.api
        import statsmodels.stats.anova
    except ImportError:
        raise InputError(
            "statsmodels, which analyses variance, is not installed: "
            "pip install 'sparsedend[analysis]'"
        ) from None
    return pandas, statsmodels
