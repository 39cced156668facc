"""Figure 2: loss and accuracy of networks of all sizes against parameters and dendrites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import analysis, datasets, style
from ..analysis import Configuration
from ..errors import InputError
from ..sweep import Results
from .drawing import GREY, Drawing, absent
from .panels import (
    MODELS,
    confidence,
    done,
    examples,
    legend,
    letters,
    lines,
    named,
    strip,
    title,
)
from .selection import absentees, alike, of_dataset, of_models, single

LAYOUT = [["a", "a"], ["b", "c"], ["d", "e"]]
#: What is shown of a configuration: its name on an axis, mean and deviation, and the scale.
SHOWN = {"loss": ("test loss", 1.0), "accuracy": ("test accuracy (%)", 100.0)}


def draw(results: Results) -> Drawing:
    """Draw test loss and accuracy against trainable parameters, and against dendrites.

    Shades are 95 % confidence intervals over the trials, by Student's t.

    Parameters
    ----------
    results : Results
        Runs on Fashion-MNIST, or those on the data set that has most.

    Raises
    ------
    InputError
        Where none of the five models has a finished run.
    """
    dataset, found, missing = of_dataset(of_models(results, MODELS))
    runs = alike(found)
    configurations = runs.configurations
    missing += runs.missing + absentees(runs.results, MODELS)
    missing += single(configurations, "confidence bands")
    figure = style.blank(style.PAGE, 6.4)
    axes = figure.subplot_mosaic(LAYOUT, height_ratios=(1, 3, 3))
    missing += _examples(axes["a"], dataset)
    somata = sorted({each.somata for each in configurations})
    styles = _styles(somata)
    for panel, of in (("b", "loss"), ("c", "accuracy")):
        if configurations:
            _against_parameters(axes[panel], configurations, of)
        else:
            absent(axes[panel], "no runs without noise, shuffled")
    for panel, of in (("d", "loss"), ("e", "accuracy")):
        dendritic = [each for each in configurations if each.model != "vann"]
        if dendritic:
            _against_dendrites(axes[panel], dendritic, of, styles)
        else:
            absent(axes[panel], f"no runs of {', '.join(map(title, MODELS[:-1]))}")
    _goals(axes, configurations)
    letters(axes, "abcde")
    models = [model for model in MODELS if any(each.model == model for each in configurations)]
    entries = {title(model): {"color": style.colour(model)} for model in models}
    entries |= {
        f"{count} somata (d, e)": {"color": "black", "linestyle": styles[count]} for count in somata
    }
    legend(figure, entries, 5)
    notes = [
        f"{named(dataset)}; shades: 95 % confidence of the mean over trials (Student's t); dashed: "
        "the vANN's best, and its parameters"
    ]
    return done(figure, missing, notes)


def _examples(axis: Any, dataset: str) -> list[str]:
    """An image of each of the first classes; what is missing where there are none."""
    try:
        data = datasets.load(dataset)
    except InputError as error:
        absent(axis, f"images of {named(dataset)} cannot be read")
        return [f"images of {dataset} ({error})"]
    strip(axis, *examples(data, 1))
    return []


def _values(each: Configuration, of: str) -> tuple[float, float]:
    """Mean and half the confidence interval."""
    scale = SHOWN[of][1]
    deviation = getattr(each, f"{of}_sd")
    return scale * getattr(each, of), scale * confidence(deviation, each.trials)


def _against_parameters(axis: Any, configurations: Sequence[Configuration], of: str) -> None:
    for model in MODELS:
        own = [each for each in configurations if each.model == model]
        own.sort(key=lambda each: each.parameters)
        if own:
            middle, half = zip(*(_values(each, of) for each in own), strict=True)
            x = [each.parameters for each in own]
            lines(axis, x, middle, half, color=style.colour(model))
    axis.set_xscale("log")
    axis.set_xlabel("trainable parameters")
    axis.set_ylabel(SHOWN[of][0])


def _against_dendrites(
    axis: Any, configurations: Sequence[Configuration], of: str, styles: dict[int, Any]
) -> None:
    for model in MODELS:
        for somata, look in styles.items():
            own = [each for each in configurations if (each.model, each.somata) == (model, somata)]
            if own:
                middle, half = zip(*(_values(each, of) for each in own), strict=True)
                x = [each.dendrites for each in own]
                how = {"color": style.colour(model), "linestyle": look, "linewidth": 0.8}
                lines(axis, x, middle, half, **how)
    dendrites = sorted({each.dendrites for each in configurations})
    axis.set_xscale("log", base=2)
    axis.set_xticks(dendrites, [str(count) for count in dendrites])
    axis.minorticks_off()
    axis.set_xlabel("dendrites per soma")
    axis.set_ylabel(SHOWN[of][0])


def _goals(axes: dict[str, Any], configurations: Sequence[Configuration]) -> None:
    """Dashed lines at what the best vANN reaches, and at its parameters."""
    dense = [each for each in configurations if each.model == "vann"]
    for (of, (_, scale)), panels in zip(SHOWN.items(), ("bd", "ce"), strict=True):
        if dense:
            goal = analysis.best(dense, of)
            for panel in panels:
                how = {"color": GREY, "linestyle": "--", "linewidth": 0.7, "zorder": 0}
                axes[panel].axhline(scale * getattr(goal, of), **how)
            axes[panels[0]].axvline(goal.parameters, **how)


def _styles(somata: Sequence[int]) -> dict[int, Any]:
    """Line styles by the number of somata: the more, the longer the dashes; the most, none."""
    dashed = {count: (0, (1 + 1.5 * place, 1.2)) for place, count in enumerate(somata)}
    return dashed | dict.fromkeys(somata[-1:], "-")
