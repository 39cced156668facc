"""Tables 1 and 2: test accuracy and loss of the best networks, and in sequential learning."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..analysis import Configuration
from ..sweep import Results
from . import tasks
from .panels import FOUR, MODELS, named, size, title
from .scores import Spread, own_best
from .selection import alike, gaps, of_dataset, of_models, present, single, without

#: Columns of the CSV file: as `Configuration` has them.
COLUMNS = tuple(Configuration.__annotations__)
#: What is shown of a configuration: mean and deviation with this factor and so many digits.
SHOWN = {"accuracy %": ("accuracy", 100, 2), "loss": ("loss", 1, 4)}
#: What stands for a mean that there is not.
ABSENT = "–"
#: Signs that LaTeX has commands for.
LATEX = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%_#${}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    | {"±": r"$\pm$", ABSENT: "--"}
)


class Table(NamedTuple):
    """A table of means ± standard deviations, and what is missing in it.

    Attributes
    ----------
    caption : str
    header : tuple of str
    rows : list of list of str
        As they are read.
    configurations : list of Configuration
        What the numbers are of: the rows of the CSV file.
    missing : list of str
    """

    caption: str
    header: tuple[str, ...]
    rows: list[list[str]]
    configurations: list[Configuration]
    missing: list[str]

    def csv(self) -> str:
        """Comma-separated values: a line for each configuration, with all digits."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in self.configurations:
            values = (getattr(each, name) for name in COLUMNS)
            writer.writerow("" if value != value else value for value in values)
        return text.getvalue()

    def markdown(self) -> str:
        """Markdown, with the caption above and what is missing below."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        cells = ([cell.replace("|", r"\|") for cell in line] for line in lines)
        table = "\n".join(f"| {' | '.join(line)} |" for line in cells)
        notes = [f"* Missing: {line}." for line in self.missing]
        return "\n\n".join(filter(None, [self.caption, table, "\n".join(notes)])) + "\n"

    def latex(self) -> str:
        """LaTeX with the rules of the package booktabs; what is missing is a comment."""
        body = [f"{' & '.join(map(_escaped, line))} \\\\" for line in (self.header, *self.rows)]
        lines = [
            *(f"% Missing: {line}." for line in self.missing),
            r"\begin{table}",
            rf"\caption{{{_escaped(self.caption)}}}",
            rf"\begin{{tabular}}{{ll{'r' * (len(self.header) - 2)}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"

    @property
    def texts(self) -> dict[str, str]:
        """The table in each format, by the ending of its file."""
        return {"csv": self.csv(), "md": self.markdown(), "tex": self.latex()}


def table1(results: Results) -> Table:
    """Test accuracy and loss of each model's best size by accuracy, on each data set.

    Parameters
    ----------
    results : Results
        With however few runs.

    Raises
    ------
    InputError
        Where none of the five models has a finished run.
    """
    runs = alike(of_models(results, MODELS))
    configurations, shown = runs.configurations, present(runs.results)
    by_dataset = {dataset: own_best(configurations, dataset, "accuracy") for dataset in shown}
    best = [own[model] for model in MODELS for own in by_dataset.values() if model in own]
    missing = runs.missing + gaps(runs.results, MODELS) + single(best, "deviations")
    rows = [
        [figure, title(model), *(_cell(own.get(model), figure) for own in by_dataset.values())]
        for figure in SHOWN
        for model in MODELS
    ]
    return Table(
        "Test accuracy and loss of each model's best size by accuracy; mean ± standard deviation "
        f"over trials, {_trials(best)}.",
        ("", "model", *map(named, shown)),
        rows,
        best,
        missing,
    )


def table2(results: Results) -> Table:
    """Test accuracy and loss in sequential learning, of the sizes of figure 7.

    Parameters
    ----------
    results : Results
        Runs on Fashion-MNIST, or those on the data set that has most.

    Raises
    ------
    InputError
        Where none of the four models has a finished run.
    """
    dataset, there, missing = of_dataset(of_models(results, FOUR))
    chosen, told = tasks.sequential(there)[1:]
    shown = [chosen[model] for model in FOUR if model in chosen]
    absent = [model for model in FOUR if model not in chosen]
    missing += told + without(absent) + single(shown, "deviations")
    rows = [
        [title(each.model), size(each), *(_cell(each, figure) for figure in SHOWN)]
        for each in shown
    ]
    return Table(
        f"Sequential learning of {named(dataset)}: test accuracy and loss; mean ± standard "
        f"deviation over trials, {_trials(shown)}.",
        ("model", "size", *SHOWN),
        rows,
        shown,
        missing,
    )


#: Tables of the paper by their number.
TABLES: dict[int, Callable[[Results], Table]] = {1: table1, 2: table2}


def _cell(each: Configuration | None, figure: str) -> str:
    if each is None:
        return ABSENT
    name, scale, digits = SHOWN[figure]
    return Spread(getattr(each, name), getattr(each, f"{name}_sd")).told(digits, scale)


def _trials(shown: Iterable[Configuration]) -> str:
    """How many trials there are of each."""
    counts = sorted({each.trials for each in shown})
    return f"{' or '.join(map(str, counts))} of each" if counts else "of which there are none"


def _escaped(text: str) -> str:
    """Text as LaTeX has it."""
    return text.translate(LATEX)
