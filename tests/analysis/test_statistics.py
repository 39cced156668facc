"""Analyses of variance against published tables and least squares, t-tests by worked arithmetic."""

import sys

import numpy as np
import pytest
from scipy import stats

from sparsedend import InputError, analysis

#: Lengths of guinea pigs' teeth by supplement and dose of vitamin C (Crampton, Journal of Nutrition
#: 33:491, 1947), R's data set ToothGrowth.
TEETH = {
    ("VC", 0.5): [4.2, 11.5, 7.3, 5.8, 6.4, 10.0, 11.2, 11.2, 5.2, 7.0],
    ("VC", 1.0): [16.5, 16.5, 15.2, 17.3, 22.5, 17.3, 13.6, 14.5, 18.8, 15.5],
    ("VC", 2.0): [23.6, 18.5, 33.9, 25.5, 26.4, 32.5, 26.7, 21.5, 23.3, 29.5],
    ("OJ", 0.5): [15.2, 21.5, 17.6, 9.7, 14.5, 10.0, 8.2, 9.4, 16.5, 9.7],
    ("OJ", 1.0): [19.7, 23.3, 23.6, 26.4, 20.0, 25.2, 25.8, 21.2, 14.5, 27.3],
    ("OJ", 2.0): [25.5, 26.4, 22.4, 24.5, 24.8, 30.9, 26.4, 27.3, 29.4, 23.0],
}


def rows(table):
    """Values, and the levels of both factors."""
    found = [(value, *key) for key, values in table.items() for value in values]
    return tuple(zip(*found, strict=True))


def residual(y, *columns):
    """Sum of squares that is left of y by least squares on columns."""
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.sum((y - design @ np.linalg.lstsq(design, y)[0]) ** 2)


def test_a_published_table():
    """As R's anova(lm(len ~ supp * factor(dose), ToothGrowth)) prints it."""
    pytest.importorskip("statsmodels")
    found = analysis.two_way_anova(*rows(TEETH))
    supplement, dose, both = found[:3]
    assert (supplement.df, dose.df, both.df, found.residual_df) == (1, 2, 2, 54)
    assert supplement.sum_of_squares == pytest.approx(205.35, abs=0.05)
    assert dose.sum_of_squares == pytest.approx(2426.43, abs=0.05)
    assert both.sum_of_squares == pytest.approx(108.32, abs=0.05)
    assert found.residual == pytest.approx(712.11, abs=0.05)
    assert supplement.f == pytest.approx(15.572, abs=5e-4)
    assert dose.f == pytest.approx(92.0, abs=5e-3)
    assert both.f == pytest.approx(4.107, abs=5e-4)
    assert supplement.p == pytest.approx(0.000231, abs=5e-7)
    assert dose.p < 2e-16
    assert both.p == pytest.approx(0.021860, abs=5e-6)


def test_unbalanced_designs_are_of_type_two():
    """Each factor after the other, without the interaction; by least squares."""
    pytest.importorskip("statsmodels")
    uneven = {key: values[: 3 + 2 * place] for place, (key, values) in enumerate(TEETH.items())}
    values, first, second = map(np.array, rows(uneven))
    found = analysis.two_way_anova(values, first, second)
    a = [(first == "VC").astype(float)]
    b = [(second == dose).astype(float) for dose in (1.0, 2.0)]
    both = [one * other for one in a for other in b]
    left = residual(values, *a, *b, *both)
    assert found.residual == pytest.approx(left)
    additive = residual(values, *a, *b)
    for effect, without in ((found.first, b), (found.second, a)):
        assert effect.sum_of_squares == pytest.approx(residual(values, *without) - additive)
    assert found.interaction.sum_of_squares == pytest.approx(additive - left)
    f = found.first.sum_of_squares / (left / found.residual_df)
    assert found.first.f == pytest.approx(f)
    assert found.first.p == pytest.approx(stats.f.sf(f, 1, found.residual_df))


def test_levels_of_any_kind():
    pytest.importorskip("statsmodels")
    values, supplement, dose = rows(TEETH)
    first = [None if name == "VC" else 1 for name in supplement]
    second = ["1" if each == 1.0 else int(2 * each) for each in dose]
    found, named = (
        analysis.two_way_anova(values, first, second),
        analysis.two_way_anova(*rows(TEETH)),
    )
    np.testing.assert_allclose(np.ravel(found[:3]), np.ravel(named[:3]))


def test_a_t_test():
    """Means 2 and 4, variances 1 and 4: t = -2 / sqrt(2.5 · 2/3)."""
    (found,) = analysis.compare({"a": [1, 2, 3], "b": [2, 4, 6]})
    assert (found.first, found.second, found.df) == ("a", "b", 4)
    assert found.t == pytest.approx(-2 / np.sqrt(5 / 3))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.t), 4))
    assert found.corrected == found.p


def test_p_is_multiplied_by_the_number_of_tests():
    rng = np.random.default_rng(4)
    groups = {name: rng.normal(shift, 1, 6) for name, shift in (("a", 0), ("b", 0.1), ("c", 4))}
    found = analysis.compare(groups)
    assert [(each.first, each.second) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    for each in found:
        test = stats.ttest_ind(groups[each.first], groups[each.second])
        assert (each.t, each.p) == pytest.approx((test.statistic, test.pvalue))
        assert each.corrected == pytest.approx(min(1, 3 * test.pvalue))
    assert found[0].corrected == 1.0
    (one,) = analysis.compare(groups, [("c", "a")])
    assert one.corrected == one.p == pytest.approx(found[1].p)
    assert one.t == pytest.approx(-found[1].t)


TWO = {"a": [1.0, 2.0], "b": [3.0, 4.0]}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.compare(TWO, [("a", "c")]), "unknown group 'c': choose among a, b"),
        (lambda: analysis.compare(TWO | {"b": [1.0]}), "the group 'b' has shape"),
        (
            lambda: analysis.compare(TWO | {"b": [1.0, np.inf]}),
            "the group 'b' holds inf at 1: give",
        ),
        (
            lambda: analysis.compare(TWO | {"b": ["x", "y"]}),
            "the group 'b' is of <U1: give numbers",
        ),
        (lambda: analysis.compare({"a": [1, 1], "b": [2, 2]}), "are all the same, and those of"),
        (lambda: analysis.compare({"a": [0.1 + 0.2, 0.3], "b": [2, 2]}), "are all the same, and "),
        (lambda: analysis.two_way_anova([1, 2], [0, 1], [0]), r"shapes \(2,\), \(2,\), \(1,\)"),
        (lambda: analysis.two_way_anova([], [], []), "give vectors of one length"),
        (lambda: analysis.two_way_anova([1, np.nan], [0, 1], [0, 1]), "of values holds nan at 1"),
        (lambda: analysis.two_way_anova(["a"], [0], [0]), "the vector of values is of <U1: give n"),
        (lambda: analysis.two_way_anova([1], [[0]], [0]), "levels of the first factor are no vec"),
        (lambda: analysis.two_way_anova([1], [0], 0), "levels of the second are no vector of nam"),
        (lambda: analysis.two_way_anova([1, 2], [0, 0], [0, 1]), "the factors have 1 and 2 levels"),
        (
            lambda: analysis.two_way_anova([1, 2, 3], [0, 0, 1], [0, 1, 0]),
            "1 of 4 combinations of levels have no value",
        ),
        (
            lambda: analysis.two_way_anova([1, 2, 3, 4], [0, 0, 1, 1], [0, 1, 0, 1]),
            "no value differs from the others of its combination",
        ),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("trials", [3, 20_000])
def test_values_that_are_equal_but_for_the_rounding_of_their_mean(trials):
    values = np.repeat([0.1, 0.2, 0.3, 0.7], trials)
    first, second = (np.repeat(each, trials) for each in (["a", "a", "b", "b"], [1, 2, 1, 2]))
    with pytest.raises(InputError, match="no value differs from the others of its combination"):
        analysis.two_way_anova(values, first, second)


def test_without_statsmodels_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "statsmodels.formula.api", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[analysis\]'"):
        analysis.two_way_anova(*rows(TEETH))
