from math import log10

import numpy as np
import pytest

from sparsedend import InputError, datasets, style
from sparsedend.datasets import Dataset
from sparsedend.figures import figure7
from tests.figures.runs import of, panels, run, small, texts, trials

FOUR = ("dann-r", "dann-lrf", "dann-grf", "vann")


@pytest.fixture(autouse=True)
def images(digits, monkeypatch):
    """No test asks for images that would be downloaded."""
    monkeypatch.setattr(datasets, "load", lambda name: digits)


def drawn(*rows):
    with style.journal():
        figure, missing, _ = figure7.draw(of(*rows))
    return panels(figure), missing


#: One size a model, in which it matches.
ROWS = [
    row
    for sigma, loss in ((0.0, 0.5), (0.5, 1.0))
    for rank, model in enumerate(FOUR)
    for row in trials(model, (1, 32), (0.9 - rank / 10,) * 2, (loss, loss + 0.2), noise=sigma)
]
#: What the paper has besides.
LEVELS = ["with noise, all runs of these sizes, at σ = 0.25, 0.75, 1"]
SEQUENTIAL = [
    row
    for rank, model in enumerate(FOUR)
    for row in trials(model, (1, 32), (0.6, 0.7), (1.0, 2.0), sequential=True)
]


def test_all_panels():
    axes, missing = drawn(ROWS, SEQUENTIAL)
    assert missing == LEVELS
    assert list(axes) == ["a", "b", "right of b", "c", "d", "right of d"]
    assert [text.get_text() for text in axes["a"].texts] == [
        *("σ = 0", "σ = 0.25", "σ = 0.5", "σ = 0.75", "σ = 1"),
    ]
    assert len(axes["c"].texts) == 12
    for panel in ("b", "right of b"):
        assert len(axes[panel].lines) == len(axes[panel].collections) == 4
        assert axes[panel].get_xticks().tolist() == [0, 0.5]
    for panel in ("d", "right of d"):
        assert len(axes[panel].patches) == 4
    assert axes["right of d"].get_yscale() == "log"
    assert axes["d"].get_yscale() == "linear"


def test_noise_grows_from_left_to_right():
    axes, _ = drawn(ROWS)
    shown = np.asarray(axes["a"].images[0].get_array())[..., 0]
    parts = np.split(shown, 5, axis=1)
    moved = [np.abs(part - parts[0]).mean() for part in parts]
    assert moved[0] == 0
    assert moved == sorted(moved)
    assert moved[1] > 0.05


def test_scores_against_noise():
    """K is 3200 for dANNs and 32000 for the vANN, so that f is 1 and their logarithms' ratio."""
    f = log10(32000) / log10(3200)
    axes, _ = drawn(ROWS)
    first, *_, last = (line.get_xydata() for line in axes["b"].lines)
    np.testing.assert_allclose(first, [[0, 0.9], [0.5, 0.9]])
    np.testing.assert_allclose(last, [[0, 0.6 / f], [0.5, 0.6 / f]])
    first, *_, last = (line.get_xydata() for line in axes["right of b"].lines)
    np.testing.assert_allclose(first, [[0, 0.6], [0.5, 1.1]])
    np.testing.assert_allclose(last, [[0, 0.6 * f], [0.5, 1.1 * f]])
    edges = axes["right of b"].collections[0].get_paths()[0].vertices
    at = edges[edges[:, 0] == 0.5, 1]
    deviation = 0.2 / 2**0.5
    assert (at.min(), at.max()) == pytest.approx((1.1 - deviation, 1.1 + deviation))


def test_scores_in_sequential_learning():
    f = log10(32000) / log10(3200)
    axes, _ = drawn(ROWS, SEQUENTIAL)
    found = [each.get_height() for each in axes["d"].patches]
    assert found == pytest.approx([0.65, 0.65, 0.65, 0.65 / f])
    found = [each.get_height() for each in axes["right of d"].patches]
    assert found == pytest.approx([1.5, 1.5, 1.5, 1.5 * f])


def test_what_was_not_tried_is_said():
    axes, missing = drawn(small())
    assert texts(axes["b"]) == "accuracy efficiency score:\nno runs with noise"
    assert texts(axes["right of d"]) == "loss efficiency score:\nno runs of sequential learning"
    assert missing == ["runs with noise", "runs of sequential learning"]


def test_models_and_trials_that_are_missing():
    rows = [row for row in ROWS if row["seed"] == 1 and row["model"] != "dann-grf"]
    _, missing = drawn(rows, [row for row in SEQUENTIAL if row["model"] == "dann-r"])
    single = "shades of dANN-LRF, dANN-R, vANN, with one trial of a size"
    assert missing == [
        *LEVELS,
        "with noise, runs of dANN-GRF, at σ = 0, 0.5",
        f"with noise, {single}, at σ = 0, 0.5",
        "in sequential learning, runs of dANN-LRF, dANN-GRF, vANN",
    ]


def test_another_size_in_the_place_of_the_one_that_matches_is_said():
    _, missing = drawn(
        ROWS,
        [run("vann", (1, 32), 1, 0.1, sequential=True)],
        [run("dann-r", (2, 32), 1, 0.1, sequential=True)],
    )
    assert (
        "in sequential learning, dANN-R with D=1 S=32, its size by figure 3a; D=2 S=32 stands in"
        in missing
    )


def test_images_that_cannot_be_read_are_missing(monkeypatch):
    def refuse(name):
        raise InputError("no network: connect")

    monkeypatch.setattr(datasets, "load", refuse)
    axes, missing = drawn(ROWS, SEQUENTIAL)
    assert texts(axes["a"]) == texts(axes["c"]) == "images of FMNIST cannot be read"
    assert missing == ["images of fmnist (no network: connect)", *LEVELS]


def test_all_levels_of_the_paper():
    rows = [row for sigma in (0.25, 0.75, 1.0) for row in small(SEEDS, models=FOUR, noise=sigma)]
    rows += [row for sigma in (0.0, 0.5) for row in small(SEEDS, models=FOUR, noise=sigma)]
    assert not any("σ" in line for line in drawn(rows)[1])


SEEDS = (1, 2)


def test_runs_of_a_task_that_all_failed_are_told():
    failed = [
        run("vann", (1, 32), seed, error="broke", **how)
        for how, seeds in (({"noise": 0.5}, (1, 2)), ({"sequential": True}, (1,)))
        for seed in seeds
    ]
    assert drawn(small(), failed)[1] == [
        "runs with noise",
        "with noise, 2 runs, which failed",
        "runs of sequential learning",
        "in sequential learning, 1 run, which failed",
    ]
    plain = run("vann", (4, 32), error="broke")
    assert drawn(small(), [plain])[1] == ["runs with noise", "runs of sequential learning"]


@pytest.mark.parametrize("count", [1, 2])
def test_few_test_images_of_each_class(count, digits, monkeypatch):
    """As many are shown as there are."""
    chosen = np.sort([np.flatnonzero(digits.test_y == n)[:count] for n in range(10)], axis=None)
    parts = (digits.train_x, digits.train_y, digits.test_x[chosen], digits.test_y[chosen])
    few = Dataset(digits.name, digits.class_names, *parts)
    monkeypatch.setattr(datasets, "load", lambda name: few)
    axes, _ = drawn(ROWS)
    assert len(axes["c"].texts) == 12
    assert axes["c"].images[0].get_array().shape[:2] == (8, 10 * count * 9)
