"""Which images are trained on, and which are held out for validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..numbers import real
from ..randomness import stream


def split(samples: int, seed: int, share: float = 0.1) -> tuple[NDArray, NDArray]:
    """Indices to train on, and the last `share` after the seed's shuffle, to validate on.

    Parameters
    ----------
    samples : int
    seed : int
    share : float
        In (0, 1); at least one sample is held out.

    Raises
    ------
    InputError
        Where the share is out of range, or none is left to train on.
    """
    share = real("the share of validation", share, 0, 1, above=True)
    held_out = max(1, int(samples * share))
    if held_out >= samples:
        raise InputError(
            f"{samples} samples with {held_out} held out leave none to train on: give more, a "
            "smaller share or validation data of your own"
        )
    order = stream(seed, "split").permutation(samples)
    return order[:-held_out], order[-held_out:]


def split_by_class(labels: NDArray, batch_size: int, seed: int) -> tuple[NDArray, NDArray]:
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
                f"class {label} has {count} samples, too few for a batch of {batch_size} and "
                "validation: use a smaller batch size"
            )
        order = rng.permutation(np.flatnonzero(labels == label))
        kept.append(np.sort(order[: batches * batch_size]))
        held_out.append(order[batches * batch_size :])
    validation = np.concatenate(held_out)
    if validation.size == 0:
        raise InputError(
            f"batches of {batch_size} leave no sample to validate on: use another batch size"
        )
    return np.concatenate(kept), validation
