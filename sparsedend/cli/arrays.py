"""Arrays that `predict` reads and writes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_write, is_file, unreadable


def read_images(path: Path) -> NDArray:
    """Images from an .npy file, or from `x` or `test/x` of an HDF5 file.

    Raises
    ------
    InputError
        Where the file is missing, damaged, of another kind or has no images.
    """
    if path.suffix == ".npy":
        return read_npy(path)
    if not is_file(path):
        raise InputError(f"there is no file '{path}': check the path")
    try:
        with h5py.File(path, "r") as file:
            for name in ("x", "test/x"):
                if isinstance(file.get(name), h5py.Dataset):
                    return file[name][()]
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        advice = "give an .npy array or an HDF5 file"
        raise unreadable(path, error, "HDF5", advice) from error
    raise InputError(f"'{path}' has neither a data set 'x' nor 'test/x': add the images as 'x'")


def read_npy(path: Path) -> NDArray:
    """Array of an .npy file.

    Raises
    ------
    InputError
        Where the file is missing, damaged, of another kind or holds Python objects.
    """
    if not is_file(path):
        raise InputError(f"there is no file '{path}': check the path")
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"'{path}' cannot be read ({reason}): give an .npy array") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"'{path}' holds several arrays: give an .npy array")
    return array


def write_array(path: Path, array: NDArray) -> None:
    """Write an .npy file; at every instant the old or the new one is whole."""
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)
