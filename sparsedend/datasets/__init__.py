"""Labelled images: stored in HDF5, converted from the original files, downloaded."""

from __future__ import annotations

import contextlib
from pathlib import Path

from .. import files
from ..errors import InputError
from . import cache
from .catalogue import EMBEDDED, entry, names
from .dataset import Dataset
from .download import fetch
from .originals import convert
from .own import from_arrays, from_path
from .store import read, write
from .transforms import noisy

__all__ = [
    "Dataset",
    "convert",
    "fetch",
    "from_arrays",
    "from_path",
    "is_path",
    "load",
    "names",
    "noisy",
    "read",
    "stamp",
    "write",
]


def is_path(name_or_path: str | Path) -> bool:
    """Whether `load` reads it as a path: it has a separator or ends in .h5 or .hdf5."""
    path = Path(name_or_path)
    # Such a path's text has more than a name, were it only "./" before it.
    return path.name != str(name_or_path) or path.suffix in (".h5", ".hdf5")


def stamp(name_or_path: str | Path) -> tuple[int, int] | None:
    """Time and size of the file that `load` reads, which change with it; None where it is none."""
    path = Path(name_or_path) if is_path(name_or_path) else cache.stored(str(name_or_path))
    return files.stamp(path)


def load(name_or_path: str | Path) -> Dataset:
    """Get a data set by name or from an HDF5 file.

    A name is looked up in the cache (``SPARSEDEND_DATA``), else converted from original files in
    ``SPARSEDEND_ORIGINALS/<name>``, else downloaded.

    Parameters
    ----------
    name_or_path : str or Path
        One of `names()`, one that was converted into the cache, or a path: it has a separator or
        ends in .h5 or .hdf5.

    Raises
    ------
    InputError
        Where there is no such data set, or it cannot be read, converted or downloaded.
    """
    if is_path(name_or_path):
        return read(name_or_path)
    name = str(name_or_path)
    if name == EMBEDDED:
        return read(cache.embedded())
    if files.is_file(cache.stored(name)):
        return read(cache.stored(name))
    entry(name, cache.names())
    originals = cache.originals_folder(name)
    if originals is None:
        return read(fetch(name))
    dataset = convert(name, originals)
    # Where it cannot be kept, that only costs time on the next run.
    with contextlib.suppress(InputError):
        cache.make_folder()
        write(dataset, cache.stored(name))
    return dataset
