"""Data sets of the user's own: arrays, HDF5 files, folders of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..randomness import stream
from . import store
from .dataset import Dataset

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def from_arrays(
    name: str,
    images: NDArray,
    labels: NDArray,
    *,
    test_fraction: float = 0.1,
    seed: int = 1,
) -> Dataset:
    """Hold a share of labelled images out for the test.

    Parameters
    ----------
    name : str
    images : (images, height, width) or (images, height, width, channels)
        uint8, or finite float32 or float64.
    labels : (images,), integers from 0 on, or texts
        Texts are numbered in alphabetical order.
    test_fraction : float
        In (0, 1).
    seed : int
        Of the choice.

    Raises
    ------
    InputError
        Where these are no images and labels, or a part would be empty.
    """
    if not 0 < test_fraction < 1:
        raise InputError(f"test fraction is {test_fraction}: give a number between 0 and 1")
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise InputError(
            f"images have shape {images.shape}, labels {labels.shape}: give (images, height, "
            "width[, channels]) and one label for each"
        )
    class_names, numbers = _numbered(labels)
    order = stream(seed, "split").permutation(len(images))
    held_out = round(test_fraction * len(images))
    if not 0 < held_out < len(images):
        raise InputError(
            f"a test fraction of {test_fraction} takes {held_out} of {len(images)} images: "
            "leave images for both parts"
        )
    train, test = order[:-held_out], order[-held_out:]
    return Dataset(name, class_names, images[train], numbers[train], images[test], numbers[test])


def from_path(name: str, path: str | Path, *, test_fraction: float = 0.1, seed: int = 1) -> Dataset:
    """Read a folder of class folders with pictures, or an HDF5 file.

    A folder has the two folders ``train`` and ``test`` of class folders, or class folders alone.
    Pictures are grey if all are, else RGB; 16 bits become 8, and what is transparent white. An HDF5
    file has the data sets of `store`, or ``x`` and ``y`` alone or in ``train``. Where there is no
    test part, `from_arrays` makes one.

    Raises
    ------
    InputError
        Where there is neither, a picture cannot be read, or pictures differ in size.
    """
    path = Path(path)
    if path.is_file():
        return _from_file(name, path, test_fraction, seed)
    if not path.is_dir():
        raise InputError(f"there is no '{path}': give a folder of class folders or an HDF5 file")
    if (path / "train").is_dir() and (path / "test").is_dir():
        class_names = _class_folders(path / "train")
        train_x, train_y = _pictures(path / "train", class_names)
        test_x, test_y = _pictures(path / "test", class_names)
        if _grey(train_x) and _grey(test_x):
            train_x, test_x = train_x[..., :1], test_x[..., :1]
        return Dataset(name, class_names, train_x, train_y, test_x, test_y)
    class_names = _class_folders(path)
    images, labels = _pictures(path, class_names)
    if _grey(images):
        images = images[..., :1]
    texts = np.asarray(class_names)[labels]
    return from_arrays(name, images, texts, test_fraction=test_fraction, seed=seed)


def _from_file(name: str, path: Path, test_fraction: float, seed: int) -> Dataset:
    try:
        with h5py.File(path, "r") as file:
            part = file["train"] if "train" in file and "test" not in file else file
            x, y = part.get("x"), part.get("y")
            if not (isinstance(x, h5py.Dataset) and isinstance(y, h5py.Dataset)):
                return replace(store.read(path), name=name)
            images = x[()]
            labels = y[()] if h5py.check_string_dtype(y.dtype) is None else y.asstr()[()]
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())
        raise InputError(f"'{path}' cannot be read ({reason}): give an HDF5 file") from error
    return from_arrays(name, images, np.asarray(labels), test_fraction=test_fraction, seed=seed)


def _numbered(labels: NDArray) -> tuple[tuple[str, ...], NDArray]:
    if np.issubdtype(labels.dtype, np.integer):
        if labels.size and labels.min() < 0:
            where = int(labels.argmin())
            raise InputError(f"label {labels[where]} of image {where} is below 0: count from 0")
        return store.numbered_classes(labels), labels.astype(np.int64)
    try:
        texts = labels.astype(str) if labels.dtype.kind in "USO" else None
    except UnicodeDecodeError as error:
        raise InputError(f"labels are bytes that are no ASCII ({error}): give texts") from error
    if texts is None:
        raise InputError(f"labels are {labels.dtype}: give integers or texts")
    names, numbers = np.unique(texts, return_inverse=True)
    return tuple(map(str, names)), numbers.astype(np.int64)


def _class_folders(folder: Path) -> tuple[str, ...]:
    inside = (path for path in folder.iterdir() if path.is_dir())
    names = tuple(sorted(path.name for path in inside if not path.name.startswith(".")))
    if len(names) < 2:
        raise InputError(
            f"'{folder}' has {len(names)} folders: give one folder of pictures for each class"
        )
    return names


def _pictures(folder: Path, class_names: tuple[str, ...]) -> tuple[NDArray, NDArray]:
    """RGB images and labels."""
    pictures: list[NDArray] = []
    labels: list[int] = []
    unknown = set(_class_folders(folder)) - set(class_names)
    if unknown:
        raise InputError(
            f"'{folder}' has classes that 'train' has not ({', '.join(sorted(unknown))})"
        )
    for label, class_name in enumerate(class_names):
        for path in _files(folder / class_name):
            picture = _picture(path)
            if pictures and picture.shape[:2] != pictures[0].shape[:2]:
                raise InputError(
                    f"'{path}' has {picture.shape[0]} × {picture.shape[1]} pixels, those before "
                    f"{pictures[0].shape[0]} × {pictures[0].shape[1]}: make all the same size"
                )
            pictures.append(picture)
            labels.append(label)
    if not pictures:
        raise InputError(f"'{folder}' has no pictures ({', '.join(PICTURES)}) in its folders")
    return np.stack(pictures), np.asarray(labels, np.int64)


def _grey(images: NDArray) -> bool:
    return bool((images == images[..., :1]).all())


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _picture(path: Path) -> NDArray:
    """(height, width, 3) uint8."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError(
            "Pillow, which reads pictures, is not installed: pip install 'sparsedend[images]'"
        ) from None
    try:
        with Image.open(path) as picture:
            if picture.mode == "F" or picture.mode.startswith("I"):
                return _from_integers(np.asarray(picture), path)
            if not picture.has_transparency_data:
                return np.asarray(picture.convert("RGB"))
            white = Image.new("RGBA", picture.size, "white")
            return np.asarray(Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"'{path}' cannot be read as a picture ({reason}): replace it") from error


def _from_integers(values: NDArray, path: Path) -> NDArray:
    """Grey values of 16 bits, which Pillow's own conversion would cut off at 255."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() >= 2**16:
        raise InputError(f"'{path}' has values of more than 16 bits: save it with 8 or 16")
    return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
