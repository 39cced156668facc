"""Bars in groups, with what is missing said in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .. import style
from .drawing import GREY
from .scores import Spread

#: Of a group's bars together, of the distance between groups.
SHARE = 0.82


class Bar(NamedTuple):
    """Height with what goes up and down from it, whether it is hatched, and what stands above."""

    spread: Spread
    hatched: bool = False
    above: str = ""


def grouped(
    axis: Any,
    groups: Mapping[str, Mapping[str, Bar] | str],
    colours: Mapping[str, Any],
) -> None:
    """Draw a group of bars for each name, one bar for each colour, with a line up and down.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    groups : mapping of str to mapping of str to Bar, or to str
        Bars by the names that `colours` has; a bar that is not there leaves its place free. A text
        is written in the place of a group.
    colours : mapping
    """
    width = SHARE / len(colours)
    for place, bars in enumerate(groups.values()):
        if isinstance(bars, str):
            _written(axis, place, bars)
            continue
        for number, (series, colour) in enumerate(colours.items()):
            if series in bars:
                (height, deviation), hatched, above = bars[series]
                x = place + (number + 0.5) * width - SHARE / 2
                up = None if math.isnan(deviation) else deviation
                axis.bar(
                    *(x, height, width),
                    color=colour,
                    yerr=up,
                    error_kw={"lw": 0.6, "capsize": 1},
                    hatch="/////" if hatched else None,
                    edgecolor="white",
                    lw=0.3,
                )
                if above:
                    top = max(0.0, height + (up or 0.0))
                    axis.text(x, top, above, ha="center", va="bottom", fontsize=5)
    _ticks(axis, list(groups))


def logarithmic(axis: Any, groups: Mapping[str, Mapping[str, Bar] | str]) -> None:
    """Make the axis of bars logarithmic, from below the shortest one; not where there is none."""
    heights = [
        bar.spread.mean
        for bars in groups.values()
        if isinstance(bars, Mapping)
        for bar in bars.values()
    ]
    if heights:
        axis.set_yscale("log")
        axis.set_ylim(bottom=min(heights) / 3)


def _ticks(axis: Any, names: Sequence[str]) -> None:
    axis.set_xticks(range(len(names)), map(style.plain, names))
    axis.set_xlim(-0.5, len(names) - 0.5)
    axis.tick_params(axis="x", length=0)


def _written(axis: Any, place: int, text: str) -> None:
    axis.text(
        *(place, 0.04, text),
        transform=axis.get_xaxis_transform(),
        rotation=90,
        ha="center",
        va="bottom",
        color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
