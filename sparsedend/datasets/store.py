"""Data sets in HDF5.

``train/x``, ``train/y``, ``test/x``, ``test/y`` as in `Dataset`; attributes ``name``,
``class_names`` (an array of texts), ``licence``, ``source``, ``sha256`` (JSON), ``format`` and
``format_version``. A file of the user's own needs the four arrays alone.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from .. import hdf5
from ..errors import InputError
from ..files import check_file
from . import labels
from .dataset import Dataset, warn_of_empty

FORMAT = "sparsedend-dataset"
VERSION = 1
ARRAYS = ("train/x", "train/y", "test/x", "test/y")
#: What images and labels in a file may be at first: numbers; numbers or texts.
KINDS = ("iuf", "iufbSO")


def write(dataset: Dataset, path: str | Path) -> None:
    """Write a data set; at every instant the old or the new file is whole.

    Raises
    ------
    InputError
        Where the folder does not exist or cannot be written.
    """
    # In HDF5's oldest format attributes, such as the classes' names, end at 64 kB.
    with hdf5.writing(path, libver="v108") as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["name"] = dataset.name
        file.attrs["class_names"] = list(dataset.class_names)
        file.attrs["licence"] = dataset.licence
        file.attrs["source"] = dataset.source
        file.attrs["sha256"] = hdf5.to_json(dataset.sha256)
        # Not compressed: reading takes a fifth of the time, and the originals can go.
        for name, array in zip(
            ARRAYS, (dataset.train_x, dataset.train_y, dataset.test_x, dataset.test_y), strict=True
        ):
            file[name] = array


def read(path: str | Path, *, name: str | None = None, renumber: bool = False) -> Dataset:
    """Read a data set.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        What it is called, by default as in the file, else after the file.
    renumber : bool
        Where the file names no classes: make one of every label that occurs, an integer or a text,
        instead of the classes 0 … the greatest label.

    Raises
    ------
    InputError
        Where the file is missing, truncated, not HDF5, being written, of another version or layout,
        or its arrays are not as `Dataset` needs them.

    Warns
    -----
    UserWarning
        Where a class has no images.
    """
    path = Path(path)
    check_file(path, "data set file")
    with hdf5.reading(path, "a data set", "fetch or convert it again") as file:
        return _read(file, path, name, renumber)


def class_names_of(file: h5py.File, path: Path) -> tuple[str, ...] | None:
    """Names of the classes that a file's attributes hold; None where they do not.

    Raises
    ------
    InputError
        Where they are no array of texts.
    """
    if "class_names" not in file.attrs:
        return None
    stored = hdf5.attribute(file, "class_names")
    if not isinstance(stored, np.ndarray) or stored.ndim != 1:
        raise InputError(
            f"'{path}' has class_names that are {stored!r}: store an array of one text for each "
            "class"
        )
    return tuple(labels.text(name, f"'{path}': class name") for name in stored)


def _read(file: h5py.File, path: Path, name: str | None, renumber: bool) -> Dataset:
    kind = hdf5.attribute(file, "format", FORMAT)
    if kind != FORMAT:
        raise InputError(f"'{path}' is no data set but a {kind}: give another file")
    version = hdf5.attribute(file, "format_version", VERSION)
    if version != VERSION:
        raise InputError(
            f"'{path}' has data set format {version}, this version of sparsedend reads {VERSION}: "
            "convert it again"
        )
    missing = [name for name in ARRAYS if not isinstance(file.get(name), h5py.Dataset)]
    if missing:
        raise InputError(
            f"'{path}' has no {', '.join(missing)}: a data set has {', '.join(ARRAYS)}"
        )
    train_x, train_y, test_x, test_y = (
        hdf5.array(file, name, kinds) for name, kinds in zip(ARRAYS, KINDS * 2, strict=True)
    )
    class_names, advice = class_names_of(file, path), "check whether its class_names are right"
    if class_names is None and renumber:
        class_names, (train_y, test_y) = labels.numbered(train_y, test_y)
    else:
        train_y, test_y = (labels.integers(y, f"'{path}'") for y in (train_y, test_y))
    if class_names is None:
        class_names = labels.up_to_greatest(np.concatenate([train_y, test_y]))
        advice = "convert it ('sparsedend data convert own') for classes of those that occur alone"
    dataset = Dataset(
        _text(file, "name", path.stem) if name is None else name,
        class_names,
        train_x,
        train_y,
        test_x,
        test_y,
        _text(file, "licence", ""),
        _text(file, "source", ""),
        hdf5.from_json(_text(file, "sha256", "{}")),
    )
    warn_of_empty(dataset, f"'{path}'", advice)
    return dataset


def _text(file: h5py.File, name: str, default: str) -> str:
    return labels.text(hdf5.attribute(file, name, default), f"'{file.filename}': {name}")
