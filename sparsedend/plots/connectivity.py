"""Who connects to whom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structure import Structure

#: Points of a picture, at most, down and across.
POINTS = 400
#: Connections that are counted at once, to bound memory.
CHUNK = 4_000_000


def connectivity(axis: Any, structure: Structure) -> None:
    """Draw the connections of a structure: black where there is one.

    Of a large one, each point stands for several rows or columns, and is the darker the more of the
    connections between them exist.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    structure : Structure, (outputs, inputs)
        Such as ``network.layers[0].structures["synapses"]``, or what ``sd.connectivity`` draws.
    """
    rows, columns = structure.shape
    shares, down, across = _shares(structure)
    image = axis.imshow(
        shares,
        aspect="auto",
        interpolation="none",
        cmap="Greys",
        vmin=0,
        vmax=shares.max() or 1,
        extent=(0, across * shares.shape[1], down * shares.shape[0], 0),
    )
    axis.set_xlim(0, columns)
    axis.set_ylim(rows, 0)
    axis.set_xlabel("inputs")
    axis.set_ylabel("outputs")
    of_all = structure.nnz / (rows * columns)
    axis.set_title(f"{structure.rule}: {structure.nnz:,} connections, {of_all:.2%} of all")
    if down * across > 1:
        bar = axis.figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02)
        bar.set_label(f"share that exists of {down:,} × {across:,} connections")


def _shares(structure: Structure) -> tuple[NDArray, int, int]:
    """Share of the connections that exist at each point, and the rows and columns of a point."""
    down, across = (-(-size // POINTS) for size in structure.shape)
    height, width = (
        -(-size // step) for size, step in zip(structure.shape, (down, across), strict=True)
    )
    counts = np.zeros(height * width, np.int64)
    for start in range(0, structure.nnz, CHUNK):
        chunk = slice(start, start + CHUNK)
        points = structure.rows[chunk] // down * width + structure.indices[chunk] // across
        counts += np.bincount(points, minlength=height * width)
    within = [
        np.bincount(np.arange(size) // step)
        for size, step in zip(structure.shape, (down, across), strict=True)
    ]
    return counts.reshape(height, width) / np.outer(*within), down, across
