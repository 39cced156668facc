"""Commands on data sets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import datasets
from ..datasets import cache, store
from ..datasets.catalogue import EMBEDDED
from ..errors import InputError


@click.group()
def data() -> None:
    """List, fetch, convert and describe data sets."""


@data.command("list")
def list_() -> None:
    """Names, and where each data set comes from."""
    for name in datasets.names():
        click.echo(f"{name:<10}{_where(name)}")


@data.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download NAME's original files and keep them as HDF5 in the cache."""
    click.echo(datasets.fetch(name))


@data.command()
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="HDF5 file.  [default: the cache]")
@click.option("--overwrite", is_flag=True, help="Replace --output if it exists.")
def convert(name: str, folder: Path, output: Path | None, overwrite: bool) -> None:
    """Convert NAME's original files in FOLDER to HDF5."""
    if output and output.exists() and not overwrite:
        raise InputError(f"'{output}' exists: give --overwrite or another --output")
    dataset = datasets.convert(name, folder)
    if output is None:
        output = cache.stored(name)
        cache.make_folder()
    store.write(dataset, output)
    click.echo(output)


@data.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def info(name: str, as_json: bool) -> None:
    """Describe the data set NAME, or that of an HDF5 file."""
    dataset = datasets.load(name)
    facts = {
        "name": dataset.name,
        "train_images": len(dataset.train_x),
        "test_images": len(dataset.test_x),
        "image_shape": dataset.image_shape,
        "dtype": str(dataset.train_x.dtype),
        "classes": dataset.classes,
        "class_names": dataset.class_names,
        "licence": dataset.licence,
        "source": dataset.source,
        "sha256": dataset.sha256,
    }
    for key, value in facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, tuple | dict) else value
        click.echo(f"{key.replace('_', ' ')}: {text}")
    if as_json:
        click.echo(json.dumps(facts))


def _where(name: str) -> str:
    if name == EMBEDDED:
        return "comes with sparsedend"
    if cache.stored(name).is_file():
        return f"in the cache, {cache.stored(name)}"
    originals = cache.originals(name)
    return f"to convert from {originals}" if originals else "to download"
