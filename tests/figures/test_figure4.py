from math import log10

import pytest

from sparsedend import style
from sparsedend.figures import figure4
from tests.figures.runs import of, panels, run, small, texts, trials


def drawn(*rows):
    with style.journal():
        figure, missing, _ = figure4.draw(of(*rows))
    return panels(figure), missing


#: Each dANN against its own vANN; the pdANN's is the plain one.
ROWS = [
    *trials("vann", (2, 32), (0.9, 0.9), (0.2, 0.2)),
    *trials("pdann", (1, 32), (0.8, 0.8), (0.4, 0.4)),
    *trials("vann-lrf", (1, 32), (0.6, 0.7), (0.5, 0.7)),
    *trials("dann-lrf", (1, 32), (0.7, 0.7), (0.5, 0.5)),
]


def test_each_dendritic_model_is_compared_with_its_own_vann():
    axes, _ = drawn(ROWS)
    found = [(each.get_height(), each.get_hatch()) for each in axes["a"].patches]
    assert found == [(320, None), (3200, None), (320, "/////"), (6400, None)]


def test_differences_of_scores_seed_by_seed():
    """F of the vANN-LRF is log10(32000) / log10(3200), of the dANN-LRF 1."""
    axes, missing = drawn(ROWS)
    f = log10(32000) / log10(3200)
    lrf, pdann = (each.get_height() for each in axes["c"].patches)
    assert lrf == pytest.approx(0.7 - 0.65 / f)
    assert pdann == pytest.approx(0.8 - 0.9 * log10(3200) / log10(64000))
    segment = axes["c"].collections[0].get_segments()[0][:, 1]
    assert (segment[1] - segment[0]) / 2 == pytest.approx(0.1 / f / 2**0.5)
    assert axes["d"].patches[0].get_height() == pytest.approx(0.5 - 0.6 * f)
    assert "runs of dANN-R, vANN-R, dANN-GRF, vANN-GRF on FMNIST" in missing


def test_the_difference_from_a_vann_that_is_never_beaten_is_hatched():
    """By accuracy the pdANN never beats its vANN, nor by loss; the dANN-LRF does by both."""
    axes, _ = drawn(ROWS)
    for panel in "cd":
        assert [each.get_hatch() for each in axes[panel].patches] == [None, "/////"]


def test_dendritic_models_are_light_and_their_vanns_dark():
    axes, _ = drawn(ROWS)
    for dendritic, dense in zip(axes["a"].patches[::2], axes["a"].patches[1::2], strict=True):
        assert sum(dendritic.get_facecolor()) > sum(dense.get_facecolor())


def test_all_pairs_of_a_full_sweep():
    rows = [
        row for name in ("mnist", "fmnist") for row in small(dataset=name, models=figure4.MODELS)
    ]
    axes, missing = drawn(rows)
    assert len(axes["a"].patches) == 16
    assert len(axes["c"].patches) == 8
    assert missing == ["all runs on KMNIST, EMNIST, CIFAR-10"]


def test_half_a_pair_cannot_be_compared():
    axes, missing = drawn([run("dann-r", (1, 32)), run("vann-grf", (1, 32))])
    assert "no pair to compare" in texts(axes["c"])
    assert [each.get_height() for each in axes["a"].patches] == [3200]
    assert "runs of vANN-R, dANN-LRF, vANN-LRF, dANN-GRF, pdANN, vANN on FMNIST" in missing
