"""Data sets made from the files that their authors published."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import is_file
from . import checksums, cifar10, idx
from .catalogue import entry
from .dataset import Dataset

#: Of the 40,000 images of emnist-bymerge-40k.
BYMERGE_TEST_IMAGES = 10_000


class Arrays(NamedTuple):
    """Images (images, height, width, channels) and labels (images,), as `Dataset` needs them."""

    train_x: NDArray
    train_y: NDArray
    test_x: NDArray
    test_y: NDArray


def convert(name: str, folder: str | Path) -> Dataset:
    """Read the original files of a known data set.

    Parameters
    ----------
    name : str
    folder : str or Path
        Where the files lie under their original names. CIFAR-10 may be unpacked, its batches also
        compressed by xz.

    Raises
    ------
    InputError
        Where the name is unknown, files are missing, or one has another checksum.
    """
    known, folder = entry(name), Path(folder)
    if known.layout == "cifar10" and not is_file(folder / next(iter(known.md5))):
        contents = cifar10.unpacked(folder)
        arrays = Arrays(*cifar10.arrays(contents))
    else:
        contents = checksums.read_checked(folder, known.md5)
        arrays = LAYOUTS[known.layout](contents, folder)
    sha256 = checksums.sha256(contents)
    return Dataset(name, known.class_names, *arrays, known.licence, known.source, sha256)


def _idx(contents: dict[str, bytes], folder: Path) -> Arrays:
    """Four IDX files: training images and labels, test images and labels."""
    return Arrays(
        *(
            _images(content, folder / name) if number % 2 == 0 else _labels(content, folder / name)
            for number, (name, content) in enumerate(contents.items())
        )
    )


def _emnist_balanced(contents: dict[str, bytes], folder: Path) -> Arrays:
    """Four IDX files inside a zip archive, images transposed."""
    ((archive, content),) = contents.items()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            parts = {
                name: file.read(name)
                for part in ("train", "test")
                for name in (
                    f"gzip/emnist-balanced-{part}-images-idx3-ubyte.gz",
                    f"gzip/emnist-balanced-{part}-labels-idx1-ubyte.gz",
                )
            }
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"'{folder / archive}' is no EMNIST archive ({error}): get it again"
        ) from error
    return _upright(_idx(parts, folder / archive))


def _emnist_bymerge(contents: dict[str, bytes], folder: Path) -> Arrays:
    """One file of images, transposed, and one of labels; the last images are for the test."""
    (images_name, images_), (labels_name, labels_) = contents.items()
    x = _images(images_, folder / images_name)
    y = _labels(labels_, folder / labels_name)
    cut = len(x) - BYMERGE_TEST_IMAGES
    return _upright(Arrays(x[:cut], y[:cut], x[cut:], y[cut:]))


def _cifar10(contents: dict[str, bytes], folder: Path) -> Arrays:
    """An archive of pickled batches."""
    ((archive, content),) = contents.items()
    return Arrays(*cifar10.arrays(cifar10.members(content, folder / archive)))


#: Readers of (contents by name, folder they come from), by `Entry.layout`.
LAYOUTS: dict[str, Callable[[dict[str, bytes], Path], Arrays]] = {
    "idx": _idx,
    "emnist-balanced": _emnist_balanced,
    "emnist-bymerge-40k": _emnist_bymerge,
    "cifar10": _cifar10,
}


def _images(content: bytes, where: Path) -> NDArray:
    return idx.decode(content, idx.IMAGES, where)[..., None]


def _labels(content: bytes, where: Path) -> NDArray:
    return idx.decode(content, idx.LABELS, where).astype(np.int64)


def _upright(arrays: Arrays) -> Arrays:
    """EMNIST's images are stored with rows and columns exchanged."""
    return arrays._replace(
        train_x=np.ascontiguousarray(arrays.train_x.swapaxes(1, 2)),
        test_x=np.ascontiguousarray(arrays.test_x.swapaxes(1, 2)),
    )
