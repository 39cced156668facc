"""Which images are trained on, and which are held out for validation."""

from __future__ import annotations

import numpy as np

from .backends.numpy_backend import Array
from .errors import InputError
from .randomness import stream


def split(images: int, seed: int) -> tuple[Array, Array]:
    """Indices to train on, and the last tenth after the seed's shuffle, to validate on.

    Raises
    ------
    InputError
        Where there are fewer than two images.
    """
    if images < 2:
        raise InputError(f"{images} training images leave none to validate on: give 2 or more")
    order = stream(seed, "split").permutation(images)
    held_out = max(1, images // 10)
    return order[:-held_out], order[-held_out:]


def split_by_class(labels: Array, batch_size: int, seed: int) -> tuple[Array, Array]:
    """Indices sorted by class in whole batches of one class, and the rest, to validate on.

    The authors' rule for sequential learning (figure 7 of the paper): of each class, as many
    batches are left out as make up a tenth of all images, and what does not fill a batch.

    Parameters
    ----------
    labels : (images,), int64
    batch_size : int
    seed : int
        Of which images are held out.

    Raises
    ------
    InputError
        Where a class has not even one batch to train on, or none to validate on is left.
    """
    classes, counts = np.unique(labels, return_counts=True)
    left_out = len(labels) // 10 // (batch_size * len(classes))
    rng = stream(seed, "split")
    kept, held_out = [], []
    for label, count in zip(classes, counts, strict=True):
        batches = count // batch_size - left_out
        if batches < 1:
            raise InputError(
                f"class {label} has {count} images, too few for a batch of {batch_size} and "
                "validation: use a smaller batch size"
            )
        order = rng.permutation(np.flatnonzero(labels == label))
        kept.append(np.sort(order[: batches * batch_size]))
        held_out.append(order[batches * batch_size :])
    validation = np.concatenate(held_out)
    if validation.size == 0:
        raise InputError(
            f"batches of {batch_size} leave no image to validate on: use another batch size"
        )
    return np.concatenate(kept), validation
