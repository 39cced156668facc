"""Where an exported network goes."""

from __future__ import annotations

from pathlib import Path

from .. import files


def check_free(*paths: Path, overwrite: bool) -> None:
    """Refuse to replace files, unless that is asked for; the parameter of the path has any name.

    Raises
    ------
    InputError
        Where one exists and `overwrite` is not given.
    """
    files.check_free(*paths, overwrite=overwrite, advice="give `overwrite=True` or another name")
