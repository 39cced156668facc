"""Commands on many runs."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from numpy.typing import NDArray

from .. import sweep as sweeps
from ..backends import BACKENDS
from ..errors import one_line
from ..files import atomic_write, check_free, stamp
from .options import no_lock_option, overwrite_option, say

#: Columns that the table shows in a terminal; the CSV has all.
SHOWN = (
    *("model", "dataset", "dendrites", "somata", "seed", "parameters", "test_accuracy"),
    *("test_loss", "best_epoch", "train_seconds"),
)

#: With click's mark for lines that stay as they are.
GRID_HELP = """
Do all runs of GRID, a TOML file with settings of train, each a value or a list of values.

\b
preset = "paper"
dataset = "fmnist"
model = ["dann-r", "dann-lrf"]
dendrites = [1, 2, 4]
seed = [1, 2, 3, 4, 5]

With keep = ["weights", "activations"], what figures 5 and 6 need of every trained network is kept
in a folder beside --output, which has its name with the ending .kept.
"""


class _GridOrTable(click.Group):
    """``sweep GRID.toml …`` is short for ``sweep run GRID.toml …``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in ctx.help_option_names and not self._is_command(args[0]):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def _is_command(self, word: str) -> bool:
        """Whether a word is a command, or a misspelt one rather than a grid."""
        return word in self.commands or bool(
            not Path(word).suffix and difflib.get_close_matches(word, self.commands)
        )


@click.group(cls=_GridOrTable)
def sweep() -> None:
    """Do all runs of a grid: `sweep GRID.toml --output sweep.h5`; show them: `sweep table`."""


@sweep.command(help=GRID_HELP)
@click.argument("grid", type=click.Path(path_type=Path))
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Results to write, an HDF5 file.",
)
@click.option(
    "--jobs",
    type=int,
    show_default="cores / threads, or 8 on a GPU",
    help="Number of runs at once.",
)
@click.option("--threads", type=int, default=1, help="Number of threads of each run.")
@click.option(
    "--backend", default="auto", help=f"What to compute with. One of {', '.join(BACKENDS)}."
)
@click.option(
    "--scheduler",
    show_default="this machine alone",
    help="Address of a Dask scheduler, whose workers do the runs.",
)
@click.option(
    "--checkpoints",
    type=click.Path(path_type=Path),
    show_default="none",
    help="Folder that keeps the trained networks.",
)
@click.option("--resume", is_flag=True, help="Leave out the runs that --output holds already.")
@overwrite_option
@no_lock_option
def run(
    grid: Path,
    output: Path,
    jobs: int | None,
    threads: int,
    backend: str,
    scheduler: str | None,
    checkpoints: Path | None,
    resume: bool,
    overwrite: bool,
    no_lock: bool,
) -> None:
    """Do all runs of GRID."""
    runs = sweeps.read_grid(grid)
    before = None if resume else stamp(output)
    try:
        results = sweeps.sweep(
            runs,
            output,
            jobs=jobs,
            threads=threads,
            backend=backend,
            scheduler=scheduler,
            checkpoints=checkpoints,
            resume=resume,
            overwrite=overwrite,
            no_lock=no_lock,
            say=say,
        )
    except KeyboardInterrupt:
        if stamp(output) != before:  # Else it is the old file, which nothing has replaced yet.
            line = f"Stopped; '{output}' holds the finished runs: --resume goes on from it."
            click.echo(line, err=True)
            raise click.exceptions.Exit(130) from None
        raise
    wanted = {each.settings for each in runs}
    rows = [row for row in results.rows if results.settings_of(row) in wanted]
    failed = _tell_failed(rows)
    click.echo(f"{len(rows) - failed} runs finished, {failed} failed: {output}")
    if failed:
        raise click.exceptions.Exit(1)


@sweep.command()
@click.argument("path", metavar="RESULTS", type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as comma-separated values.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    show_default="standard output",
    help="File of comma-separated values to write.",
)
@overwrite_option
def table(path: Path, as_csv: bool, output: Path | None, overwrite: bool) -> None:
    """Print the runs of a sweep, one line each, and those that failed.

    Test figures are those of the trained network: after the last epoch, or with early stopping of
    the best one. best_epoch has the least validation loss.
    """
    results = sweeps.Results.read(path, tolerant=True)
    columns = results.columns(failed=True)
    if output is not None:
        check_free(output, overwrite=overwrite)
        with atomic_write(output) as temporary, open(temporary, "w", encoding="utf-8") as file:
            sweeps.write_csv(columns, file)
        click.echo(output)
    elif as_csv:
        sweeps.write_csv(columns, sys.stdout)
    else:
        _print(results.columns())
        _tell_kept(results)
        _tell_failed(results.rows)


def _tell_kept(results: sweeps.Results) -> None:
    """Say what is kept of how many runs, and where."""
    kept = results.kept_parts.values()
    for part in sweeps.PARTS:
        runs = sum(part in each for each in kept)
        if runs:
            say(f"{part} kept of {runs} runs in '{results.folder}'")


def _tell_failed(rows: list[sweeps.Row]) -> int:
    """Say which runs failed and why; their number."""
    failed = [row for row in rows if row["error"]]
    for row in failed:
        name = f"{row['model']} {row['dendrites']} × {row['somata']}, seed {row['seed']}"
        say(f"failed: {name} on {row['dataset']}: {row['error']}")
    return len(failed)


def _print(columns: Mapping[str, NDArray]) -> None:
    shown = [[_text(value) for value in columns[name]] for name in SHOWN]
    lines = [SHOWN, *zip(*shown, strict=True)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells))


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else one_line(str(value))
