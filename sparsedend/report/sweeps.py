"""The page on a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import analysis, style
from ..analysis import Configuration
from ..analysis.efficiency import SHARED
from ..errors import InputError
from ..settings import SETTINGS
from ..sweep import Results, Row
from . import markup, pictures
from .markup import Markup, element

#: At most: rows of a table, and data sets or settings with pictures of their own.
ROWS, DRAWN = 3000, 8
#: Configurations of a picture from which on they are pixels, which take less room.
MANY = 100
#: Marks of models by what their names begin with; others have points.
MARKS = {"dann": "o", "pdann": "o", "vann": "s", "sann": "^", "psann": "^"}


@dataclass(frozen=True)
class Group:
    """Configurations that may be compared: on one data set, and alike in all but model and size.

    Attributes
    ----------
    dataset : str
    settings : mapping of str to str
        By what they are called, those that differ within the sweep.
    configurations : list of Configuration
    """

    dataset: str
    settings: Mapping[str, str]
    configurations: list[Configuration]

    @property
    def title(self) -> str:
        """The data set and what is particular."""
        words = (f"{name} {value}" for name, value in self.settings.items())
        return ", ".join((self.dataset, *words))


def of_sweep(path: str | Path) -> str:
    """A page on the runs of a sweep, with all that can be shown, and why the rest cannot.

    Parameters
    ----------
    path : str or Path
        Of the results.

    Returns
    -------
    str
        HTML that refers to nothing outside of it; every name in it is escaped.

    Raises
    ------
    InputError
        Where the file cannot be read or holds no runs, or Matplotlib is not installed.
    """
    path = Path(path)
    style.library()
    results = Results.read(path, tolerant=True)
    if not results.rows:
        raise InputError(f"'{path}' holds no runs: do some first")
    failed = [row for row in results.rows if row["error"]]
    groups = _groups(results)
    shown = {}
    if groups:
        shown["Accuracy and loss against parameters"] = _pictures(groups)
        shown["Efficiency"] = _efficiency(groups)
        shown["Configurations"] = _table(groups)
    if failed:
        shown["Failed runs"] = _failures(failed)
    lead = markup.facts(
        {
            "runs finished": f"{len(results.rows) - len(failed):,}",
            "runs failed": f"{len(failed):,}",
            "configurations": f"{sum(len(group.configurations) for group in groups):,}",
        }
    )
    return markup.page(path.name, lead, shown)


def _groups(results: Results) -> list[Group]:
    """Finished runs that may be compared, from those of all settings."""
    columns = results.columns()
    finished = [row for row in results.rows if not row["error"]]
    unknown = {
        name: np.array([str(row[name]) for row in finished], object)
        for name in results.unknown_settings
    }
    columns |= unknown
    varied = [name for name in (*SHARED, *unknown) if len(set(map(str, columns[name]))) > 1]
    keys = list(zip(*(_said(name, columns[name]) for name in ("dataset", *varied)), strict=True))
    found = []
    for key in dict.fromkeys(keys):
        chosen = np.array([each == key for each in keys])
        part = {name: values[chosen] for name, values in columns.items()}
        configurations = analysis.summarize(part)
        settings = dict(zip(map(_called, varied), key[1:], strict=True))
        found.append(Group(key[0], settings, configurations))
    return found


def _called(name: str) -> str:
    """What a setting is called; in quotes what is unknown here, and may be called anything."""
    return SETTINGS[name].title if name in SETTINGS else f"'{name}'"


def _said(name: str, values: NDArray) -> list[str]:
    """Values of a setting in words."""

    def said(value: Any) -> str:
        if value is None or value != value:
            return SETTINGS[name].none
        return f"{value:g}" if isinstance(value, float) else str(value)

    return [said(value) for value in values.tolist()]


def _pictures(groups: list[Group]) -> Markup:
    parts = [
        Markup(
            element("h3", group.title)
            + element(
                "div",
                *(
                    element(
                        "figure",
                        pictures.picture(
                            partial(_scatter, group, figure),
                            f"Test {figure} of {len(group.configurations)} configurations on "
                            f"{group.title} against their parameters.",
                        ),
                    )
                    for figure in ("accuracy", "loss")
                ),
                class_="pictures",
            )
        )
        for group in groups[:DRAWN]
    ]
    said = "Means over trials, with their standard deviations."
    if len(groups) > DRAWN:
        said += f" The first {DRAWN} of {len(groups)} data sets and settings are drawn."
    return Markup(element("p", said) + "".join(parts))


def _scatter(group: Group, name: str, figure: Any, axis: Any) -> None:
    for model in dict.fromkeys(each.model for each in group.configurations):
        own = [each for each in group.configurations if each.model == model]
        axis.errorbar(
            [each.parameters for each in own],
            [getattr(each, name) for each in own],
            np.nan_to_num([getattr(each, f"{name}_sd") for each in own]),
            fmt=MARKS.get(model.partition("-")[0], "."),
            markersize=3,
            linewidth=0.7,
            color=pictures.colour(model),
            rasterized=len(group.configurations) > MANY,
            label=model,
        )
    axis.set_xscale("log")
    axis.set_xlabel("trainable parameters")
    axis.set_ylabel(f"test {name}")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _efficiency(groups: list[Group]) -> Markup:
    """Scores of each model's configuration that matches the dense network, else of its best."""
    rows = []
    dense = False
    for group in groups:
        models = {each.model for each in group.configurations}
        if "vann" in models:
            dense = True
            chosen = list(analysis.matching(group.configurations).values())
        else:
            chosen = [
                analysis.best(each for each in group.configurations if each.model == model)
                for model in sorted(models)
            ]
        rows += [
            (
                *(group.title, score.configuration.model),
                *(score.configuration.dendrites, score.configuration.somata),
                *(score.configuration.parameters, score.configuration.accuracy),
                *(score.configuration.loss, score.accuracy_score, score.loss_score),
            )
            for score in analysis.efficiency(chosen)
        ]
    columns = {"data set": "", "model": "", "dendrites": "d", "somata": "d"}
    columns |= {"parameters": ",.0f", "accuracy": ".2%", "loss": ".4f"}
    columns |= {"accuracy score": ".4f", "loss score": ".4f"}
    said = (
        "Of each model the configuration of highest accuracy"
        + (", or, beside a vann, the first that beats the vann's best" if dense else "")
        + ". Scores weigh accuracy and loss by parameters and epochs needed, among the models of "
        "the same data set: the higher the accuracy score, and the lower the loss score, the "
        "better. They are those of the means over the trials; the paper's figures, which score "
        "each trial and compare it with all others, have somewhat different ones."
    )
    return Markup(
        element("p", said)
        + markup.table("Efficiency", columns, rows[:ROWS], sortable=True)
        + _cut(len(rows))
    )


def _table(groups: list[Group]) -> Markup:
    settings = list(groups[0].settings)
    rows = [
        (
            *(each.model, group.dataset, *group.settings.values()),
            *(each.dendrites, each.somata, each.trials, each.parameters),
            *(each.accuracy, each.accuracy_sd, each.loss, each.loss_sd, each.best_epoch),
        )
        for group in groups
        for each in group.configurations
    ]
    columns = {"model": "", "data set": ""} | dict.fromkeys(settings, "")
    columns |= {"dendrites": "d", "somata": "d", "trials": "d", "parameters": ",.0f"}
    columns |= {"accuracy": ".2%", "± of accuracy": ".2%", "loss": ".4f", "± of loss": ".4f"}
    columns |= {"best epoch": ".1f"}
    table = markup.table("Configurations", columns, rows[:ROWS], sortable=True)
    return Markup(table + _cut(len(rows)))


def _failures(failed: list[Row]) -> Markup:
    columns = {"model": "", "data set": "", "dendrites": "d", "somata": "d", "seed": "d"}
    rows = [
        tuple(row[name] for name in ("model", "dataset", "dendrites", "somata", "seed", "error"))
        for row in failed
    ]
    table = markup.table("Failed runs", columns | {"error": ""}, rows[:ROWS])
    return Markup(table + _cut(len(rows)))


def _cut(rows: int) -> Markup:
    """Says that not all rows are shown, where they are not."""
    return Markup() if rows <= ROWS else element("p", f"The first {ROWS:,} of {rows:,} rows.")
