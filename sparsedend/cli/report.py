"""The command that writes a page on a checkpoint or a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from .. import backends
from .. import report as reports
from ..errors import InputError
from ..files import check_free, write
from ..sweep import results
from .check import format_of
from .options import backend_options, compilation_announced, dataset_option, overwrite_option


@click.command()
@click.argument("path", metavar="CHECKPOINT_OR_SWEEP", type=click.Path(path_type=Path))
@click.option(
    *("-o", "--output"),
    required=True,
    type=click.Path(path_type=Path),
    help="HTML file to write.",
)
@overwrite_option
@dataset_option
@backend_options
def report(
    path: Path,
    output: Path,
    overwrite: bool,
    dataset: str | None,
    backend: str,
    threads: int | None,
) -> None:
    """Write one HTML page that shows a checkpoint, or the results of a sweep.

    Of a checkpoint: configuration, curves, confusions, receptive fields, weights and nodes. Of a
    sweep: accuracy and loss against parameters, efficiency, and a table that can be sorted.
    """
    check_free(output, overwrite=overwrite)
    if format_of(path) == results.FORMAT:
        if dataset is not None:
            raise InputError("`dataset` is given, but is for checkpoints alone: leave it out")
        page = reports.of_sweep(path)
    else:
        engine = backends.create(backend, threads)
        with compilation_announced(engine):
            page = reports.of_checkpoint(path, dataset, backend=engine)
    write(output, page.encode())
    click.echo(output)
