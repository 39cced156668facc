"""What a figure's module gives back, and how it shows what it cannot draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from .. import style

#: Of all that is said instead of drawn.
GREY = "0.45"


class Drawing(NamedTuple):
    """A figure, and what could not be drawn of it.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    missing : list of str
    numbers : mapping of str to (rows,) array, optional
        Columns by name of what the picture shows and cannot be read from it.
    """

    figure: Any
    missing: list[str]
    numbers: Mapping[str, NDArray] | None = None


def absent(axis: Any, text: str) -> None:
    """Leave a panel empty, with the text in grey in its middle."""
    axis.set_axis_off()
    axis.text(
        *(0.5, 0.5, style.plain(text)),
        transform=axis.transAxes,
        ha="center",
        va="center",
        color=GREY,
        wrap=True,
    )
