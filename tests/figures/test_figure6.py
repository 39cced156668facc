"""Figure 6: its scores, tests and pictures, with a projection in the place of t-SNE."""

import numpy as np
import pytest

from sparsedend import analysis, style
from sparsedend.figures import embeddings, figure6
from sparsedend.figures.panels import FOUR, confidence
from tests.figures.sweeps import CLASSES, row, sweep_of, words

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")
pytest.importorskip("statsmodels")

LAYERS = ("hidden 1", "hidden 2")
SEEDS, REPETITIONS = (1, 2, 3), 2


def projected(activations, seed, perplexity):
    """Onto a plane that depends on the seed; as embeddings it is poor, and quick."""
    assert perplexity == 50
    values = activations.astype(np.float64)
    return values @ np.random.default_rng(seed).normal(size=(values.shape[1], 2))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(embeddings, "embed", projected)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    rows = [row(model, seed) for model in FOUR for seed in SEEDS]
    return sweep_of(tmp_path_factory.mktemp("kept"), rows)


@pytest.fixture
def drawing(results, quick):
    with style.journal():
        return figure6.draw(results, REPETITIONS)


def scores(results, model, layer):
    """Scores of trials and repetitions, (trials, repetitions, 3)."""
    found = []
    for seed in SEEDS:
        (run,) = (
            results.settings_of(each)
            for each in results.rows
            if (each["model"], each["seed"]) == (model, seed)
        )
        kept = results.kept(run)
        for repetition in range(REPETITIONS):
            plane = projected(kept.activations[layer], repetition, 50)
            found += [
                analysis.silhouette(plane, kept.labels),
                analysis.neighbourhood_hit(plane, kept.labels, 11),
                analysis.trustworthiness(kept.activations[layer], plane, 11),
            ]
    return np.reshape(found, (len(SEEDS), REPETITIONS, 3))


def panels(figure):
    """Axes in their order: two places for each model, then the three of bars."""
    return figure.axes[:8], figure.axes[8:11]


def test_bars_are_means_with_confidence(results, drawing):
    _, bars = panels(drawing.figure)
    for number, axis in enumerate(bars):
        heights = [patch.get_height() for patch in axis.patches]
        expected = [
            scores(results, model, layer)[..., number].ravel() for layer in LAYERS for model in FOUR
        ]
        np.testing.assert_allclose(heights, [values.mean() for values in expected])
        half = confidence(expected[0].std(ddof=1), 6)
        segments = axis.collections[0].get_segments()[0]
        assert segments[1][1] - segments[0][1] == pytest.approx(2 * half)


def test_scatters_show_every_image_in_its_class_s_colour(results, drawing):
    places, _ = panels(drawing.figure)
    for place, axis in enumerate(places):
        model, layer = FOUR[place // 2], LAYERS[place % 2]
        (run,) = (
            results.settings_of(each)
            for each in results.rows
            if (each["model"], each["seed"]) == (model, 1)
        )
        kept = results.kept(run)
        (points,) = axis.collections
        expected = projected(kept.activations[layer], 0, 50)
        np.testing.assert_allclose(points.get_offsets(), expected)
        colours = points.get_facecolors()
        assert len(np.unique(colours, axis=0)) == CLASSES
        for label in range(CLASSES):
            assert len(np.unique(colours[kept.labels == label], axis=0)) == 1


def test_variance_is_that_of_the_trials_means(results, drawing):
    means = [
        (value, model, layer)
        for model in FOUR
        for layer in LAYERS
        for value in scores(results, model, layer)[..., 0].mean(axis=1)
    ]
    found = analysis.two_way_anova(*zip(*means, strict=True))
    note = " ".join(" ".join(words(drawing.figure)).split())
    assert f"model F(3, 16) = {found.first.f:.2f}" in note
    assert f"layer F(1, 16) = {found.second.f:.2f}" in note
    assert f"interaction F(3, 16) = {found.interaction.f:.2f}" in note


def test_stars_are_corrected_for_six_tests():
    """Far from the vANN's in one layer, not in the other; the vANN has none."""
    noise = np.array([-0.01, 0, 0.01])
    means = {(model, layer): noise + 0.5 for model in FOUR for layer in LAYERS}
    means["dann-r", "hidden 1"] = noise + 0.9
    means["dann-lrf", "hidden 2"] = noise + 0.53
    found = figure6._stars(means)
    expected = dict.fromkeys(((model, layer) for model, layer in means if model != "vann"), "")
    p = analysis.compare({"a": noise + 0.53, "b": noise + 0.5})[0].p
    assert 0.01 < p < 0.05 < 6 * p
    assert found == expected | {("dann-r", "hidden 1"): "***"}


def test_what_is_missing_is_said(tmp_path, quick):
    rows = [row("vann", 1, parts="weights"), row("dann-r", 1)]
    with style.journal():
        figure, missing, numbers = figure6.draw(sweep_of(tmp_path, rows), 1)
    places, bars = panels(figure)
    assert [axis.axison for axis in places] == [True, True, *[False] * 6]
    assert [len(axis.patches) for axis in bars] == [2, 2, 2]
    assert "analyses of variance, which need trials of two models that differ" in missing
    assert numbers["model"].tolist() == ["dann-r"] * 2
    assert any(line.startswith("activations of vANN D=4 S=8, seed 1") for line in missing)


def test_scores_that_are_equal_are_not_compared(tmp_path, monkeypatch):
    """Embeddings without a difference: all points lie on each other."""
    monkeypatch.setattr(embeddings, "embed", lambda values, seed, perplexity: values[:, :2] * 0.0)
    rows = [row(model, seed) for model in ("dann-r", "vann") for seed in (1, 2)]
    monkeypatch.setattr(embeddings, "silhouette", lambda plane, labels: 0.5)
    monkeypatch.setattr(embeddings, "trustworthiness", lambda values, plane, neighbours: 0.9)
    with style.journal():
        figure, missing, _ = figure6.draw(sweep_of(tmp_path, rows), 2)
    assert "analyses of variance, which need trials of two models that differ" in missing
    note = " ".join(" ".join(words(figure)).split())
    assert "Silhouette score, two-way" not in note


def test_numbers_are_the_scores_of_each_embedding(results, drawing):
    table = drawing.numbers
    assert [*table][:4] == ["model", "layer", "trial", "repetition"]
    rows = (table["model"] == "dann-lrf") & (table["layer"] == "hidden 2")
    assert table["trial"][rows].tolist() == [1, 1, 2, 2, 3, 3]
    assert table["repetition"][rows].tolist() == [1, 2] * 3
    found = np.stack([table[name][rows] for name in [*table][4:]], axis=-1)
    np.testing.assert_allclose(found, scores(results, "dann-lrf", "hidden 2").reshape(6, 3))


def test_too_few_images(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(figure6, "PERPLEXITY", 60.0)
    with style.journal():
        figure, missing, numbers = figure6.draw(sweep_of(tmp_path, [row("vann", 1)]), 1)
    assert not numbers
    assert "embeddings, for which 180 test images are too few: t-SNE has perplexity 60" in missing
    assert not any(axis.axison for axis in figure.axes)
