"""Pictures of a page, for light and dark screens."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import style
from . import markup
from .markup import Markup

#: Of texts and lines as they are drawn; each of the two pictures has its own instead.
INK = "#101112"
LIGHT, DARK = "#1c1c1e", "#e4e4e7"
#: Pixels of CSS in an inch.
INCH = 96
#: Width and height of a picture that needs none of its own, in inches.
SIZE = 4.2, 2.8
_RULES = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.titlesize": 9,
    "figure.facecolor": "none",
    "font.size": 8.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
#: Pixels of an image of a data set, at most, down and across.
PIXELS = 96


def colour(model: str) -> str:
    """The colour of a model; those that are none of the paper's have that of the text."""
    found = style.colour(model)
    return INK if found == "#000000" else found


def picture(draw: Callable[[Any, Any], None], alt: str) -> Markup:
    """What a function draws, given a figure of `SIZE`, which it may change, and its one axis."""
    with style.journal(), warnings.catch_warnings():
        # The fonts of the browser have more letters than Matplotlib's.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        style.library().rcParams.update(_RULES)
        figure = style.blank(*SIZE)
        draw(figure, figure.subplots())
        drawn = style.encoded(figure, "svg")
        across, down = (round(INCH * size) for size in figure.get_size_inches())
    light, dark = (drawn.replace(INK.encode(), ink.encode()) for ink in (LIGHT, DARK))
    return markup.image("image/svg+xml", alt, across, down, light, dark)


def pixels(image: NDArray, alt: str) -> Markup:
    """An image of a data set; of a large one, one pixel of so many.

    Parameters
    ----------
    image : (height, width, channels)
    """
    step = -(-max(image.shape[:2]) // PIXELS)
    shown = np.ascontiguousarray(image[::step, ::step])
    height, width = shown.shape[:2]
    scale = max(1, PIXELS // max(height, width))
    return markup.image("image/png", alt, width * scale, height * scale, style.pixels(shown))
