"""Figure 3: parameters that match the best vANN, and efficiency, on five data sets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import style
from ..analysis import Configuration
from ..sweep import Results
from .bars import Bar, grouped, logarithmic
from .drawing import Drawing
from .panels import MODELS, done, legend, letters, named, title
from .scores import Spread, beats, matching, scores, spreads
from .selection import alike, gaps, of_models, of_sizes, present, single

#: Panels: what is matched, whether parameters are shown or else the score, and the axis's name.
PANELS = {
    "a": ("accuracy", True, "parameters to match the\nvANN's highest accuracy"),
    "b": ("loss", True, "parameters to match the\nvANN's least loss"),
    "c": ("accuracy", False, "accuracy efficiency score"),
    "d": ("loss", False, "loss efficiency score"),
}


def draw(results: Results) -> Drawing:
    """Draw the parameters that a model needs to beat the best vANN, and its efficiency there.

    Bars are means over the trials ± 1 standard deviation. A model that never beats the vANN has
    its own best, and its bar is hatched. Each trial has a score of its own, compared with all
    trials on its data set.

    Raises
    ------
    InputError
        Where none of the five models has a finished run.
    """
    runs = alike(of_models(results, MODELS))
    found, configurations = runs.results, runs.configurations
    missing = runs.missing + gaps(found, MODELS) + single(configurations, "error bars")
    figure = style.blank(style.PAGE, 4.6)
    axes = figure.subplot_mosaic([["a", "b"], ["c", "d"]])
    colours = {model: style.colour(model) for model in MODELS}
    for panel, (by, sizes, label) in PANELS.items():
        groups = {
            named(dataset): _bars(found, configurations, dataset, by, sizes)
            for dataset in present(found)
        }
        grouped(axes[panel], groups, colours)
        axes[panel].set_ylabel(label)
        if sizes:
            logarithmic(axes[panel], groups)
    letters(axes, PANELS)
    legend(figure, {title(model): {"facecolor": colours[model]} for model in MODELS}, 5)
    notes = [
        "Means ± 1 standard deviation over trials; hatched: never beats the vANN, so its own best; "
        "scores are means of those of the trials, each compared with all trials on a data set"
    ]
    return done(figure, missing, notes)


def _bars(
    results: Results, configurations: Sequence[Configuration], dataset: str, by: str, sizes: bool
) -> dict[str, Bar] | str:
    """Bars by model, or why there are none."""
    chosen = matching(configurations, dataset, "vann", by)
    if not chosen:
        there = any(each.dataset == dataset for each in configurations)
        return "no vANN to match" if there else "no runs"
    if sizes:
        heights = {model: Spread(each.parameters, math.nan) for model, each in chosen.items()}
    else:
        heights = spreads(scores(of_sizes(results, chosen.values()), by))
    hatched = {
        model: model != "vann" and not beats(each, chosen["vann"], by)
        for model, each in chosen.items()
    }
    return {model: Bar(height, hatched[model]) for model, height in heights.items()}
