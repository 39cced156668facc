"""Figure 6: how well hidden layers separate the classes, seen through t-SNE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import style
from ..analysis import compare, two_way_anova
from ..analysis.statistics import Effect
from ..sweep import Results
from .bars import Bar, grouped
from .drawing import Drawing, absent
from .embeddings import PERPLEXITY, SCORES, Embedded, embedded
from .panels import FOUR, confidence, done, legend, letters, table, title
from .scores import Spread
from .trained import HIDDEN, REFERENCE, kept_of, matched

REPETITIONS = 10
#: Columns of its table: SCORES as they are written in a file.
NUMBERS = ("model", "layer", "trial", "repetition", *(each.replace(" ", "_") for each in SCORES))
#: Stars for a probability below.
STARS = {0.001: "***", 0.01: "**", 0.05: "*"}
#: Panels a to d have two places each; in twelfths of a page.
LAYOUT = [
    [*("a1",) * 3, *("a2",) * 3, *("b1",) * 3, *("b2",) * 3],
    [*("c1",) * 3, *("c2",) * 3, *("d1",) * 3, *("d2",) * 3],
    [*("e",) * 4, *("f",) * 4, *("g",) * 4],
]
HEIGHT = 6.8
#: Where bars begin that would hide what they differ in: what points at random score, about.
CHANCE = {"trustworthiness": 0.5}

#: By model and layer: embeddings, and one score of each trial, not all the same.
Found = Mapping[tuple[str, str], Embedded]
Means = Mapping[tuple[str, str], NDArray]


def draw(results: Results, repetitions: int = REPETITIONS) -> Drawing:
    """Draw embeddings of hidden layers (a to d) and their scores (e to g).

    Each model has the size that matches the vANN's best accuracy. a to d show one repetition of
    one trial, with a colour for each class. Bars are means over trials and repetitions, with 95 %
    confidence intervals by Student's t. The analysis of variance, and the t-tests of each model
    against the vANN in the same layer, are of the means over the repetitions of a trial.

    Parameters
    ----------
    results : Results
        With activations kept.
    repetitions : int
        Of t-SNE, for each trial and layer.

    Raises
    ------
    InputError
        Where none of the four models has a finished run, or scikit-learn, openTSNE or statsmodels
        is not installed.
    """
    networks, missing = matched(results, FOUR)
    kept = {
        model: kept_of(results, each, "activations", missing) for model, each in networks.items()
    }
    images = max((len(each.labels) for trials in kept.values() for each in trials), default=0)
    if 0 < images <= 3 * PERPLEXITY:
        missing.append(
            f"embeddings, for which {images} test images are too few: t-SNE has perplexity "
            f"{PERPLEXITY:g}"
        )
        kept = {}
    found = embedded(kept, tuple(HIDDEN), repetitions)
    figure = style.blank(style.PAGE, HEIGHT)
    axes = figure.subplot_mosaic(LAYOUT, height_ratios=(1, 1, 0.9))
    names: Sequence[str] = next((each[0].class_names for each in kept.values() if each), ())
    colours = _colours(len(names))
    for panel, model in zip("abcd", FOUR, strict=True):
        where = networks[model].title if model in networks else title(model)
        for place, (layer, name) in enumerate(HIDDEN.items(), start=1):
            axis = axes[f"{panel}{place}"]
            axis.set_title(f"{where}\n{name}", color=style.colour(model), fontsize=6)
            _scatter(axis, found.get((model, layer)), colours)
    means = {key: each.scores.mean(axis=1) for key, each in found.items()}
    notes = ["Neighbourhood hits count the point itself, as the authors do"]
    for score, panel in enumerate("efg"):
        varied = {key: each[:, score] for key, each in means.items() if np.ptp(each[:, score])}
        _bars(axes[panel], found, score, _stars(varied))
        notes += _variance(varied, score)
    if found and len(notes) <= len(SCORES):
        missing.append("analyses of variance, which need trials of two models that differ")
    letters({letter: axes.get(letter) or axes[f"{letter}1"] for letter in "abcdefg"}, "abcdefg")
    looks = {"marker": "o", "linestyle": "", "markersize": 3}
    entries = {name: {"color": each} | looks for name, each in zip(names, colours, strict=True)}
    legend(figure, entries, 5)
    return done(figure, missing, notes, _numbers(found))


def _numbers(found: Found) -> dict[str, NDArray]:
    """The scores of every embedding; trials and repetitions count from 1."""
    rows = [
        (model, layer, trial, repetition, *scores)
        for (model, layer), each in found.items()
        for trial, of_trial in enumerate(each.scores, start=1)
        for repetition, scores in enumerate(of_trial, start=1)
    ]
    return table(NUMBERS, rows)


def _colours(classes: int) -> list[Any]:
    """A colour for each class."""
    maps = style.library().colormaps
    if classes <= 10:
        return list(maps["tab10"].colors[:classes])
    return list(maps["nipy_spectral"](np.linspace(0.05, 0.95, classes)))


def _scatter(axis: Any, found: Embedded | None, colours: Sequence[Any]) -> None:
    """A panel of a to d."""
    if found is None:
        absent(axis, "nothing to embed")
        return
    each = [colours[label] for label in found.labels]
    # As a picture also in SVG, where thousands of points would be megabytes.
    axis.scatter(*found.points.T, s=1.5, c=each, lw=0, rasterized=True)
    axis.set(xticks=[], yticks=[])
    axis.set_aspect("equal", "datalim")


def _bars(axis: Any, found: Found, score: int, stars: Mapping[Any, str]) -> None:
    """A panel of e to g: bars by layer and model."""
    if not found:
        absent(axis, "nothing to embed")
        return
    groups: dict[str, dict[str, Bar]] = {}
    for layer, name in HIDDEN.items():
        bars = groups.setdefault(name.split()[0], {})
        for model in FOUR:
            if (model, layer) in found:
                values = found[model, layer].scores[..., score].ravel()
                mean, deviation = Spread.of(values)
                half = confidence(deviation, values.size)
                bars[model] = Bar(Spread(mean, half), above=stars.get((model, layer), ""))
    grouped(axis, groups, {model: style.colour(model) for model in FOUR})
    axis.set(xlabel="hidden layer", ylabel=SCORES[score])
    if SCORES[score] in CHANCE:
        axis.set_ylim(bottom=CHANCE[SCORES[score]])
    axis.axhline(0, color="black", lw=0.5)


def _stars(means: Means) -> dict[Any, str]:
    """For each model and layer, how surely it differs from the vANN's."""
    pairs = [
        (key, (REFERENCE, key[1]))
        for key in means
        if key[0] != REFERENCE and (REFERENCE, key[1]) in means
    ]
    return {
        test.first: next((star for p, star in STARS.items() if test.corrected < p), "")
        for test in compare(means, pairs)
    }


def _variance(means: Means, score: int) -> list[str]:
    """The two-way analysis of variance of a score, in a line; none where there are too few."""
    models = [model for model in FOUR if all((model, layer) in means for layer in HIDDEN)]
    if len(models) < 2:
        return []
    rows = [
        (value, model, layer)
        for model in models
        for layer in HIDDEN
        for value in means[model, layer]
    ]
    found = two_way_anova(*zip(*rows, strict=True))
    parts = [
        _told(name, effect, found.residual_df)
        for name, effect in (
            ("model", found.first),
            ("layer", found.second),
            ("interaction", found.interaction),
        )
    ]
    return [f"{SCORES[score].capitalize()}, two-way analysis of variance: {'; '.join(parts)}"]


def _told(name: str, effect: Effect, residual_df: int) -> str:
    p = "p < .001" if effect.p < 0.001 else f"p = {effect.p:.3f}"
    return f"{name} F({effect.df}, {residual_df}) = {effect.f:.2f}, {p}"
