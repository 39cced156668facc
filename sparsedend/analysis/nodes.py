"""To which classes the nodes of a hidden layer respond: hits, entropy, selectivity.

As in Chavlis & Poirazi (Nature Communications 16:943, 2025; figure 5, Methods).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.arrays import as_host_array
from ..errors import InputError
from ..numbers import real, whole


def hits(activations: ArrayLike, labels: ArrayLike, classes: int) -> NDArray:
    """How many images of each class make a node active, that is its activation greater than 0.

    Hits of several batches may be added.

    Parameters
    ----------
    activations : (images, nodes)
    labels : (images,) integers
        From 0 to ``classes - 1``.
    classes : int

    Returns
    -------
    (classes + 1, nodes) int64
        The last row counts the images, of whatever class, that leave the node inactive.

    Raises
    ------
    InputError
        Where the shapes do not fit, a label is out of range or an activation is not finite.
    """
    values = as_host_array(activations)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise InputError(
            f"activations are {values.dtype} of shape {values.shape}: give numbers, (images, nodes)"
        )
    classes = whole("classes", classes)
    labels = checked_labels(labels, len(values), classes)
    if not np.isfinite(values).all():
        image, node = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"node {node} has activation {values[image, node]} for image {image}: train the "
            "network again"
        )
    active = values > 0
    found = np.empty((classes + 1, values.shape[1]), np.int64)
    for label in range(classes):
        found[label] = active[labels == label].sum(axis=0)
    found[classes] = len(values) - found[:classes].sum(axis=0)
    return found


def checked_labels(labels: ArrayLike, images: int, classes: int) -> NDArray:
    """Classes of images, (images,) integers from 0 to ``classes - 1``.

    Raises
    ------
    InputError
        Where they are none, or not as many.
    """
    found = as_host_array(labels)
    if found.shape != (images,) or found.dtype.kind not in "iu":
        raise InputError(
            f"labels are {found.dtype} of shape {found.shape}, but there are {images} images: give "
            "one integer an image"
        )
    wrong = np.flatnonzero((found < 0) | (found >= classes))
    if wrong.size:
        raise InputError(
            f"label {found[wrong[0]]} at {wrong[0]} is out of range: classes are 0 … {classes - 1}"
        )
    return found


def entropy(hits: ArrayLike) -> NDArray:
    """Entropy of each node's hits in bits: 0 for one that always does the same.

    A node's column of hits over the number of images is a distribution over the classes and being
    inactive; its entropy is between 0 and ``log2(classes + 1)``.

    Parameters
    ----------
    hits : (classes + 1, nodes) integers
        From `hits`.

    Returns
    -------
    (nodes,) float64
        NaN for nodes that no image makes active, which are left out of all that follows.

    Raises
    ------
    InputError
        Where these are no hits.
    """
    counts = _checked(hits)
    shares = counts / counts.sum(axis=0)
    # SciPy's special functions, imported, would start a thread.
    logarithms = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    bits = 0 - (shares * logarithms).sum(axis=0)
    return np.where(counts[:-1].any(axis=0), bits, np.nan)


def selectivity(hits: ArrayLike, images_per_class: ArrayLike, threshold: float = 0.4) -> NDArray:
    """Number of classes to which each node responds, (nodes,) int64; 0 for nodes never active.

    It responds to a class where more than a share of the class's images make it active.

    Parameters
    ----------
    hits : (classes + 1, nodes) integers
        From `hits`.
    images_per_class : int, or (classes,) integers
    threshold : float
        The share, in [0, 1); the paper asks for more than 400 of 1,000 images.

    Raises
    ------
    InputError
        Where these are no hits, there are more of them than images, or the share or the numbers of
        images cannot be.
    """
    counts = _checked(hits)
    threshold = real("threshold", threshold, 0, 1)
    images = as_host_array(images_per_class)
    if images.shape not in ((), (len(counts) - 1,)) or images.dtype.kind not in "iu":
        raise InputError(
            f"images per class are {images.dtype} of shape {images.shape}: give an integer, or one "
            f"for each of {len(counts) - 1} classes"
        )
    images = np.broadcast_to(images, len(counts) - 1)
    if (counts[:-1] > images[:, None]).any():
        label, node = np.argwhere(counts[:-1] > images[:, None])[0]
        raise InputError(
            f"node {node} has {counts[label, node]} hits of class {label}, which has "
            f"{images[label]} images: give the images that the hits are of"
        )
    return (counts[:-1] > threshold * images[:, None]).sum(axis=0)


def _checked(hits: ArrayLike) -> NDArray:
    counts = as_host_array(hits)
    if counts.ndim != 2 or len(counts) < 2 or counts.dtype.kind not in "iu":
        raise InputError(
            f"hits are {counts.dtype} of shape {counts.shape}: give integers, (classes + 1, nodes)"
        )
    images = counts.sum(axis=0)
    if (counts < 0).any() or (images == 0).any() or (images != images[:1]).any():
        raise InputError(
            "the columns of hits do not all have the same number of images: give them with the "
            "last row, of those that leave a node inactive"
        )
    return counts
