"""Commands that draw the paper's figures and tables from a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from .. import figures
from ..figures import FORMATS, Written
from ..sweep import Results
from .options import say

_results = click.option(
    "--results",
    required=True,
    type=click.Path(path_type=Path),
    help="Results of a sweep, an HDF5 file.",
)
_output = click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder to write to."
)
_overwrite = click.option("--overwrite", is_flag=True, help="Replace files that exist.")


@click.command()
@click.argument("number", metavar="NUMBER", type=int)
@_results
@_output
@click.option(
    "--format",
    "formats",
    default="png,svg",
    help=f"What to write, separated by commas. Some of {', '.join(FORMATS)}.",
)
@_overwrite
def figure(number: int, results: Path, output: Path, formats: str, overwrite: bool) -> None:
    """Draw a figure of Chavlis & Poirazi (2025) from a sweep, however few its runs are.

    2 has loss and accuracy of all sizes, 3 and 4 what matches dense networks on five data sets,
    5 weights, entropy and selectivity, 6 representations, 7 noise and sequential learning. The
    numbers of 5 and 6 are written beside them as CSV. What the runs do not allow is named in the
    figure and on standard error.
    """
    given = [form.strip() for form in formats.split(",")]
    found = Results.read(results, tolerant=True)
    _tell(figures.write_figure(number, found, output, given, overwrite=overwrite))


@click.command()
@click.argument("number", metavar="NUMBER", type=int)
@_results
@_output
@_overwrite
def table(number: int, results: Path, output: Path, overwrite: bool) -> None:
    """Write a table of Chavlis & Poirazi (2025) from a sweep, as CSV, Markdown and LaTeX.

    1 has the best networks on five data sets, 2 sequential learning.
    """
    found = Results.read(results, tolerant=True)
    _tell(figures.write_table(number, found, output, overwrite=overwrite))


def _tell(written: Written) -> None:
    for line in written.missing:
        say(f"missing: {line}")
    for path in written.files:
        click.echo(path)
