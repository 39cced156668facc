"""Figure 7: noise on all images, and learning one class after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import analysis, datasets, style
from ..datasets import Dataset
from ..errors import InputError
from ..randomness import stream
from ..sweep import Results
from . import tasks
from .bars import Bar, grouped, logarithmic
from .drawing import Drawing, absent
from .panels import FOUR, done, examples, legend, letters, lines, named, strip, title
from .scores import Spread, scores, spreads
from .selection import absentees, of_dataset, of_models, single

LAYOUT = [["a", "a"], ["b", "right of b"], ["c", "c"], ["d", "right of d"]]
#: Which panels show which score, and the name of their axes.
SCORES = {
    "accuracy": ("b", "d", "accuracy efficiency score"),
    "loss": ("right of b", "right of d", "loss efficiency score"),
}
#: Of panel a, and of the paper's runs.
SIGMAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw(results: Results) -> Drawing:
    """Draw efficiency with noise, and in sequential learning.

    Each model has the size that matches the vANN's best accuracy without either, or its own best;
    where the results lack that one, the largest there is, which is said. Shades and bars are means
    over the trials ± 1 standard deviation; scores compare all trials of a task.

    Parameters
    ----------
    results : Results
        Runs on Fashion-MNIST, or those on the data set that has most.

    Raises
    ------
    InputError
        Where none of the four models has a finished run.
    """
    dataset, found, missing = of_dataset(of_models(results, FOUR))
    figure = style.blank(style.PAGE, 7.2)
    axes = figure.subplot_mosaic(LAYOUT, height_ratios=(1.1, 2.2, 0.9, 2.2))
    try:
        data = datasets.load(dataset)
    except InputError as error:
        for panel in "ac":
            absent(axes[panel], f"images of {named(dataset)} cannot be read")
        missing.append(f"images of {dataset} ({error})")
    else:
        _noise_levels(axes["a"], data)
        _scheme(axes["c"], data)
    missing += _noise(axes, found) + _sequential(axes, found)
    letters(axes, "abcd")
    legend(figure, {title(model): {"color": style.colour(model)} for model in FOUR}, 4)
    notes = [f"{named(dataset)}; means ± 1 standard deviation over trials"]
    return done(figure, missing, notes)


def _noise_levels(axis: Any, data: Dataset) -> None:
    """The first test image with growing noise, as training has it."""
    x, y = data.test_x[:1], data.test_y[:1]
    one = Dataset(data.name, data.class_names, x, y, x, y)
    levels = [datasets.noisy(one, sigma, stream(1, "noise")).test_x for sigma in SIGMAS]
    images = np.concatenate([x / (255 if x.dtype == np.uint8 else 1) for x in levels])
    strip(axis, images, [f"σ = {sigma:g}" for sigma in SIGMAS])


def _noise(axes: Mapping[str, Any], found: Results) -> list[str]:
    """Scores against the standard deviation of the noise; what is missing of them."""
    task = tasks.noise(found)
    if not task.parts:
        for panel, _, label in SCORES.values():
            absent(axes[panel], f"{label}:\nno runs with noise")
        return ["runs with noise", *(f"with noise, {line}" for line in task.missing)]
    told: dict[str, list[str]] = {line: [] for line in task.missing}
    if left_out := [f"{sigma:g}" for sigma in SIGMAS if sigma not in task.parts]:
        told["all runs of these sizes"] = left_out
    curves: dict[tuple[str, str], dict[float, Spread]] = {}
    for sigma, part in task.parts.items():
        for line in absentees(part, FOUR) + single(analysis.summarize(part.columns()), "shades"):
            told.setdefault(line, []).append(f"{sigma:g}")
        for by in SCORES:
            for model, spread in spreads(scores(part, by)).items():
                curves.setdefault((by, model), {})[sigma] = spread
    for (by, model), points in curves.items():
        means, deviations = zip(*points.values(), strict=True)
        lines(axes[SCORES[by][0]], list(points), means, deviations, color=style.colour(model))
    for panel, _, label in SCORES.values():
        axes[panel].set_xlabel("standard deviation σ of the noise")
        axes[panel].set_ylabel(label)
        axes[panel].set_xticks(list(task.parts))
    return [
        f"with noise, {line}" + (f", at σ = {', '.join(levels)}" if levels else "")
        for line, levels in told.items()
    ]


def _scheme(axis: Any, data: Dataset) -> None:
    """Show the order of training: images of one class after those of another."""
    strip(axis, *examples(data, 3))
    arrow = {"xycoords": "axes fraction", "arrowprops": {"arrowstyle": "->"}}
    axis.annotate("", (1, -0.75), (0, -0.75), **arrow)
    words = "an epoch: batches of one class after the other, not shuffled; tested on all classes"
    axis.text(0.5, -0.85, words, transform=axis.transAxes, ha="center", va="top")


def _sequential(axes: Mapping[str, Any], found: Results) -> list[str]:
    """Scores in sequential learning; what is missing of them."""
    task = tasks.sequential(found)
    if not task.parts:
        for _, panel, label in SCORES.values():
            absent(axes[panel], f"{label}:\nno runs of sequential learning")
        return [
            "runs of sequential learning",
            *(f"in sequential learning, {line}" for line in task.missing),
        ]
    (part,) = task.parts.values()
    told = [*task.missing, *absentees(part, FOUR), *single(task.chosen.values(), "error bars")]
    for by, (_, panel, label) in SCORES.items():
        heights = spreads(scores(part, by))
        groups = {"sequential learning": {model: Bar(each) for model, each in heights.items()}}
        grouped(axes[panel], groups, {model: style.colour(model) for model in FOUR})
        axes[panel].set_ylabel(label)
    logarithmic(axes[SCORES["loss"][1]], groups)
    return [f"in sequential learning, {line}" for line in told]
