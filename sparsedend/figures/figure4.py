"""Figure 4: dendritic networks beside vANNs whose inputs are sampled in the same way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import style
from ..analysis import Configuration
from ..sweep import Results
from .bars import Bar, grouped, logarithmic
from .drawing import Drawing
from .panels import done, legend, letters, mixed, named, title
from .scores import Spread, beats, differences, matching, scores
from .selection import alike, gaps, of_models, of_sizes, present, single

#: Each dendritic model with its vANN.
PAIRS = {"dann-r": "vann-r", "dann-lrf": "vann-lrf", "dann-grf": "vann-grf", "pdann": "vann"}
MODELS = tuple(model for pair in PAIRS.items() for model in pair)
#: Panels: what is matched, whether parameters are shown or else the scores' difference, the axis.
PANELS = {
    "a": ("accuracy", True, "parameters to match the\nown vANN's highest accuracy"),
    "b": ("loss", True, "parameters to match the\nown vANN's least loss"),
    "c": ("accuracy", False, "difference of accuracy\nefficiency scores"),
    "d": ("loss", False, "difference of loss\nefficiency scores"),
}


def draw(results: Results) -> Drawing:
    """Draw the parameters that a dendritic model needs to beat its vANN, and how scores differ.

    Differences are the dendritic model's score less its vANN's, seed by seed; bars are means ± 1
    standard deviation. A model that never beats its vANN has its own best, and its bar is hatched.

    Raises
    ------
    InputError
        Where none of the eight models has a finished run.
    """
    runs = alike(of_models(results, MODELS))
    found, configurations = runs.results, runs.configurations
    missing = runs.missing + gaps(found, MODELS) + single(configurations, "error bars")
    figure = style.blank(style.PAGE, 4.8)
    axes = figure.subplot_mosaic([["a", "b"], ["c", "d"]])
    colours = _colours()
    for panel, (by, sizes, label) in PANELS.items():
        groups = {
            named(dataset): _group(found, configurations, dataset, by, sizes)
            for dataset in present(found)
        }
        shown = MODELS if sizes else PAIRS
        grouped(axes[panel], groups, {model: colours[model] for model in shown})
        axes[panel].set_ylabel(label)
        if sizes:
            logarithmic(axes[panel], groups)
        else:
            axes[panel].axhline(0, color="black", lw=0.5)
    letters(axes, PANELS)
    rows = [*PAIRS, *PAIRS.values()]
    legend(figure, {title(model): {"facecolor": colours[model]} for model in rows}, len(PAIRS))
    notes = [
        "Means ± 1 standard deviation over trials; hatched: never beats its vANN, so its own best; "
        "c, d: the dendritic model's score less its vANN's, seed by seed"
    ]
    return done(figure, missing, notes)


def _colours() -> dict[str, tuple[float, ...]]:
    """Dendritic models light, their vANNs dark."""
    shades = {}
    for dendritic, dense in PAIRS.items():
        shades[dendritic] = mixed(style.colour(dendritic), "white", 0.4)
        shades[dense] = mixed(style.colour(dense), "black", 0.35)
    return shades


def _group(
    results: Results, configurations: Sequence[Configuration], dataset: str, by: str, sizes: bool
) -> dict[str, Bar] | str:
    """Bars of all pairs by model, or why there are none."""
    bars: dict[str, Bar] = {}
    for dendritic, dense in PAIRS.items():
        own = [each for each in configurations if each.model in (dendritic, dense)]
        chosen = matching(own, dataset, dense, by)
        if sizes:
            bars |= {
                model: Bar(
                    Spread(each.parameters, math.nan),
                    model == dendritic and not beats(each, chosen[dense], by),
                )
                for model, each in chosen.items()
            }
        elif len(chosen) == 2:
            found = scores(of_sizes(results, chosen.values()), by)
            if (spread := differences(found, dendritic, dense)) is not None:
                bars[dendritic] = Bar(spread, not beats(chosen[dendritic], chosen[dense], by))
    if bars:
        return bars
    there = any(each.dataset == dataset for each in configurations)
    return "no pair to compare" if there else "no runs"
