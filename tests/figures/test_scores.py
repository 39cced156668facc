"""Scores by worked arithmetic."""

import math

import pytest

from sparsedend import InputError, analysis
from sparsedend.figures import scores
from tests.figures.runs import of, run

#: With best epoch 10, k is 1e4, 1e6, 1e5 and 1e7.
ROWS = [
    run("dann-r", (1, 32), 1, 0.9, 0.3, parameters=1_000),
    run("vann", (1, 32), 1, 0.96, 0.2, parameters=100_000),
    run("dann-r", (1, 32), 2, 0.8, 0.4, parameters=10_000),
    run("vann", (1, 32), 2, 0.7, 0.8, parameters=1_000_000),
]


def test_each_trial_has_its_own_score():
    """F is 1, 1.5, 1.25 and 1.75."""
    assert scores.scores(of(ROWS), "accuracy") == {
        "dann-r": {1: pytest.approx(0.9), 2: pytest.approx(0.64)},
        "vann": {1: pytest.approx(0.64), 2: pytest.approx(0.4)},
    }
    assert scores.scores(of(ROWS), "loss") == {
        "dann-r": {1: pytest.approx(0.3), 2: pytest.approx(0.5)},
        "vann": {1: pytest.approx(0.3), 2: pytest.approx(1.4)},
    }


def test_no_runs_have_no_scores():
    with pytest.raises(InputError, match="no configurations"):
        scores.scores(of(), "loss")


def test_spreads_over_the_trials():
    found = scores.spreads(scores.scores(of(ROWS), "accuracy"))
    assert found["dann-r"] == pytest.approx((0.77, 0.26 / math.sqrt(2)))
    assert math.isnan(scores.Spread.of([3.0]).deviation)


def test_a_spread_is_told_with_its_deviation_if_there_is_one():
    assert scores.Spread(0.5, 0.25).told(3) == "0.500 ± 0.250"
    assert scores.Spread(0.5, 0.25).told(1, 100) == "50.0 ± 25.0"
    assert scores.Spread(0.5, math.nan).told(2) == "0.50"


def test_each_model_s_own_best_on_a_data_set():
    rows = [
        run("vann", (1, 32), 1, 0.5, 0.2),
        run("vann", (2, 32), 1, 0.6, 0.4),
        run("pdann", (1, 32), 1, 0.1, 0.9),
        run("vann", (4, 32), 1, 0.9, 0.1, dataset="mnist"),
    ]
    given = analysis.summarize(of(rows).columns())
    found = scores.own_best(given, "fmnist", "accuracy")
    assert {model: each.dendrites for model, each in found.items()} == {"pdann": 1, "vann": 2}
    assert scores.own_best(given, "fmnist", "loss")["vann"].dendrites == 1
    assert scores.own_best(given, "kmnist", "loss") == {}


def test_differences_are_taken_seed_by_seed():
    found = {"a": {1: 3.0, 2: 5.0, 3: 9.0}, "b": {2: 1.0, 1: 2.0, 4: 0.0}}
    assert scores.differences(found, "a", "b") == pytest.approx((2.5, 3 / math.sqrt(2)))
    assert scores.differences(found, "a", "c") is None
    assert scores.differences({"a": {1: 1.0}, "b": {2: 1.0}}, "a", "b") is None


def test_what_matches_is_of_one_data_set():
    rows = [
        run("vann", (1, 32), 1, 0.5),
        run("dann-r", (1, 32), 1, 0.6),
        run("dann-r", (1, 32), 1, 0.9, dataset="mnist"),
    ]
    given = analysis.summarize(of(rows).columns())
    found = scores.matching(given, "fmnist", "vann", "accuracy")
    assert {each.dataset for each in found.values()} == {"fmnist"}
    assert scores.matching(given, "mnist", "vann", "accuracy") == {}


@pytest.mark.parametrize(("by", "holds"), [("accuracy", True), ("loss", False)])
def test_better_is_more_accuracy_or_less_loss(by, holds):
    better, worse = analysis.summarize(
        of(run("dann-r", (1, 32), 1, 0.9, 0.4), run("vann", (1, 32), 1, 0.8, 0.3)).columns()
    )
    assert scores.beats(better, worse, by) is holds
    assert scores.beats(worse, better, by) is not holds
    assert not scores.beats(better, better, by)
