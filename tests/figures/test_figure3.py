import pytest

from sparsedend import style
from sparsedend.figures import figure3
from tests.figures.runs import MODELS, of, panels, run, small, texts, trials


def drawn(*rows):
    with style.journal():
        figure, missing, _ = figure3.draw(of(*rows))
    return panels(figure), missing


def heights(axis):
    """Height, colour and hatch of each bar."""
    return [
        (each.get_height(), each.get_facecolor()[:3], each.get_hatch()) for each in axis.patches
    ]


def colour(model):
    return pytest.approx(style.library().colors.to_rgb(style.colour(model)))


def test_all_data_sets_of_the_paper_and_others():
    axes, missing = drawn(small(), small(dataset="digits", epochs=2))
    names = ["MNIST", "FMNIST", "KMNIST", "EMNIST", "CIFAR-10", "digits"]
    for axis in axes.values():
        assert [text.get_text() for text in axis.get_xticklabels()] == names
        assert len(axis.patches) == 2 * len(MODELS)
        assert texts(axis) == "no runs no runs no runs no runs"
    assert missing == ["all runs on MNIST, KMNIST, EMNIST, CIFAR-10"]


#: By accuracy the vANN's best is 0.8 with D=2, by loss 0.4 with D=1.
ROWS = [
    *trials("vann", (1, 32), (0.70, 0.72), (0.4, 0.4)),
    *trials("vann", (2, 32), (0.79, 0.81), (0.5, 0.5)),
    *trials("dann-r", (1, 32), (0.78, 0.78), (0.3, 0.3)),
    *trials("dann-r", (4, 32), (0.85, 0.87), (0.2, 0.4)),
    *trials("pdann", (1, 32), (0.60, 0.60), (0.9, 0.9)),
]
#: Matches by accuracy alone.
GRF = trials("dann-grf", (1, 32), (0.9, 0.9), (0.45, 0.45))


def test_parameters_that_match():
    """The pdANN never does, and is hatched with its own best."""
    axes, _ = drawn(ROWS, GRF)
    assert heights(axes["a"]) == [
        (1280, colour("dann-r"), None),
        (320, colour("dann-grf"), None),
        (320, colour("pdann"), "/////"),
        (6400, colour("vann"), None),
    ]
    assert heights(axes["b"]) == [
        (320, colour("dann-r"), None),
        (320, colour("dann-grf"), "/////"),
        (320, colour("pdann"), "/////"),
        (3200, colour("vann"), None),
    ]
    assert axes["a"].get_yscale() == "log"


def test_scores_of_what_matches():
    """Mean accuracies 0.86, 0.6 and 0.8; best epoch 10; f against the least, 3200."""
    from numpy import log10

    axes, _ = drawn(ROWS)
    f = [log10(k) / log10(3200) for k in (12800, 3200, 64000)]
    found = [each.get_height() for each in axes["c"].patches]
    assert found == pytest.approx([0.86 / f[0], 0.60, 0.80 / f[2]])
    f = [1, 1, log10(32000) / log10(3200)]
    found = [each.get_height() for each in axes["d"].patches]
    assert found == pytest.approx([0.3, 0.9, 0.4 * f[2]])
    assert axes["c"].get_yscale() == "linear"


def test_error_bars_are_one_deviation():
    axes, _ = drawn(ROWS)
    f = 4.1072099696478683 / 3.505149978319906  # log10(12800) / log10(3200)
    (ends, *_) = (each.get_segments()[0][:, 1] for each in axes["c"].collections)
    assert (ends[1] - ends[0]) / 2 == pytest.approx(0.02 / 2**0.5 / f)


def test_without_a_vann_nothing_can_be_matched():
    axes, missing = drawn([run("dann-r", (1, 32))])
    assert "no vANN to match" in texts(axes["a"])
    assert axes["a"].get_yscale() == "linear"
    assert "runs of dANN-LRF, dANN-GRF, pdANN, vANN on FMNIST" in missing
    assert "error bars of dANN-R, with one trial of a size" in missing
