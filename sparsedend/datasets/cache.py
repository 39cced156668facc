"""Where data sets lie on this machine."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from .. import files
from .catalogue import EMBEDDED


def folder() -> Path:
    """``SPARSEDEND_DATA``, else the platform's cache folder for sparsedend."""
    chosen = os.environ.get("SPARSEDEND_DATA")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("sparsedend"))


def make_folder() -> None:
    """Make the cache folder.

    Raises
    ------
    InputError
        Where it cannot be made.
    """
    files.make_folder(folder(), "set SPARSEDEND_DATA to one that can")


def stored(name: str) -> Path:
    """The HDF5 file of a data set in the cache, whether it exists or not."""
    return folder() / f"{name}.h5"


def names() -> tuple[str, ...]:
    """Names of the data sets in the cache."""
    return tuple(sorted(path.stem for path in folder().glob("*.h5") if path.is_file()))


def originals_folder(name: str) -> Path | None:
    """The folder of a data set's original files, ``SPARSEDEND_ORIGINALS/<name>``, if it exists."""
    chosen = os.environ.get("SPARSEDEND_ORIGINALS")
    if not chosen:
        return None
    path = Path(chosen) / name
    return path if path.is_dir() else None


def embedded() -> Path:
    """The data set that comes with the package."""
    package = Path(str(resources.files("sparsedend")))
    installed = package / "data" / f"{EMBEDDED}.h5"
    return installed if installed.is_file() else package.parent / "data" / f"{EMBEDDED}.h5"
