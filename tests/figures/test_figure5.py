"""Figure 5: what its panels show, and what they say where something is missing."""

import numpy as np
import pytest

from sparsedend import InputError, analysis, style
from sparsedend.figures import figure5
from tests.figures.sweeps import CLASSES, NODES, row, sweep_of, words

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    rows = [row(model, seed) for model in figure5.MODELS for seed in (1, 2)]
    return sweep_of(tmp_path_factory.mktemp("kept"), rows)


@pytest.fixture(scope="module")
def drawing(results):
    with style.journal():
        return figure5.draw(results)


def pooled(results, model, of):
    runs = [results.settings_of(each) for each in results.rows if each["model"] == model]
    return np.concatenate([of(results.kept(run)) for run in runs])


def grid(figure):
    return np.array(figure.axes).reshape(5, 4)


def test_curves_are_the_densities_of_all_trials(results, drawing):
    axes = grid(drawing.figure)
    for column, model in enumerate(figure5.MODELS):
        for line, layer in enumerate(NODES):
            weights = pooled(results, model, lambda kept, layer=layer: kept.weights[layer])
            expected = analysis.density(weights)
            (curve,) = axes[line, column].get_lines()
            np.testing.assert_allclose(curve.get_ydata(), expected.curve)
            np.testing.assert_allclose(curve.get_xdata(), expected.grid)
            np.testing.assert_allclose(
                axes[line, column].patches[0].get_data().values, expected.heights
            )
            assert curve.get_color() == style.colour(model)


def test_axes_are_shared(drawing):
    axes = grid(drawing.figure)
    assert len({axis.get_xlim() for axis in axes[:3].flat}) == 1
    for line in axes:
        assert len({axis.get_ylim() for axis in line}) == 1
        assert len({axis.get_xlim() for axis in line}) == 1


def test_entropies_are_of_nodes_that_are_active(results, drawing):
    axes = grid(drawing.figure)
    for column, model in enumerate(figure5.MODELS):
        for curve, layer in zip(axes[3, column].get_lines(), NODES, strict=False):
            bits = pooled(
                results, model, lambda kept, layer=layer: analysis.entropy(kept.hits[layer])
            )
            expected = analysis.density(bits[~np.isnan(bits)])
            np.testing.assert_allclose(curve.get_ydata(), expected.curve)


def test_selectivities_are_shares_of_nodes(results, drawing):
    axes = grid(drawing.figure)
    for column, model in enumerate(figure5.MODELS):
        for stairs, layer in zip(axes[4, column].patches, ("hidden 1", "hidden 2"), strict=True):
            found = pooled(
                results, model, lambda kept, layer=layer: analysis.selectivity(kept.hits[layer], 60)
            )
            shares = np.bincount(found, minlength=CLASSES + 1) / found.size
            np.testing.assert_allclose(stairs.get_data().values, shares)
    assert "c has a bin for each number of classes" in " ".join(words(drawing.figure))


def test_numbers_are_in_the_table_and_moments_in_the_picture(results, drawing):
    table = drawing.numbers
    assert table["model"].tolist() == [model for model in figure5.MODELS for _ in NODES]
    assert table["layer"].tolist() == [*NODES] * 4
    assert set(table["weights"]) == {800}
    shown = words(drawing.figure)
    for line, (model, layer) in enumerate(zip(table["model"], table["layer"], strict=True)):
        weights = pooled(results, model, lambda kept, layer=layer: kept.weights[layer])
        found = analysis.moments(weights)
        names = ("kurtosis", "skewness", "range")
        assert tuple(table[name][line] for name in names) == pytest.approx(found)
        text = "\n".join(f"{name} {value:.2f}" for name, value in zip(names, found, strict=True))
        assert text.replace("-", "−") in shown
        means = table["entropy"][line], table["selectivity"][line]
        if layer == "output":
            assert np.isnan(means).all()
        else:
            bits = pooled(results, model, lambda kept, at=layer: analysis.entropy(kept.hits[at]))
            count = pooled(
                results, model, lambda kept, at=layer: analysis.selectivity(kept.hits[at], 60)
            )
            assert means == pytest.approx((np.nanmean(bits), count.mean()))


def test_what_is_missing_is_said(tmp_path):
    """In the panels and in the list; what there is, is drawn."""
    rows = [row("vann", 1, parts="weights"), row("dann-r", 1, parts="activations")]
    with style.journal():
        figure, missing, numbers = figure5.draw(sweep_of(tmp_path, rows))
    axes = grid(figure)
    drawn = [[axis.axison for axis in line] for line in axes]
    assert drawn == [[False, False, False, True]] * 3 + [[True, False, False, False]] * 2
    assert "runs of dANN-GRF, dANN-LRF" in missing
    assert any(line.startswith("activations of vANN D=4 S=8, seed 1") for line in missing)
    assert any(line.startswith("weights of dANN-R D=4 S=8, seed 1") for line in missing)
    assert words(figure).count("no weights kept") == 9
    assert words(figure).count("no activations kept") == 6
    assert numbers["model"].tolist() == ["dann-r"] * 3 + ["vann"] * 3
    assert np.isnan(numbers["range"]).tolist() == [True] * 3 + [False] * 3


def test_values_that_do_not_differ(tmp_path, monkeypatch):
    """What has no density: weights say so, entropies are a line, also where they are rounded."""
    monkeypatch.setattr(figure5, "entropy", lambda hits: np.full(hits.shape[1], 0.5))

    def refuse(values):
        raise InputError("all of 9 values are 0.5 but for rounding: give some that differ")

    monkeypatch.setattr(figure5, "density", refuse)
    with style.journal():
        figure, _, numbers = figure5.draw(sweep_of(tmp_path, [row("vann", 1)]))
    axes = grid(figure)[:, 3]
    assert words(figure).count("all weights are equal") == 3
    assert [line.get_xdata()[0] for line in axes[3].get_lines()] == [0.5, 0.5]
    assert numbers["entropy"][:2].tolist() == [0.5, 0.5]


def test_nodes_that_are_never_active(tmp_path, monkeypatch):
    monkeypatch.setattr(figure5, "entropy", lambda hits: np.full(hits.shape[1], np.nan))
    with style.journal():
        figure, *_ = figure5.draw(sweep_of(tmp_path, [row("vann", 1)]))
    assert words(figure).count("no node is active") == 1


def test_the_same_bytes_again(results, tmp_path):
    written = []
    for name in ("a", "b"):
        with style.journal():
            written += style.save(figure5.draw(results).figure, tmp_path / name, ["svg"])
    assert written[0].read_bytes() == written[1].read_bytes()
