"""Data sets made from the files that their authors published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..errors import InputError
from . import idx
from .catalogue import PARTS, entry
from .dataset import Dataset


def convert(name: str, folder: str | Path) -> Dataset:
    """Read the original files of a known data set.

    Parameters
    ----------
    name : str
    folder : str or Path
        Where the files lie under their original names.

    Raises
    ------
    InputError
        Where the name is unknown, files are missing, or one has another checksum.
    """
    known, folder = entry(name), Path(folder)
    missing = [file for file in known.md5 if not (folder / file).is_file()]
    if missing:
        raise InputError(f"'{folder}' has no {', '.join(missing)}: put the original files there")
    sha256 = {}
    for file, expected in known.md5.items():
        content = (folder / file).read_bytes()
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != expected:
            raise InputError(
                f"'{folder / file}' has MD5 {found}, the original {expected}: get it again"
            )
        sha256[file] = hashlib.sha256(content).hexdigest()
    arrays = {
        part: idx.read(folder / file, idx.IMAGES if "images" in part else idx.LABELS)
        for part, file in zip(PARTS, known.md5, strict=True)
    }
    return Dataset(
        name,
        known.class_names,
        arrays["train-images"][..., None],
        arrays["train-labels"].astype(np.int64),
        arrays["test-images"][..., None],
        arrays["test-labels"].astype(np.int64),
        known.licence,
        known.source,
        sha256,
    )
