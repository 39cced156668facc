"""The command that writes networks for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .. import backends, checkpoint
from .. import export as exports
from ..errors import InputError
from .options import overwrite_option

FORMATS = {"onnx": exports.onnx, "c": exports.c, "npz": exports.npz, "scipy": exports.scipy}
#: Formats that have each option.
TAKEN = {"raw": ("onnx", "c", "npz"), "name": ("c",), "quantize": ("c",)}


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    required=True,
    type=click.Choice(list(FORMATS)),
    help="What to write: a graph, a C99 file, arrays with a NumPy program, a ZIP of matrices.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write."
)
@overwrite_option
@click.option("--raw", is_flag=True, help="End with the outputs instead of probabilities.")
@click.option(
    "--name",
    show_default="that of the file",
    help="With c: what stands before _predict in the function's name.",
)
@click.option(
    "--quantize", is_flag=True, help="With c: weights of 8 bits, with a scale for each dendrite."
)
def export(path: Path, form: str, output: Path, overwrite: bool, **options: Any) -> None:
    """Write the network of CHECKPOINT for programs that have no sparsedend.

    They take float32, of images the pixels row by row with bytes divided by 255, and get
    probabilities where there are any, else values. With --to npz a program of the same name, but
    .py, is written too.
    """
    given = {name: value for name, value in options.items() if value}
    for name in given:
        if form not in TAKEN[name]:
            words = ", ".join(TAKEN[name])
            raise InputError(f"`{name}` is given, but is for {words} alone: leave it out")
    network = checkpoint.load(path, backend=backends.create("numpy"))
    FORMATS[form](network, output, overwrite=overwrite, **given)
    click.echo(output)
