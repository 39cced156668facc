"""The command that says whether a file is as it was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .. import checkpoint, datasets, digests, hdf5
from ..datasets import store
from ..errors import InputError
from ..files import check_file
from ..sweep import Results, kept, results

#: What a file may be, by what it says of itself: its name, and what reads it.
KINDS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    checkpoint.FORMAT: ("checkpoint", checkpoint.read),
    store.FORMAT: ("data set", datasets.read),
    results.FORMAT: ("results of a sweep", Results.read),
    kept.FORMAT: ("what a sweep kept of a run", kept.read),
}


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Tell whether FILE, a checkpoint, data set or sweep, can be read and is as it was written."""
    found, sealed = _told(path)
    if found not in KINDS:
        raise InputError(f"'{path}' is a {found}: give a file that sparsedend wrote")
    name, read = KINDS[found]
    read(path)
    state = "as it was written" if sealed else "it can be read; it has no digest to tell more by"
    click.echo(f"{path}: {name}, {state}")


def format_of(path: Path) -> str:
    """What a file says it is: one of `KINDS`, where sparsedend wrote it.

    Raises
    ------
    InputError
        Where there is no file, or it is no HDF5.
    """
    found, _ = _told(path)
    return found


def _told(path: Path) -> tuple[str, bool]:
    """What a file says it is, and whether it has a digest, which has then been checked."""
    check_file(path)
    with hdf5.reading(path, "a file of sparsedend", "use another copy") as file:
        # Nothing else may stand in a digest's place.
        sealed = file.userblock_size == digests.ROOM
        return str(hdf5.attribute(file, "format", store.FORMAT)), sealed
