"""Data sets in HDF5.

``train/x``, ``train/y``, ``test/x``, ``test/y`` as in `Dataset`; attributes ``name``,
``class_names``, ``licence``, ``source``, ``sha256`` (JSON), ``format`` and ``format_version``. A
file of the user's own needs the four arrays alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_write
from .dataset import Dataset

FORMAT = "sparsedend-dataset"
VERSION = 1
ARRAYS = ("train/x", "train/y", "test/x", "test/y")


def write(dataset: Dataset, path: str | Path) -> None:
    """Write a data set; at every instant the old or the new file is whole.

    Raises
    ------
    InputError
        Where the folder does not exist or cannot be written.
    """
    with atomic_write(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["name"] = dataset.name
        file.attrs["class_names"] = list(dataset.class_names)
        file.attrs["licence"] = dataset.licence
        file.attrs["source"] = dataset.source
        file.attrs["sha256"] = json.dumps(dataset.sha256)
        # Not compressed: reading takes a fifth of the time, and the originals can go.
        for name, array in zip(
            ARRAYS, (dataset.train_x, dataset.train_y, dataset.test_x, dataset.test_y), strict=True
        ):
            file[name] = array


def read(path: str | Path) -> Dataset:
    """Read a data set.

    Raises
    ------
    InputError
        Where the file is missing, truncated, not HDF5, of another version or layout, or its arrays
        are not as `Dataset` needs them.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no data set file '{path}': check the path")
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"'{path}' cannot be read as a data set ({reason}): it is damaged or not HDF5; "
            "fetch or convert it again"
        ) from error


def numbered_classes(labels: NDArray) -> tuple[str, ...]:
    """Names of the classes 0 … the greatest label.

    Raises
    ------
    InputError
        Where the greatest label is not below the number of labels: then they are no class numbers.
    """
    highest = int(labels.max(initial=0))
    if highest >= max(labels.size, 1):
        raise InputError(f"{labels.size} labels go up to {highest}: number the classes from 0 on")
    return tuple(str(label) for label in range(highest + 1))


def _read(file: h5py.File, path: Path) -> Dataset:
    kind = file.attrs.get("format", FORMAT)
    if kind != FORMAT:
        raise InputError(f"'{path}' is no data set but a {kind}: give another file")
    version = file.attrs.get("format_version", VERSION)
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
    train_x, train_y, test_x, test_y = (file[name][()] for name in ARRAYS)
    train_y, test_y = _labels(train_y, path), _labels(test_y, path)
    attributes = file.attrs
    if "class_names" in attributes:
        class_names = tuple(str(name) for name in attributes["class_names"])
    else:
        class_names = numbered_classes(np.concatenate([train_y, test_y]))
    return Dataset(
        str(attributes.get("name", path.stem)),
        class_names,
        train_x,
        train_y,
        test_x,
        test_y,
        str(attributes.get("licence", "")),
        str(attributes.get("source", "")),
        json.loads(attributes.get("sha256", "{}")),
    )


def _labels(values: np.ndarray, path: Path) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"'{path}' has labels of {values.dtype}: give integers")
    return values.astype(np.int64)
