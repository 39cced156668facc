"""Which classes a network takes for which others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.arrays import as_host_array
from ..datasets import Dataset
from ..errors import InputError
from ..losses import SoftmaxCrossEntropy
from ..network import Network
from ..numbers import whole
from ..training import predict


def class_probabilities(network: Network, dataset: Dataset) -> NDArray:
    """Probability of each class for each test image, (images, classes), on the host.

    Parameters
    ----------
    network : Network
        Whose loss is softmax cross-entropy.
    dataset : Dataset
        Of the classes that the network tells apart.

    Raises
    ------
    InputError
        Where the network tells no classes apart, or others, or the images cannot be used.
    """
    if not isinstance(network.loss, SoftmaxCrossEntropy):
        raise InputError(
            f"the network's loss is {network.loss!r}, which tells no classes apart: give one with "
            "softmax cross-entropy"
        )
    if dataset.classes != network.outputs:
        raise InputError(
            f"'{dataset.name}' has {dataset.classes} classes, but the network tells "
            f"{network.outputs} apart: give the data set that it was trained on"
        )
    return network.backend.fetch(predict(network, dataset.test_x, probabilities=True))


def confusion_matrix(labels: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray:
    """Numbers of samples of each class that are taken for each class.

    Parameters
    ----------
    labels, predicted : (samples,) integers
        From 0 to ``classes - 1``: what each sample is, and what it is taken for.
    classes : int

    Returns
    -------
    (classes, classes) int64
        Rows are what samples are, columns what they are taken for; the diagonal is right.

    Raises
    ------
    InputError
        Where the two are no integers of that range, one for each sample, or the number of classes
        is none.
    """
    classes = whole("classes", classes)
    pair = as_host_array(labels), as_host_array(predicted)
    for name, values in zip(("labels", "predicted classes"), pair, strict=True):
        if values.ndim != 1 or values.dtype.kind not in "iu" or values.shape != pair[0].shape:
            raise InputError(
                f"{name} are {values.dtype} of shape {values.shape}: give one integer for each "
                "sample"
            )
        if values.size and not (values.min() >= 0 and values.max() < classes):
            raise InputError(
                f"{name} go from {values.min()} to {values.max()}: give 0 to {classes - 1}"
            )
    # The product must not leave the range of small integers.
    cells = pair[0].astype(np.int64) * classes + pair[1].astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
