"""Data sets of the user's own: arrays, HDF5 files, folders of pictures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .. import hdf5
from ..errors import InputError
from ..files import check_file, is_file
from ..numbers import real
from ..randomness import stream
from . import labels as labelling
from . import store
from .dataset import Dataset, refuse_masked, warn_of_empty
from .trial import read_for_a_trial

#: Formats of which Pillow gives values of 16 bits as of 32; of any other, nobody knows which of
#: the 32 are used.
SIXTEEN_BITS = ("PNG", "PPM")
PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

#: Advice on a class without images.
EMPTY = "add some, or take the class away"


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
        uint8, 0 … 255, or float32 or float64, best 0 … 1.
    labels : (images,), integers of 0 or more, or texts
        The labels that occur become the classes 0, 1, …, named by them, in the order of numbers or
        of the alphabet. Bytes are texts in UTF-8.
    test_fraction : float
        Share of the images to test with, in (0, 1).
    seed : int
        Seed of the choice of these.

    Raises
    ------
    InputError
        Where these are no images and labels, or a part would be empty.

    Warns
    -----
    UserWarning
        Where the labels are not 0, 1, … without a gap, so that classes have other numbers; where
        floats are not scaled to 0 … 1.
    """
    return _split(name, None, images, labels, test_fraction, _chosen(test_fraction, seed))


def from_path(
    name: str,
    path: str | Path,
    *,
    test_fraction: float = 0.1,
    seed: int = 1,
    trusted: bool = True,
) -> Dataset:
    """Read a folder of class folders with pictures, or an HDF5 file.

    A folder has the two folders ``train`` and ``test`` of class folders, or class folders alone.
    Pictures are grey if all are, else RGB, and turned as their EXIF data says; 16 bits become 8,
    and what is transparent white; each file holds one. Hidden files are left out. An HDF5 file has
    the data sets of `store`, or ``x`` and ``y`` alone or in ``train``; its labels become classes as
    those of `from_arrays` do, unless it names the classes. Where there is no test part, one is made
    as by `from_arrays`.

    A file that is not `trusted` is first read in a process of its own, which may crash, hang or run
    out of memory.

    Raises
    ------
    InputError
        Where there is neither, a picture cannot be read, or pictures differ in size.

    Warns
    -----
    UserWarning
        As `from_arrays`; where hidden pictures are left out; where a class has no images.
    """
    path, rng = Path(path), _chosen(test_fraction, seed)
    if is_file(path):
        if not trusted:
            read_for_a_trial(name, path, test_fraction, seed)
        return _from_file(name, path, test_fraction, rng)
    if not path.is_dir():
        raise InputError(f"there is no '{path}': give a folder of class folders or an HDF5 file")
    if (path / "train").is_dir() and (path / "test").is_dir():
        class_names, ((train_x, train_y), (test_x, test_y)) = _pictures(
            path / "train", path / "test"
        )
        dataset = Dataset(name, class_names, train_x, train_y, test_x, test_y)
        warn_of_empty(dataset, f"'{path}'", EMPTY)
        return dataset
    class_names, ((images, labels),) = _pictures(path)
    return _split(name, class_names, images, labels, test_fraction, rng)


def _chosen(test_fraction: float, seed: int) -> np.random.Generator:
    """Random numbers to choose with; before anything is read, since that may take long."""
    real("test fraction", test_fraction, 0, 1, above=True)
    return stream(seed, "split")


def _split(
    name: str,
    class_names: tuple[str, ...] | None,
    images: NDArray,
    labels: NDArray,
    test_fraction: float,
    rng: np.random.Generator,
) -> Dataset:
    """As `from_arrays`; labels are integers where their classes have names already."""
    images, labels = _array("images", images), _array("labels", labels)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise InputError(
            f"images have shape {images.shape}, labels {labels.shape}: give (images, height, "
            "width[, channels]) and one label for each"
        )
    if class_names is None:
        class_names, (labels,) = labelling.numbered(labels)
    labels = labelling.integers(labels, f"'{name}'")
    order = rng.permutation(len(images))
    held_out = round(test_fraction * len(images))
    if not 0 < held_out < len(images):
        raise InputError(
            f"a test fraction of {test_fraction} takes {held_out} of {len(images)} images: "
            "leave images for both parts"
        )
    train, test = order[:-held_out], order[-held_out:]
    parts = images[train], labels[train], images[test], labels[test]
    dataset = Dataset(name, class_names, *parts)
    warn_of_empty(dataset, f"'{name}'", EMPTY)
    return dataset


def _from_file(name: str, path: Path, test_fraction: float, rng: np.random.Generator) -> Dataset:
    with hdf5.reading(path, "a data set", "give an HDF5 file") as file:
        part = file["train"] if "train" in file and "test" not in file else file
        if all(isinstance(part.get(each), h5py.Dataset) for each in ("x", "y")):
            images, labels = (
                hdf5.array(part, each, kinds)
                for each, kinds in zip(("x", "y"), store.KINDS, strict=True)
            )
            class_names = store.class_names_of(file, path)
            return _split(name, class_names, images, labels, test_fraction, rng)
    return store.read(path, name=name, renumber=True)


def _array(what: str, values: Any) -> NDArray:
    """Values as an array of NumPy's, which a list of unequal rows or a sparse matrix is not."""
    refuse_masked(what, values)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{what} are no array ({reason}): give an array of NumPy's") from error
    if array.shape == ():
        raise InputError(f"{what} are {type(values).__name__}: give an array of NumPy's")
    return array


def _class_folders(folder: Path) -> tuple[str, ...]:
    inside = (path for path in folder.iterdir() if path.is_dir())
    names = tuple(sorted(path.name for path in inside if not path.name.startswith(".")))
    if len(names) < 2:
        raise InputError(
            f"'{folder}' has {len(names)} folders: give one folder of pictures for each class"
        )
    return names


def _pictures(*folders: Path) -> tuple[tuple[str, ...], list[tuple[NDArray, NDArray]]]:
    """The first folder's classes, and images and labels of each, grey if all are."""
    class_names = _class_folders(folders[0])
    for folder in folders[1:]:
        unknown = sorted(set(_class_folders(folder)) - set(class_names))
        if unknown:
            raise InputError(
                f"'{folder}' has classes that '{folders[0].name}' does not have "
                f"({', '.join(unknown)}): give both the same folders"
            )
    hidden = [
        f"{folder.name}/{class_name}/{path.name}"
        for folder in folders
        for class_name in class_names
        for path in _files(folder / class_name, hidden=True)
    ]
    if hidden:
        warnings.warn(f"hidden files are left out: {labelling.shown(hidden)}", stacklevel=3)
    parts = [_part(folder, class_names) for folder in folders]
    if all((images == images[..., :1]).all() for images, _ in parts):
        parts = [(images[..., :1], labels) for images, labels in parts]
    return class_names, parts


def _part(folder: Path, class_names: tuple[str, ...]) -> tuple[NDArray, NDArray]:
    """RGB images and labels."""
    pictures: list[NDArray] = []
    labels: list[int] = []
    for label, class_name in enumerate(class_names):
        for path in _files(folder / class_name):
            check_file(path, "picture")
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


def _files(folder: Path, *, hidden: bool = False) -> list[Path]:
    """Pictures by name: those that are hidden, as macOS leaves ``._x.png``, or the others."""
    found = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(
        path
        for path in found
        if path.suffix.lower() in PICTURES and path.name.startswith(".") == hidden
    )


def _picture(path: Path) -> NDArray:
    """(height, width, 3) uint8."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise InputError(
            "Pillow, which reads pictures, is not installed: pip install 'sparsedend[images]'"
        ) from None
    try:
        with Image.open(path) as stored:
            # The others of an MPO are previews, or for the other eye.
            if getattr(stored, "n_frames", 1) > 1 and stored.format != "MPO":
                raise InputError(
                    f"'{path}' holds {stored.n_frames} pictures: save each in a file of its own"
                )
            picture = ImageOps.exif_transpose(stored)
            if picture.mode == "F" or (picture.mode == "I" and stored.format not in SIXTEEN_BITS):
                raise InputError(
                    f"'{path}' has values of more than 16 bits, or with a sign: save it with 8 or "
                    "16 bits"
                )
            if picture.mode.startswith("I"):
                # Pillow's own conversion would cut them off at 255.
                grey = (np.asarray(picture) >> 8).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            if not picture.has_transparency_data:
                return np.asarray(picture.convert("RGB"))
            white = Image.new("RGBA", picture.size, "white")
            return np.asarray(Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB"))
    except (InputError, MemoryError):
        raise
    except Exception as error:  # A damaged file makes Pillow raise errors of any kind.
        reason = " ".join(str(error).split())
        raise InputError(f"'{path}' cannot be read as a picture ({reason}): replace it") from error
