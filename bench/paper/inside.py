"""What the paper claims of weights, nodes, representations: by the numbers of figures 5 and 6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sparsedend.figures import figure6
from sparsedend.figures.figure5 import LAYERS
from sparsedend.figures.panels import title
from sparsedend.figures.trained import HIDDEN

from .findings import DANNS, Check, Finding

DENSE = "vann"
SCORES = figure6.NUMBERS[-3:]
SECOND = list(HIDDEN)[1]

#: Columns by name, as a figure writes them.
Numbers = Mapping[str, NDArray]


def of_numbers(trained: Numbers, embedded: Numbers) -> list[Finding]:
    """These claims.

    Parameters
    ----------
    trained, embedded : mapping of str to (rows,) array
        What figures 5 and 6 write beside their pictures; empty where they were not drawn.
    """
    return [
        Finding(
            "Trained weights of dANNs have a wider range than the vANN's.",
            "5a",
            list(_against(trained, "range", tuple(LAYERS))),
        ),
        Finding(
            "Nodes of dANNs are mixed-selective: their mean entropy is higher.",
            "5b",
            list(_against(trained, "entropy", tuple(HIDDEN))),
        ),
        Finding(
            "Nodes of the vANN are specific: they respond to fewer classes.",
            "5c",
            list(_against(trained, "selectivity", tuple(HIDDEN))),
        ),
        Finding(
            "dANNs separate classes better in their second layer than in their first.",
            "6a to 6g",
            list(_layers(embedded)),
        ),
        Finding(
            "In the second layer, dANNs separate classes better than the vANN.",
            "6a to 6g",
            [check for score in SCORES for check in _against(embedded, score, (SECOND,))],
        ),
    ]


def _against(numbers: Numbers, column: str, layers: tuple[str, ...]) -> Iterator[Check]:
    """Each dANN above the vANN, layer by layer."""
    for layer in layers:
        dense = _mean(numbers, DENSE, layer, column)
        for model in DANNS:
            own = _mean(numbers, model, layer, column)
            if not np.isnan([own, dense]).any():
                told = f"{title(model)} {own:.3f}, {title(DENSE)} {dense:.3f}"
                yield Check(own > dense, f"{_words(column)}, {LAYERS[layer]}: {told}")


def _layers(numbers: Numbers) -> Iterator[Check]:
    """Both layers of each dANN."""
    for score in SCORES:
        for model in DANNS:
            first, second = (_mean(numbers, model, layer, score) for layer in HIDDEN)
            if not np.isnan([first, second]).any():
                told = f"first layer {first:.3f}, second {second:.3f}"
                yield Check(second > first, f"{_words(score)} of {title(model)}: {told}")


def _mean(numbers: Numbers, model: str, layer: str, column: str) -> float:
    """Of the rows on a layer of a model; NaN where there are none."""
    if not numbers:
        return np.nan
    rows = (numbers["model"] == model) & (numbers["layer"] == layer)
    return float(numbers[column][rows].mean()) if rows.any() else np.nan


def _words(column: str) -> str:
    return column.replace("_", " ")
