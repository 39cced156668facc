"""Scores and matching by worked arithmetic."""

import math

import numpy as np
import pytest

from sparsedend import InputError, analysis
from sparsedend.analysis.efficiency import SHARED


def table(*rows):
    """Columns of rows (model, D, S, seed, accuracy, loss), with parameters 100 · D · S."""
    model, dendrites, somata, seed, accuracy, loss = map(np.array, zip(*rows, strict=True))
    return {
        "model": model,
        "dataset": np.full(len(rows), "fmnist"),
        "dendrites": dendrites,
        "somata": somata,
        "seed": seed,
        "parameters": 100 * dendrites * somata,
        "best_epoch": np.full(len(rows), 10),
        "test_accuracy": accuracy,
        "test_loss": loss,
    }


GRID = table(
    ("vann", 1, 32, 1, 0.80, 0.50),
    ("vann", 1, 32, 2, 0.90, 0.70),
    ("vann", 2, 32, 1, 0.85, 0.40),
    ("dann-r", 2, 32, 1, 0.90, 0.30),
    ("dann-r", 1, 64, 1, 0.86, 0.45),
    ("dann-r", 1, 32, 1, 0.70, 0.80),
    ("sann", 1, 32, 1, 0.60, 0.90),
    ("sann", 2, 64, 1, 0.65, 0.95),
)


def test_means_over_trials():
    first = analysis.summarize(GRID)[-2]
    assert (first.model, first.dendrites, first.somata, first.trials) == ("vann", 1, 32, 2)
    assert first.accuracy == pytest.approx(0.85)
    assert first.accuracy_sd == pytest.approx(0.1 / math.sqrt(2))
    assert first.loss == pytest.approx(0.6)
    assert math.isnan(analysis.summarize(GRID)[0].accuracy_sd)


def test_matching_walks_the_grid_with_dendrites_outside():
    """The vANN's best mean is .85 / .40: D=1, S=64 beats the accuracy, D=2, S=32 the loss."""
    configurations = analysis.summarize(GRID)
    by_accuracy = analysis.matching(configurations)
    assert (by_accuracy["dann-r"].dendrites, by_accuracy["dann-r"].somata) == (1, 64)
    by_loss = analysis.matching(configurations, by="loss")
    assert (by_loss["dann-r"].dendrites, by_loss["dann-r"].somata) == (2, 32)
    assert by_loss["vann"].loss == pytest.approx(0.40)


def test_only_what_beats_the_reference_matches():
    """A tie does not: .5 with D=1 is as good as the vANN's, .75 with D=2 is better; so with .25."""
    tied = table(
        ("vann", 1, 32, 1, 0.5, 0.5),
        ("vann", 2, 32, 1, 0.25, 0.75),
        ("dann-r", 1, 32, 1, 0.5, 0.5),
        ("dann-r", 2, 32, 1, 0.75, 0.25),
        ("sann", 1, 32, 1, 0.5, 0.5),
        ("sann", 2, 32, 1, 0.25, 0.75),
    )
    configurations = analysis.summarize(tied)
    for by in ("accuracy", "loss"):
        found = analysis.matching(configurations, by=by)
        assert {model: each.dendrites for model, each in found.items()} == {
            "vann": 1,
            "dann-r": 2,
            "sann": 1,
        }


def test_the_first_of_equals_is_best():
    equal = table(*(("vann", size, 32, 1, 0.5, 0.5) for size in (1, 2, 4)))
    for by in ("accuracy", "loss"):
        assert analysis.best(analysis.summarize(equal), by).dendrites == 1
        assert analysis.best(analysis.summarize(equal)[::-1], by).dendrites == 4


def test_configurations_come_as_the_grid_is_walked():
    """By numbers, not texts: 4 before 16."""
    rows = [
        (model, dendrites, somata, 1, 0.5, 0.5)
        for model in ("vann", "dann-r")
        for dendrites in (16, 4)
        for somata in (128, 32)
    ]
    found = [(each.model, each.dendrites, each.somata) for each in analysis.summarize(table(*rows))]
    assert found == sorted(row[:3] for row in rows)
    assert found[0] == ("dann-r", 4, 32)


def test_another_reference():
    configurations = analysis.summarize(GRID)
    found = analysis.matching(configurations, "sann")
    assert found["sann"].accuracy == 0.65
    assert (found["dann-r"].dendrites, found["dann-r"].somata) == (1, 32)


def test_means_of_the_other_figures():
    """Parameters and best epochs too are means over the trials."""
    trials = table(("vann", 1, 32, 1, 0.5, 1.0), ("vann", 1, 32, 2, 0.7, 3.0))
    trials |= {"best_epoch": np.array([2, 5]), "parameters": np.array([10, 30])}
    (found,) = analysis.summarize(trials)
    assert (found.best_epoch, found.parameters, found.loss) == (3.5, 20.0, 2.0)
    assert found.loss_sd == pytest.approx(math.sqrt(2))
    (score,) = analysis.efficiency([found])
    assert (score.f, score.accuracy_score, score.loss_score) == pytest.approx((1, 0.6, 2.0))


def test_a_model_that_never_matches_gives_its_own_best():
    configurations = analysis.summarize(GRID)
    assert analysis.matching(configurations)["sann"].accuracy == 0.65
    assert analysis.matching(configurations, by="loss")["sann"].loss == 0.90


def test_efficiency_scores():
    """K is parameters times the best epoch, counted from 1: 1e4 and 1e6 give f = 1 and 1.5."""
    small = table(("dann-r", 2, 5, 1, 0.9, 0.3), ("vann", 20, 50, 1, 0.96, 0.2))
    scores = analysis.efficiency(analysis.summarize(small))
    assert [score.f for score in scores] == pytest.approx([1, 1.5])
    assert [score.accuracy_score for score in scores] == pytest.approx([0.9, 0.64])
    assert [score.loss_score for score in scores] == pytest.approx([0.3, 0.3])


def test_best():
    configurations = analysis.summarize(GRID)
    assert analysis.best(configurations).accuracy == 0.90
    assert analysis.best(configurations, by="loss").loss == 0.30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: analysis.summarize({"model": []}), "no column dataset, dendrites, somata, param"),
        (
            lambda: analysis.summarize(
                table(("vann", 1, 1, 1, 0.5, 1.0), ("vann", 1, 1, 1, 0.6, 1.0))
            ),
            "vann fmnist 1 1 has several runs of the same seed",
        ),
        (lambda: analysis.best([]), "there are no configurations"),
        (lambda: analysis.best(analysis.summarize(GRID), by="size"), "'size' is no figure"),
        (lambda: analysis.matching(analysis.summarize(GRID), "pdann"), "no 'pdann' among"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("name", SHARED)
def test_runs_of_several_kinds_are_not_averaged(name):
    mixed = dict(GRID, **{name: np.where(GRID["seed"] == 2, 0.5, 0.0)})
    with pytest.raises(
        InputError, match=rf"vann fmnist 1 32 has runs with {name} 0.0, 0.5: select"
    ):
        analysis.summarize(mixed)


def test_trials_of_a_configuration_differ_in_their_seed_alone():
    assert {"synapses", "layers", "learning_rate", "optimizer", "dropout", "noise"} <= set(SHARED)
    assert not {"model", "dataset", "dendrites", "somata", "seed"} & set(SHARED)


def test_runs_without_a_value_are_of_one_kind():
    """NaN, which differs from itself, stands for a patience that is not given."""
    absent = dict(GRID, patience=np.full(8, np.nan))
    assert len(analysis.summarize(absent)) == 7
    mixed = dict(GRID, patience=np.where(GRID["seed"] == 2, 5.0, np.nan))
    with pytest.raises(InputError, match=r"has runs with patience 5.0, nan"):
        analysis.summarize(mixed)


def test_a_single_parameter_and_epoch_have_no_efficiency():
    one = table(("vann", 1, 1, 1, 0.5, 1.0), ("dann-r", 1, 1, 1, 0.5, 1.0))
    one |= {"parameters": np.array([1, 5]), "best_epoch": np.array([1, 1])}
    with pytest.raises(InputError, match="vann with 1 parameters and best epoch 1 has no effic"):
        analysis.efficiency(analysis.summarize(one))


def test_several_data_sets_cannot_be_matched():
    other = dict(GRID, dataset=np.full(8, "mnist"))
    mixed = [*analysis.summarize(GRID), *analysis.summarize(other)]
    with pytest.raises(InputError, match="configurations are on fmnist, mnist"):
        analysis.matching(mixed)
