"""The README's picture: milliseconds per step of every contestant, one panel a size of network."""

from __future__ import annotations

from pathlib import Path

OURS = "sparsedend numba"


def draw(panels: dict[str, dict[str, float]], path: Path) -> None:
    """Draw seconds per step, by panel and contestant, as bars on a logarithmic axis (SVG)."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Text stays text and nothing depends on the day, so that a new picture is a small change.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "step", "font.size": 9}):
        figure = Figure(figsize=(10, 2.9), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True)
        names = sorted(next(iter(panels.values())), key=list(panels.values())[-1].__getitem__)
        for axis, (title, seconds) in zip(axes, panels.items(), strict=True):
            milliseconds = [seconds[name] * 1e3 for name in names]
            colours = ["#d1495b" if name == OURS else "#8d99ae" for name in names]
            bars = axis.barh(names, milliseconds, color=colours)
            axis.bar_label(bars, [f"{value:.3g}" for value in milliseconds], padding=2)
            axis.set_xscale("log")
            axis.set_xlim(min(milliseconds) / 2, max(milliseconds) * 4)
            axis.set_title(title)
            axis.set_xlabel("ms per step")
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].invert_yaxis()
        figure.savefig(path, metadata={"Date": None})
