"""Which classes are taken for which others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.arrays import as_host_array
from ..errors import InputError
from . import words

#: Classes up to which cells show their numbers, and axes all names.
NUMBERED, NAMED = 20, 50


def confusion(axis: Any, counts: ArrayLike, class_names: Sequence[str] | None = None) -> None:
    """Draw a confusion matrix: a row for what samples are, a column for what they are taken for.

    The colour of a cell is its share of the row's samples. Up to `NUMBERED` classes, cells show
    their number of samples where it is not 0.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    counts : (classes, classes) integers
        As ``analysis.confusion_matrix`` counts them.
    class_names : sequence of str, optional
        Numbers from 0 if not given.

    Raises
    ------
    InputError
        Where the numbers are no square, one is below 0 or none above it, or there is not one name
        for each class.
    """
    table: NDArray = as_host_array(counts)
    if table.ndim != 2 or len(set(table.shape)) > 1 or table.dtype.kind not in "iu":
        raise InputError(
            f"counts are {table.dtype} of shape {table.shape}: give integers, a row and a column "
            "for each class"
        )
    if table.min(initial=0) < 0:
        raise InputError(f"counts go down to {table.min()}: give numbers of samples")
    classes = len(table)
    names = np.asarray(range(classes) if class_names is None else class_names, object)
    if names.shape != (classes,):
        raise InputError(
            f"names of classes have shape {names.shape}: give one for each of {classes} classes"
        )
    total = int(table.sum())
    if total < 1:
        raise InputError("the confusion matrix has no samples: count some first")
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
    if classes <= NUMBERED:
        for row, column in zip(*np.nonzero(table), strict=True):
            ink = "white" if shares[row, column] > 0.5 else "black"
            axis.text(
                *(column, row, f"{table[row, column]}"),
                **{"ha": "center", "va": "center", "color": ink, "fontsize": "small"},
            )
    if classes <= NAMED:
        shown = [words.name(str(each)) for each in names]
        axis.set_xticks(range(classes), shown, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(classes), shown)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel("taken for")
    axis.set_ylabel("class")
    right = int(np.trace(table))
    axis.set_title(f"{right:,} of {total:,} right ({right / total:.2%})")
