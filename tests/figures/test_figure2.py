import numpy as np
import pytest
from scipy import stats

from sparsedend import InputError, datasets, style
from sparsedend.figures import figure2
from tests.figures.runs import MODELS, SIZES, of, panels, run, small, texts, trials


@pytest.fixture(autouse=True)
def images(digits, monkeypatch):
    """No test asks for images that would be downloaded."""
    monkeypatch.setattr(datasets, "load", lambda name: digits)


def drawn(*rows):
    with style.journal():
        figure, missing, _ = figure2.draw(of(*rows))
    return panels(figure), missing


def test_all_panels_of_a_full_sweep():
    axes, missing = drawn(small())
    assert missing == []
    assert list(axes) == ["a", "b", "c", "d", "e"]
    assert len(axes["a"].texts) == 10
    for panel in "bc":
        assert axes[panel].get_xscale() == "log"
        assert len(axes[panel].collections) == len(MODELS)
    for panel in "de":
        assert [text.get_text() for text in axes[panel].get_xticklabels()] == ["1", "2"]
        # Four models with two numbers of somata, and the line at the best vANN.
        assert len(axes[panel].lines) == 9


def test_means_against_parameters():
    """In the order of parameters, with Student's interval; accuracy in %."""
    rows = [
        *trials("dann-r", (2, 32), (0.5, 0.7), (0.4, 0.6)),
        *trials("dann-r", (1, 32), (0.4, 0.5), (0.9, 0.7)),
        *trials("dann-r", (1, 48), (0.5, 0.5), (0.6, 0.6)),
    ]
    axes, _ = drawn(rows)
    np.testing.assert_allclose(
        axes["b"].lines[0].get_xydata(), [[320, 0.8], [480, 0.6], [640, 0.5]]
    )
    np.testing.assert_allclose(axes["c"].lines[0].get_xydata(), [[320, 45], [480, 50], [640, 60]])
    half = stats.t.ppf(0.975, 1) * 0.1
    edges = axes["b"].collections[0].get_paths()[0].vertices
    at = edges[edges[:, 0] == 320, 1]
    assert (at.min(), at.max()) == pytest.approx((0.8 - half, 0.8 + half))


def test_means_against_dendrites():
    axes, _ = drawn(small(models=("dann-grf",)))
    lines = [line.get_xydata() for line in axes["e"].lines]
    np.testing.assert_allclose(lines[0], [[1, 51.5], [2, 61.5]])
    np.testing.assert_allclose(lines[1], [[1, 56.5], [2, 66.5]])
    styles = [line.get_linestyle() for line in axes["e"].lines]
    assert styles == ["--", "-"]


def test_dashed_lines_at_the_best_vann():
    """By loss its third size, by accuracy the fourth."""
    axes, _ = drawn(small())
    for panel, level, parameters in (("b", 0.785, 100 * 64), ("c", 74.5, 100 * 128)):
        across, up = axes[panel].lines[-2:]
        assert across.get_ydata()[0] == pytest.approx(level)
        assert up.get_xdata()[0] == parameters
    for panel, level in (("d", 0.785), ("e", 74.5)):
        assert axes[panel].lines[-1].get_ydata()[0] == pytest.approx(level)


def test_one_trial_has_no_shade_and_this_is_said():
    axes, missing = drawn(small(seeds=(1,)))
    every = "dANN-GRF, dANN-LRF, dANN-R, pdANN, vANN"
    assert missing == [f"confidence bands of {every}, with one trial of a size"]
    assert all(not each.get_paths() for each in axes["b"].collections)


def test_models_without_runs_are_named():
    axes, missing = drawn(small(models=("dann-r",)))
    assert missing == ["runs of dANN-LRF, dANN-GRF, pdANN, vANN"]
    assert len(axes["b"].lines) == 1
    axes, missing = drawn(small(models=("vann",)))
    assert texts(axes["d"]) == "no runs of dANN-R, dANN-LRF, dANN-GRF, pdANN"
    assert missing == ["runs of dANN-R, dANN-LRF, dANN-GRF, pdANN"]


def test_images_that_cannot_be_read_are_missing(monkeypatch):
    def refuse(name):
        raise InputError("no network: connect")

    monkeypatch.setattr(datasets, "load", refuse)
    axes, missing = drawn(small())
    assert texts(axes["a"]) == "images of FMNIST cannot be read"
    assert missing == ["images of fmnist (no network: connect)"]


def test_runs_with_noise_are_not_shown():
    rows = small()
    axes, _ = drawn(rows, [run("dann-r", size, 1, noise=0.5) for size in SIZES])
    assert len(axes["b"].lines[0].get_xydata()) == len(SIZES)
    with pytest.raises(InputError, match="no finished run of dANN-R"):
        drawn([run("sann", (1, 32))])


@pytest.mark.parametrize("how", [{"noise": 0.5}, {"sequential": True}])
def test_without_usual_runs_the_panels_say_so(how):
    axes, missing = drawn(small(**how))
    for panel in "bc":
        assert texts(axes[panel]) == "no runs without noise, shuffled"
    for panel in "de":
        assert texts(axes[panel]) == "no runs of dANN-R, dANN-LRF, dANN-GRF, pdANN"
    assert missing == ["runs of dANN-R, dANN-LRF, dANN-GRF, pdANN, vANN"]


def test_as_many_line_styles_as_there_are_somata():
    styles = figure2._styles([32, 64, 128, 256, 512, 1024, 2048])
    assert len({str(each) for each in styles.values()}) == 7
    assert styles[2048] == "-"
