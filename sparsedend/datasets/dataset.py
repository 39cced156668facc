"""Labelled images in memory."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .labels import shown

#: Networks compute in it.
FLOAT32 = np.finfo(np.float32)
#: Floats that reach it are likely bytes that nobody has scaled, of which some are 128 or more.
UNSCALED = 128


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels to train on and to test with; checked when made.

    Attributes
    ----------
    name : str
    class_names : tuple of str
        By label.
    train_x, test_x : (images, height, width, channels)
        uint8, 0 … 255, or float32 or float64, best 0 … 1; finite, and not beyond float32.
    train_y, test_y : (images,) int64
        From 0 to the number of classes - 1.
    licence, source : str
    sha256 : dict
        Checksums of the original files, by name.

    Raises
    ------
    InputError
        Where the arrays or names do not have that form.

    Warns
    -----
    UserWarning
        Where floats look like bytes that nobody has scaled to 0 … 1.

    Examples
    --------
    >>> load("digits")
    <Dataset 'digits': 1437 + 360 images of 8 × 8 × 1 uint8, 10 classes: 0, 1, 2, 3, 4 and 5 more>
    """

    name: str
    class_names: tuple[str, ...]
    train_x: NDArray
    train_y: NDArray
    test_x: NDArray
    test_y: NDArray
    licence: str = ""
    source: str = ""
    sha256: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", _checked_names(self.name, self.class_names))
        for what in ("licence", "source"):
            _check_text(what, getattr(self, what))
        for part, x, y in (
            ("train", self.train_x, self.train_y),
            ("test", self.test_x, self.test_y),
        ):
            for what, array in (("x", x), ("y", y)):
                refuse_masked(f"'{self.name}' {part}/{what}", array)
                if not isinstance(array, np.ndarray):
                    raise InputError(
                        f"'{self.name}' {part}/{what} is a {type(array).__name__}: give an array "
                        "of NumPy's"
                    )
            _check_images(f"'{self.name}' {part}/x", x)
            _check_labels(f"'{self.name}' {part}/y", y, len(x), self.classes)
        if self.train_x.shape[1:] != self.test_x.shape[1:]:
            raise InputError(
                f"'{self.name}': training images have shape {self.train_x.shape[1:]}, test images "
                f"{self.test_x.shape[1:]}: give both the same"
            )
        if (self.train_x.dtype == np.uint8) != (self.test_x.dtype == np.uint8):
            raise InputError(
                f"'{self.name}': training images are {self.train_x.dtype}, test images "
                f"{self.test_x.dtype}, of which uint8 alone is divided by 255: give both the same"
            )
        if self.train_x.dtype != np.uint8:
            self._warn_of_unscaled()

    def __repr__(self) -> str:
        size = " × ".join(map(str, self.image_shape))
        return (
            f"<Dataset '{self.name}': {len(self.train_x)} + {len(self.test_x)} images of {size} "
            f"{self.train_x.dtype}, {self.classes} classes: {shown(self.class_names)}>"
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        _, height, width, channels = self.train_x.shape
        return height, width, channels

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all images and labels, to tell whether two runs saw the same."""
        digest = hashlib.sha256()
        for array in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _warn_of_unscaled(self) -> None:
        high = max(self.train_x.max(), self.test_x.max())
        if high >= UNSCALED:
            warnings.warn(
                f"'{self.name}' has images of {self.train_x.dtype} whose values reach {high:g}: "
                f"scale them to 0 … 1 (divide by {max(high, 255):g}), or store bytes as uint8",
                stacklevel=4,
            )


def warn_of_empty(dataset: Dataset, where: str, advice: str) -> None:
    """Warn where a class has no images, as class 0 has none where labels count from 1."""
    labels = np.concatenate([dataset.train_y, dataset.test_y])
    counts = np.bincount(labels, minlength=dataset.classes)
    empty = [name for name, count in zip(dataset.class_names, counts, strict=True) if not count]
    if empty:
        who = f"class {empty[0]} has" if len(empty) == 1 else f"classes {shown(empty)} have"
        warnings.warn(
            f"{where} has labels {labels.min()} … {labels.max()} of {dataset.classes} classes, and "
            f"{who} no images: {advice}",
            stacklevel=4,
        )


def refuse_masked(where: str, array: object) -> None:
    """Refuse a masked array, whose mask would be lost.

    Raises
    ------
    InputError
        Where it is one.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{where} is a masked array: fill in what is masked, or leave it out")


def _checked_names(name: str, class_names: Iterable[str]) -> tuple[str, ...]:
    """Class names that are one text each, and can be stored as such."""
    if isinstance(class_names, str | bytes) or not isinstance(class_names, Iterable):
        raise InputError(
            f"'{name}' has class names that are {class_names!r}: give a text for each class"
        )
    class_names = tuple(class_names)
    for text in (name, *class_names):
        if not isinstance(text, str):
            raise InputError(f"'{name}' has {text!r} among its names: give texts")
        _check_text("name", text)
    return tuple(map(str, class_names))


def _check_text(what: str, text: str) -> None:
    """Refuse a text that no file could hold."""
    if not isinstance(text, str):
        raise InputError(f"the {what} is {text!r}: give a text")
    if "\0" in text or text != text.encode(errors="ignore").decode():
        raise InputError(f"the {what} {text!a} is not UTF-8 without NUL: give another")


def _check_images(where: str, x: NDArray) -> None:
    if x.ndim != 4:
        raise InputError(f"{where} has shape {x.shape}: give (images, height, width, channels)")
    if x.dtype not in (np.uint8, np.float32, np.float64):
        raise InputError(f"{where} is {x.dtype}: give uint8 (0 … 255) or float32 (0 … 1)")
    if x.size == 0:
        raise InputError(f"{where} is empty, shape {x.shape}: give at least one image")
    # The extremes are NaN where any value is, and need no room of the images' size.
    if x.dtype != np.uint8 and not (FLOAT32.min <= x.min() and x.max() <= FLOAT32.max):
        at = tuple(int(i) for i in np.argwhere(~(np.abs(x) <= FLOAT32.max))[0])
        if np.isfinite(x[at]):
            raise InputError(
                f"{where} holds {x[at]:g} at {at}, which does not fit float32: give values of at "
                f"most {FLOAT32.max:.2g}, best 0 … 1"
            )
        raise InputError(f"{where} holds {x[at]} at {at}: give finite numbers")


def _check_labels(where: str, y: NDArray, images: int, classes: int) -> None:
    if y.shape != (images,) or y.dtype != np.int64:
        raise InputError(
            f"{where} is {y.dtype} of shape {y.shape}: give {images} int64 labels, one an image"
        )
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if wrong.size:
        raise InputError(
            f"{where} holds label {y[wrong[0]]} at {wrong[0]}: labels go from 0 to {classes - 1}, "
            f"one for each of the {classes} class names"
        )
