"""Labelled images in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels to train on and to test with; checked when made.

    Attributes
    ----------
    name : str
    class_names : tuple of str
        By label.
    train_x, test_x : (images, height, width, channels)
        uint8, 0 … 255, or finite float32 or float64.
    train_y, test_y : (images,) int64
        From 0 to the number of classes - 1.
    licence, source : str
    sha256 : dict
        Of the original files, by name.

    Raises
    ------
    InputError
        Where the arrays do not have that form.
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
        for part, x, y in (
            ("train", self.train_x, self.train_y),
            ("test", self.test_x, self.test_y),
        ):
            _check_images(f"'{self.name}' {part}/x", x)
            _check_labels(f"'{self.name}' {part}/y", y, len(x), self.classes)
        if self.train_x.shape[1:] != self.test_x.shape[1:]:
            raise InputError(
                f"'{self.name}': training images have shape {self.train_x.shape[1:]}, test images "
                f"{self.test_x.shape[1:]}: give both the same"
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


def _check_images(where: str, x: NDArray) -> None:
    if x.ndim != 4:
        raise InputError(f"{where} has shape {x.shape}: give (images, height, width, channels)")
    if x.dtype not in (np.uint8, np.float32, np.float64):
        raise InputError(f"{where} is {x.dtype}: give uint8 (0 … 255) or float32 (0 … 1)")
    if x.size == 0:
        raise InputError(f"{where} is empty, shape {x.shape}: give at least one image")
    if x.dtype != np.uint8 and not np.isfinite(x).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise InputError(f"{where} holds {x[at]} at {at}: give finite numbers")


def _check_labels(where: str, y: NDArray, images: int, classes: int) -> None:
    if y.shape != (images,) or y.dtype != np.int64:
        raise InputError(
            f"{where} is {y.dtype} of shape {y.shape}: give {images} int64 labels, one an image"
        )
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if wrong.size:
        raise InputError(
            f"{where} holds label {y[wrong[0]]} at {wrong[0]}: labels go from 0 to {classes - 1}"
        )
