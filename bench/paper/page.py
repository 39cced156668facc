"""The pages of the paper's run: figures, tables, and claim by claim what was found."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsedend import InputError
from sparsedend.analysis import Configuration
from sparsedend.figures import FIGURES, TABLES, tasks, write_figure, write_table
from sparsedend.figures.panels import named, size, title
from sparsedend.figures.scores import Spread, own_best
from sparsedend.figures.selection import alike
from sparsedend.files import exists
from sparsedend.sweep import Results

from .. import machine
from .claims import of_runs
from .findings import Finding
from .inside import of_numbers
from .published import SIZES, TABLE1, TABLE2, Published

ABOUT = """Trained by `python -m bench.paper` by the paper's protocol. Numbers of trials stand in
parentheses; accuracy and loss are those of the test set after the last epoch. A claim is borne out
where means compare as it says, whatever their deviations."""

#: The figure that takes most of an hour to draw.
EMBEDDED = 6
#: Columns of ours beside what is published.
BESIDE = ("size", "trials", "accuracy %", "loss", "published")
#: Columns of texts in what figures write; all others are numbers.
TEXTS = ("model", "layer")
#: What means of single sizes must reach: least and most accuracy in %, and the most loss.
GOALS = {
    ("dann-r", 4, 128): (86.6, 100.0, 0.370),
    ("vann", 4, 128): (88.5, 90.0, math.inf),
    ("dann-lrf", 16, 256): (89.3, 100.0, 0.302),
}


def write(results: Results, folder: Path, *, embed: bool = False) -> None:
    """Write the figures, the tables and ``claims.md`` from what has been trained so far.

    Parameters
    ----------
    results : Results
    folder : Path
    embed : bool
        Draw figure 6 too, which takes most of an hour; else the last one is left.
    """
    shown, missing = [], []
    for number in FIGURES:
        try:
            if embed or number != EMBEDDED:
                written = write_figure(number, results, folder, ("png",), overwrite=True)
                few_colours(written.files[0])
                missing += [f"figure {number}: {line}" for line in written.missing]
            elif not exists(folder / f"figure{number}.png"):
                raise InputError("give --embed")
            else:
                missing.append(
                    f"figure {number} of these runs: it and its claims are those of an earlier "
                    "call, give --embed"
                )
            shown.append(f"![figure {number}](figure{number}.png)")
        except InputError as error:
            missing.append(f"figure {number}: {error}")
    for number in TABLES:
        try:
            written = write_table(number, results, folder, overwrite=True)
            missing += [f"table {number}: {line}" for line in written.missing]
            shown.append(f"Table {number}: [table{number}.md](table{number}.md)")
        except InputError as error:
            missing.append(f"table {number}: {error}")
    found = [*of_runs(results), *of_numbers(*(_numbers(folder, number) for number in (5, 6)))]
    runs = alike(results)
    machine.keep(
        folder,
        "claims",
        "# The paper's claims, and what was found here",
        ABOUT,
        machine.table(["claim", "figure", "found here"], [_row(each) for each in found]),
        *_evidence(found),
        "## Table 1 beside the published one",
        machine.table(
            ["model", "data set", *BESIDE],
            list(_table1(runs.configurations)),
        ),
        "## Table 2 beside the published one",
        machine.table(["model", *BESIDE], list(_table2(results))),
        "## Single sizes on Fashion-MNIST",
        machine.table(
            ["model", "size", "trials", "accuracy % / loss", "goal", "others"],
            list(_sizes(runs.configurations)),
        ),
        "## Figures and tables",
        *shown,
        "## What is missing",
        "\n".join(f"* {line}" for line in missing) or "Nothing.",
        f"{len(results.finished)} runs.",
        machine.lines(machine.facts()),
    )


def few_colours(path: Path) -> None:
    """Write a PNG file anew with 256 colours, as a chart needs no more: a third of the bytes."""
    from PIL import Image

    with Image.open(path) as image:
        few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _numbers(folder: Path, number: int) -> Mapping[str, NDArray]:
    """What a figure has written beside its picture; nothing where it was not drawn."""
    path = folder / f"figure{number}.csv"
    if not exists(path):
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return {
        name: np.array(cells if name in TEXTS else [float(cell or "nan") for cell in cells])
        for name, *cells in zip(names, *rows, strict=True)
    }


def _row(found: Finding) -> list[str]:
    return [found.claim, found.where, found.verdict]


def _evidence(found: list[Finding]) -> Iterator[str]:
    """The numbers of each claim."""
    for each in found:
        if each.checks:
            yield f"### {each.claim}"
            lines = [f"* {'yes' if one.holds else '**no**'}: {one.numbers}" for one in each.checks]
            yield "\n".join(lines)


def _table1(configurations: list[Configuration]) -> Iterator[list[str]]:
    for (model, dataset), published in TABLE1.items():
        best = own_best(configurations, dataset, "accuracy").get(model)
        if best:
            yield [title(model), named(dataset), *_beside(best, published)]


def _table2(results: Results) -> Iterator[list[str]]:
    fmnist = Results([row for row in results.rows if row["dataset"] == "fmnist"])
    chosen = tasks.sequential(fmnist).chosen
    for model, published in TABLE2.items():
        if model in chosen:
            yield [title(model), *_beside(chosen[model], published)]


def _beside(own: Configuration, published: Published) -> list[str]:
    """The cells of `BESIDE`."""
    points = 100 * own.accuracy - published.accuracy
    return [
        *(size(own), str(own.trials)),
        Spread(own.accuracy, own.accuracy_sd).told(2, 100),
        Spread(own.loss, own.loss_sd).told(4),
        f"{published.accuracy:.2f} / {published.loss:.4f} (ours {points:+.2f} points)",
    ]


def _sizes(configurations: list[Configuration]) -> Iterator[list[str]]:
    for each in configurations:
        key = (each.model, each.dendrites, each.somata)
        if each.dataset == "fmnist" and key in SIZES:
            figures = f"{100 * each.accuracy:.2f} / {each.loss:.4f}"
            yield [
                *(title(each.model), size(each), str(each.trials)),
                *(figures, _reached(each), SIZES[key]),
            ]


def _reached(each: Configuration) -> str:
    """Whether a size has reached its goal; nothing where it has none."""
    goal = GOALS.get((each.model, each.dendrites, each.somata))
    if goal is None:
        return ""
    least, most, loss = goal
    reached = least <= 100 * each.accuracy <= most and each.loss <= loss
    return f"**{'reached' if reached else 'MISSED'}**"
