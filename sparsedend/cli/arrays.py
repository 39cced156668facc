"""Arrays that commands read and write."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import IO

import h5py
import numpy as np
from numpy.lib import format
from numpy.typing import NDArray

from .. import hdf5
from ..errors import InputError
from ..files import atomic_write, check_file


def read_images(path: Path) -> NDArray:
    """Images from an .npy file, or from `x` or `test/x` of an HDF5 file.

    Raises
    ------
    InputError
        Where the file is missing, damaged, of another kind or has no images.
    """
    if path.suffix == ".npy":
        return read_npy(path)
    check_file(path)
    with hdf5.reading(path, "HDF5", "give an .npy array or an HDF5 file") as file:
        for name in ("x", "test/x"):
            if isinstance(file.get(name), h5py.Dataset):
                return hdf5.array(file, name, "iuf")
    raise InputError(f"'{path}' has neither a data set 'x' nor 'test/x': add the images as 'x'")


def read_npy(path: Path) -> NDArray:
    """Array of an .npy file.

    Raises
    ------
    InputError
        Where the file is missing, damaged, of another kind or holds Python objects.
    """
    check_file(path)
    try:
        with open(path, "rb") as file:
            _check_header(file)
            return np.load(file, allow_pickle=False)
    except Exception as error:  # A header is Python's own, and damaged makes errors of any kind.
        text = " ".join(str(error).split())
        raise InputError(f"'{path}' cannot be read ({text}): give an .npy array") from error


def write_array(path: Path, array: NDArray) -> None:
    """Write an .npy file; at every instant the old or the new one is whole."""
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def _check_header(file: IO[bytes]) -> None:
    """Refuse what declares more or less than it has, before it is allocated."""
    if file.read(2) == b"PK":
        raise ValueError("it holds several arrays")
    file.seek(0)
    version = format.read_magic(file)
    read = format.read_array_header_1_0 if version == (1, 0) else format.read_array_header_2_0
    shape, _, dtype = read(file)
    declared, start = math.prod(shape) * dtype.itemsize, file.tell()
    found = file.seek(0, os.SEEK_END) - start
    if found != declared and not dtype.hasobject:
        raise ValueError(f"it has {found:,} bytes of values and declares {declared:,}")
    file.seek(0)
