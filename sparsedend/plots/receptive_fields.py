"""What dendrites look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from ..errors import InputError
from ..network import Network
from . import words
from .blocks import Block, blocks

#: At most, down and across.
ROWS, COLUMNS = 12, 12
#: Pixels of a picture, at most.
PIXELS = 4_000_000
#: Between two tiles, in pixels.
GAP = 1
#: Share of the weights within the range of the colours: a few are far larger than all others.
WITHIN = 0.99


@dataclass(frozen=True)
class Part:
    """What is shown of a network.

    Attributes
    ----------
    names : list of str
        Of the rows.
    dendrites : list of array
        Of each row.
    title : str
        What part of the network it is.
    """

    names: list[str]
    dendrites: list[NDArray]
    title: str


def receptive_fields(axis: Any, network: Network, somata: Sequence[int] | None = None) -> None:
    """Draw the weights of the synapses of each soma's dendrites over the image.

    A row is a soma and a tile one of its dendrites: red inputs excite it, blue ones inhibit it, and
    grey ones have no synapse on it. Several channels of an image stand side by side. Where no soma
    has dendrites of its own, the tiles are dendrites in their order. The title says what part of
    the network is shown.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        To which a bar of the colours is added.
    network : Network
        Of images.
    somata : sequence of int, optional
        Which somata to draw, counted from 0; the first `ROWS` if not given.

    Raises
    ------
    InputError
        Where the network takes no images, or a soma that is asked for does not exist.

    Notes
    -----
    After figure 1e of Chavlis & Poirazi (2025).
    """
    if len(network.image_shape) != 3:
        raise InputError(
            f"receptive fields are drawn over images, and the network takes rows of "
            f"{network.inputs} features: draw its connectivity instead"
        )
    height, width, channels = network.image_shape
    block = blocks(network)[0]
    room = max(1, PIXELS // network.inputs)
    across = min(max(1, COLUMNS // channels), room, max(1, block.widest))
    down = max(1, min(ROWS, room // across))
    part = _part(block, block.chosen(somata, down), across, down)
    across = max(len(dendrites) for dendrites in part.dendrites) or 1
    fields = np.full((len(part.names), across, height, channels * width), np.nan, np.float32)
    exists = np.zeros(fields.shape[:2], bool)
    for row, there, dendrites in zip(fields, exists, part.dendrites, strict=True):
        there[: len(dendrites)] = True
        for tile, dendrite in zip(row, dendrites, strict=False):
            tile[:] = _field(block.synapses, dendrite, network.image_shape)
    _draw(axis, fields, exists)
    _name(axis, fields.shape, part)
    beside = f", its channels 0 … {channels - 1} side by side" if channels > 1 else ""
    counted = "after the row's first" if block.cables is None else "of the soma"
    axis.set_xlabel(f"dendrite {counted}{beside}")


def _part(block: Block, somata: list[int], across: int, down: int) -> Part:
    """What to show: somata with their first dendrites, or dendrites in their order."""
    if somata:
        own = [block.of(soma) for soma in somata]
        most = max(map(len, own))
        title = words.part("somata", somata, block.somata)
        if most > 1:
            title += f"; of each {words.part('dendrites', range(min(across, most)), most)}"
        return Part([f"soma {soma}" for soma in somata], [each[:across] for each in own], title)
    shown = np.arange(min(block.dendrites, across * down))
    rows = [shown[start : start + across] for start in range(0, len(shown), across)]
    title = words.part("dendrites", range(len(shown)), block.dendrites)
    return Part([f"from {row[0]}" for row in rows], rows, title)


def _field(synapses: Any, dendrite: int, shape: tuple[int, ...]) -> NDArray:
    """Weights of a dendrite over the image, (height, channels · width); NaN where it has none."""
    if issparse(synapses):
        weights = np.full(synapses.shape[1], np.nan, np.float32)
        own = slice(synapses.indptr[dendrite], synapses.indptr[dendrite + 1])
        weights[synapses.indices[own]] = synapses.data[own]
    else:
        weights = synapses[dendrite]
    return weights.reshape(shape).transpose(0, 2, 1).reshape(shape[0], -1)


def _draw(axis: Any, fields: NDArray, exists: NDArray) -> None:
    """Tiles beside and below each other, with a bar of the colours.

    Parameters
    ----------
    fields : (rows, columns, height, width)
    exists : (rows, columns)
        Which tiles there are.
    """
    ground = np.broadcast_to(np.where(exists, 0.5, np.nan)[:, :, None, None], fields.shape)
    axis.imshow(_mosaic(ground), interpolation="none", cmap="gray", vmin=0, vmax=1, alpha=0.35)
    sizes = np.abs(fields[~np.isnan(fields)])
    limit = float(np.quantile(sizes, WITHIN)) if sizes.any() else 1.0
    colours = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    image = axis.imshow(_mosaic(fields), interpolation="none", **colours)
    beyond = "both" if sizes.any() and sizes.max() > limit else "neither"
    bar = axis.figure.colorbar(image, ax=axis, extend=beyond, fraction=0.03, aspect=40, pad=0.01)
    bar.set_label("synaptic weight")


def _mosaic(tiles: NDArray) -> NDArray:
    """One image of tiles, (rows, columns, height, width), with gaps of NaN between them."""
    rows, columns, height, width = tiles.shape
    framed = np.full((rows, columns, height + GAP, width + GAP), np.nan, np.float32)
    framed[:, :, :height, :width] = tiles
    return framed.transpose(0, 2, 1, 3).reshape(rows * (height + GAP), -1)[:-GAP, :-GAP]


def _name(axis: Any, shape: tuple[int, ...], part: Part) -> None:
    """Name rows, columns and the whole."""
    down, across, height, width = shape
    axis.set_yticks(np.arange(down) * (height + GAP) + (height - 1) / 2, part.names)
    axis.set_xticks(np.arange(across) * (width + GAP) + (width - 1) / 2, range(across))
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(part.title)
