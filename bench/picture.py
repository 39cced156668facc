"""Pictures of results.

SVG in which text stays text and nothing depends on the day, so that a new picture is a small
change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

RED, GREY = "#d1495b", "#8d99ae"

Series = dict[str, list[tuple[float, float, float, float]]]


def drawn(path: Path, draw: Callable[..., None], *arguments: Any) -> list[str]:
    """Draw a picture, and what shows it in Markdown; nothing where there is no matplotlib."""
    if find_spec("matplotlib") is None:
        return []
    draw(*arguments, path)
    return [f"![{path.stem}](scaling/{path.name})"]


def bars(panels: dict[str, dict[str, float]], ours: str, path: Path) -> None:
    """Milliseconds of every contestant as bars on a logarithmic axis, a panel for each work."""
    with _figure(path, figsize=(10, 2.9)) as figure:
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        last = list(panels.values())[-1]
        first = next(iter(panels.values()))
        names = sorted(first, key=lambda name: last.get(name, np.inf))
        for axis, (title, seconds) in zip(axes, panels.items(), strict=True):
            milliseconds = [seconds.get(name, np.nan) * 1e3 for name in names]
            colours = [RED if name == ours else GREY for name in names]
            drawn = axis.barh(names, milliseconds, color=colours)
            texts = ["" if np.isnan(value) else f"{value:.3g}" for value in milliseconds]
            axis.bar_label(drawn, texts, padding=2)
            axis.set_xscale("log")
            axis.set_xlim(np.nanmin(milliseconds) / 2, np.nanmax(milliseconds) * 4)
            axis.set_title(title)
            axis.set_xlabel("ms per step")
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].invert_yaxis()


def lines(
    panels: dict[str, Series], labels: tuple[str, str], ours: str, scale: str, path: Path
) -> None:
    """Points (x, median, least, most) of every contestant in panels.

    Those whose names begin as `ours` are thick; the scale of y is "log" or "linear".
    """
    with _figure(path, figsize=(5.2 * len(panels) + 2.2, 3.6)) as figure:
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        names = list(dict.fromkeys(name for series in panels.values() for name in series))
        for axis, (title, series) in zip(axes, panels.items(), strict=True):
            for number, name in enumerate(names):
                if name not in series:
                    continue
                x, y, least, most = np.array(sorted(series[name])).T
                colour = RED if name == ours else f"C{number}"
                width = 2.5 if name.startswith(ours) else 1.2
                axis.plot(x, y, "o-", ms=3, lw=width, color=colour, label=name)
                axis.fill_between(x, least, most, color=colour, alpha=0.15, lw=0)
            axis.set_xscale("log")
            axis.set_yscale(scale)
            axis.set_title(title)
            axis.set_xlabel(labels[0])
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel(labels[1])
        axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def roofline(points: list[tuple[str, float, float]], l2: float, fma: float, path: Path) -> None:
    """Rates (multiply-adds per byte, and per second) below the two measured ceilings."""
    with _figure(path, figsize=(8.5, 3.6)) as figure:
        axis = figure.subplots()
        intensity = np.geomspace(0.1, 2, 100)
        axis.plot(intensity, np.minimum(l2 * intensity, fma) / 1e9, color="black", lw=1.2)
        for number, (name, x, y) in enumerate(points):
            axis.plot(x, y / 1e9, "osD^v"[number % 5], color=f"C{number % 10}", label=name)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("multiply-adds per byte of input read")
        axis.set_ylabel("10⁹ multiply-adds per second")
        axis.grid(alpha=0.3)
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7)


@contextmanager
def _figure(path: Path, **kwargs: Any) -> Iterator[Any]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9}):
        figure = Figure(layout="constrained", **kwargs)
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
