"""Images and labels from the caller, checked, where they lie, before they are computed with."""

from __future__ import annotations

import numpy as np

from .backends.arrays import as_array
from .backends.numpy_backend import Array
from .errors import InputError
from .network import Network


def checked_images(network: Network, images: Array) -> Array:
    """Images as a C-ordered (images, features) array; on a GPU where they lie on one.

    Raises
    ------
    InputError
        Where the shape or dtype does not fit, there are none, or a value is not finite.
    """
    images = as_array(images)
    shape = network.image_shape
    if images.shape[1:] not in (shape, shape[:2] if shape[2] == 1 else shape, (network.inputs,)):
        raise InputError(
            f"images have shape {images.shape}, but the network takes images of "
            f"{' × '.join(map(str, shape))}: give (images, {', '.join(map(str, shape))})"
        )
    if len(images) == 0:
        raise InputError("there are no images: give at least one")
    if images.dtype not in (np.uint8, np.float32, np.float64):
        raise InputError(f"images are {images.dtype}: give uint8 (0 … 255) or float32 (0 … 1)")
    flat = images.reshape(len(images), -1)
    if flat.dtype != np.uint8 and not np.isfinite(flat).all():
        image, pixel = map(int, np.argwhere(~np.isfinite(flat))[0])
        value = float(flat[image, pixel])
        raise InputError(f"image {image} holds {value} at value {pixel}: give finite numbers")
    return flat if flat.flags.c_contiguous else flat.copy()


def checked_labels(network: Network, images: Array, labels: Array) -> Array:
    """Labels as int64; on a GPU where they lie on one.

    Raises
    ------
    InputError
        Where they are not one integer an image from 0 to the network's classes - 1.
    """
    labels = as_array(labels)
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"labels are {labels.dtype} of shape {labels.shape}: give {len(images)} integers, "
            "one for each image"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= network.classes))
    if wrong.size:
        image = int(wrong[0])
        raise InputError(
            f"label {int(labels[image])} of image {image} is out of range: "
            f"the network's classes are 0 … {network.classes - 1}"
        )
    return labels.astype(np.int64)
