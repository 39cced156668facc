"""Dendrites on their somata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from ..errors import InputError
from ..network import Network
from . import words
from .blocks import Block, block_of

#: At most: somata of a picture, and dendrites of each.
SOMATA, DENDRITES = 64, 64
#: From a soma to its dendrites, where the next soma is 1 away.
REACH = 0.37
GREY = "#7F7F7F"


def tree(axis: Any, network: Network, somata: Sequence[int] | None = None, block: int = 0) -> None:
    """Draw somata with the dendrites that are on them.

    Around each soma stand its dendrites, in their order from the top clockwise: red where the
    weight of the cable is positive, blue where it is negative, and the larger the more synapses
    they have. The title says what part of the network is shown.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        To which a bar of the colours is added.
    network : Network
    somata : sequence of int, optional
        Which somata to draw, counted from 0; the first `SOMATA` if not given.
    block : int
        Which dendrosomatic block, counted from 0.

    Raises
    ------
    InputError
        Where no soma of the block has dendrites of its own, or what is asked for does not exist.
    """
    drawn = block_of(network, block)
    if drawn.cables is None:
        raise InputError(
            f"no soma of block {block} has dendrites of its own, each reads all {drawn.dendrites}: "
            "draw the receptive fields or the connectivity instead"
        )
    chosen = drawn.chosen(somata, SOMATA)
    wide = math.ceil(math.sqrt(len(chosen)))
    centres = np.array([divmod(number, wide)[::-1] for number in range(len(chosen))], float)
    own = [drawn.of(soma)[:DENDRITES] for soma in chosen]
    counts = [len(each) for each in own]
    roots = np.repeat(centres, counts, axis=0)
    tips = roots + REACH * np.concatenate([_around(count) for count in counts])
    # A line from each soma to each dendrite, and a gap before the next.
    lines = np.stack([roots, tips, np.full_like(tips, np.nan)], axis=1).reshape(-1, 2)
    axis.plot(*lines.T, color=GREY, linewidth=min(0.5, 8 / max(*counts, 1)), zorder=1)
    axis.plot(*centres.T, "o", color=GREY, markersize=3, zorder=2)
    weights = np.concatenate([drawn.cable_weights(soma)[:DENDRITES] for soma in chosen])
    limit = float(abs(weights).max(initial=0)) or 1.0
    dots = axis.scatter(
        *tips.T,
        s=_largest(axis, wide, max(counts)) * _shares(drawn, np.concatenate(own)),
        c=weights,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        edgecolors=GREY,
        linewidths=0.3,
        zorder=3,
    )
    axis.figure.colorbar(dots, ax=axis, fraction=0.03, pad=0.01).set_label("cable weight")
    for soma, (x, y) in zip(chosen, centres, strict=True):
        axis.text(x - 0.46, y - 0.46, f"{soma}", ha="left", va="top", fontsize="x-small")
    axis.set_xlim(-0.5, wide - 0.5)
    axis.set_ylim(centres[-1, 1] + 0.5, -0.5)
    axis.set_aspect("equal")
    axis.set_axis_off()
    most = max(len(drawn.of(soma)) for soma in chosen)
    of_each = words.part("dendrites", range(max(counts)), most) if most > 1 else ""
    axis.set_title(
        words.part("somata", chosen, drawn.somata) + (f"; of each {of_each}" if of_each else "")
    )


def _around(count: int) -> NDArray:
    """Points of a circle, (count, 2), from the top clockwise, where y points down."""
    angles = 2 * np.pi * np.arange(count) / max(count, 1)
    return np.stack([np.sin(angles), -np.cos(angles)], axis=1)


def _largest(axis: Any, wide: int, dendrites: int) -> float:
    """Area of a dot in square points, so that those around a soma do not touch."""
    across = 72 * axis.bbox.width / axis.figure.dpi / wide
    return min(9.0, 0.8 * 2 * np.pi * REACH * across / max(dendrites, 1)) ** 2


def _shares(block: Block, dendrites: NDArray) -> NDArray:
    """Synapses of each dendrite, over the most that one of them has."""
    if not issparse(block.synapses):
        return np.ones(len(dendrites))
    synapses = np.diff(block.synapses.indptr)[dendrites]
    return synapses / max(synapses.max(initial=0), 1)
