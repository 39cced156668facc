"""Where an exported network goes."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..files import atomic_write, exists


def check_free(*paths: Path, overwrite: bool) -> None:
    """Refuse to replace files, unless that is asked for.

    Raises
    ------
    InputError
        Where one exists and `overwrite` is not given.
    """
    for path in paths:
        if not overwrite and exists(path):
            raise InputError(f"'{path}' exists: give `overwrite=True` or another name")


def write(path: Path, contents: bytes) -> None:
    """Write a file, which is whole at every instant."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(contents)
