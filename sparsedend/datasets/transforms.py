"""Data sets made from data sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..numbers import real
from .dataset import Dataset

#: Images that get their noise at once, to bound memory; the noise does not depend on it.
CHUNK = 4096


def noisy(dataset: Dataset, sigma: float, rng: np.random.Generator) -> Dataset:
    """Add Gaussian noise to training and test images, and clip to 0 … 1 (figure 7 of the paper).

    Parameters
    ----------
    dataset : Dataset
    sigma : float
        Standard deviation, where bytes count as 0 … 1; 0 or more.
    rng : Generator

    Returns
    -------
    Dataset
        With float32 images; with sigma 0 the same data set.

    Raises
    ------
    InputError
        Where sigma is negative, not finite or no number.
    """
    sigma = real("noise", sigma, 0)
    if sigma == 0:
        return dataset
    train, test = (_noisy(images, sigma, rng) for images in (dataset.train_x, dataset.test_x))
    return replace(dataset, train_x=train, test_x=test)


def _noisy(images: NDArray, sigma: float, rng: np.random.Generator) -> NDArray:
    scale = np.float32(1 / 255 if images.dtype == np.uint8 else 1)
    out = np.empty(images.shape, np.float32)
    for start in range(0, len(images), CHUNK):
        part = out[start : start + CHUNK]
        rng.standard_normal(dtype=np.float32, out=part)
        part *= np.float32(sigma)
        part += images[start : start + CHUNK] * scale
        np.clip(part, 0, 1, out=part)
    return out
