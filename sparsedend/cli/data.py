"""Commands on data sets."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .. import datasets
from ..datasets import cache
from ..datasets.catalogue import EMBEDDED, entry
from ..errors import InputError, one_line
from ..files import check_free
from .arrays import read_npy
from .options import json_option, overwrite_option, refuse_given

#: Parameters of `convert` that are for a data set of the user's own alone.
OF_OWN = ("images", "labels", "test_fraction", "seed", "own_name", "trusted")


@click.group()
def data() -> None:
    """List, fetch, convert and describe data sets."""


@data.command("list")
def list_() -> None:
    """List the names of data sets, and where each comes from."""
    known = datasets.names()
    own = [name for name in cache.names() if name not in known]
    for name in (*known, *own):
        click.echo(f"{name:<20}{_where(name)}")


@data.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download NAME's original files and keep them as HDF5 in the cache."""
    click.echo(datasets.fetch(name))


PathOption = click.Path(path_type=Path)


@data.command()
@click.argument("name")
@click.argument("source", type=PathOption, required=False)
@click.option(
    "--images",
    type=PathOption,
    help="With own: array of images (images, height, width[, channels]), an .npy file.",
)
@click.option(
    "--labels", type=PathOption, help="With own: array of integers or texts, an .npy file."
)
@click.option(
    "--test-fraction",
    type=float,
    default=0.1,
    help="With own: share of test images, where nothing says which these are.",
)
@click.option("--seed", type=int, default=1, help="With own: seed of the choice of test images.")
@click.option("--name", "own_name", default="own", help="With own: name of the data set.")
@click.option(
    "--trusted",
    is_flag=True,
    help="With own: read the HDF5 file at once, not first in a process that it may crash.",
)
@click.option(
    "--output", type=PathOption, show_default="NAME in the cache", help="HDF5 file to write."
)
@overwrite_option
@click.pass_context
def convert(
    context: click.Context,
    name: str,
    source: Path | None,
    images: Path | None,
    labels: Path | None,
    test_fraction: float,
    seed: int,
    own_name: str,
    trusted: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Convert NAME's original files in the folder SOURCE to HDF5.

    With NAME "own", images of your own: --images and --labels, or as SOURCE a folder with a folder
    of pictures for each class (or folders train and test of such), or an HDF5 file with x and y.
    The labels that occur become the classes 0, 1, …, in their order and named by them.
    """
    title = own_name if name == "own" else name
    if name == "own":
        _check_name(own_name)
    else:
        refuse_given(context, OF_OWN, f"'{name}' is no data set of your own")
    target = output or cache.stored(title)
    if output or name == "own":
        advice = "give `overwrite=True` or another `output` or `name`"
        check_free(target, overwrite=overwrite, advice=advice)
    if name != "own":
        if source is None:
            raise InputError(f"no folder is given: name the one with the original files of {name}")
        dataset = datasets.convert(name, source)
    elif images and labels and source is None:
        dataset = datasets.from_arrays(
            title,
            read_npy(images),
            read_npy(labels),
            test_fraction=test_fraction,
            seed=seed,
        )
    elif source and not (images or labels):
        dataset = datasets.from_path(
            title, source, test_fraction=test_fraction, seed=seed, trusted=trusted
        )
    else:
        raise InputError("give --images and --labels, or a folder or an HDF5 file")
    if output is None:
        cache.make_folder()
    datasets.write(dataset, target)
    click.echo(target)


@data.command()
@click.argument("name")
@json_option
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
        text = value
        if isinstance(value, tuple):
            text = ", ".join(map(str, value))
        elif isinstance(value, dict):
            text = ", ".join(f"{part} {of_part}" for part, of_part in value.items())
        click.echo(one_line(f"{key.replace('_', ' ')}: {text}"))
    if as_json:
        click.echo(json.dumps(facts))


def _where(name: str) -> str:
    if name == EMBEDDED:
        return "comes with sparsedend"
    if cache.stored(name).is_file():
        return f"in the cache, {cache.stored(name)}"
    originals = cache.originals_folder(name)
    if originals:
        return f"to convert from {originals}"
    return "to download" if entry(name).address else "to convert: it cannot be downloaded"


def _check_name(name: str) -> None:
    """Refuse what `datasets.load` would not take for the name of a data set in the cache."""
    if name in datasets.names():
        raise InputError(f"'{name}' is the name of a known data set: give another --name")
    if not name or name.startswith(".") or datasets.is_path(name) or "/" in name or "\\" in name:
        raise InputError(
            f"'{name}' cannot be the name of a data set: give a word without separators and ending"
        )
