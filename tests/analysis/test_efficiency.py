"""Scores and matching by worked arithmetic."""

import math

import numpy as np
import pytest

from sparsedend import InputError, analysis


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


def test_runs_of_several_kinds_are_not_averaged():
    mixed = dict(GRID, noise=np.where(GRID["seed"] == 2, 0.5, 0.0))
    with pytest.raises(InputError, match=r"vann fmnist 1 32 has runs with noise 0.0, 0.5: select"):
        analysis.summarize(mixed)


def test_several_data_sets_cannot_be_matched():
    other = dict(GRID, dataset=np.full(8, "mnist"))
    mixed = [*analysis.summarize(GRID), *analysis.summarize(other)]
    with pytest.raises(InputError, match="configurations are on fmnist, mnist"):
        analysis.matching(mixed)
