"""How every picture looks: the paper's colours for models, sizes for print, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import files
from .errors import InputError

#: Of models, as in Chavlis & Poirazi (2025), in tones that colour-blind readers tell apart.
COLOURS = {
    "r": "#009E73",
    "lrf": "#D55E00",
    "grf": "#0072B2",
    "pdann": "#9467BD",
    "vann": "#7F7F7F",
}
#: Width and height of a page, in inches.
PAGE, PAGE_HEIGHT = 7.2, 8.5
#: Of a pixel of an image, in inches.
LARGEST = 0.6
#: Formats of files, and what keeps time and version out of each.
METADATA: dict[str, Any] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_RULES = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.dpi": 150,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 7,
    "legend.frameon": False,
    "lines.linewidth": 1,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "sparsedend",
}


def library() -> Any:
    """The package matplotlib.

    Raises
    ------
    InputError
        Where it is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise InputError(
            "Matplotlib, which draws, is not installed: pip install 'sparsedend[figures]'"
        ) from None
    return matplotlib


def colour(model: str) -> str:
    """The colour of a model: of its rule where it has one (``dann-lrf``, ``vann-lrf``), as #rrggbb.

    Models that are none of the paper's are black.
    """
    return COLOURS.get(model.rpartition("-")[2], "#000000")


def plain(text: str) -> str:
    """A text as Matplotlib shows it letter by letter: dollars hold no formula."""
    return text.replace("$", r"\$")


@contextmanager
def journal() -> Iterator[None]:
    """Draw with the sizes and fonts of all pictures here, whatever the user has set."""
    matplotlib = library()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RULES)
        yield


def blank(width: float, height: float) -> Any:
    """An empty figure of these inches, which no window knows of."""
    library()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path, formats: Iterable[str] = ("png", "svg")) -> list[Path]:
    """Write a figure in several formats beside each other: ``path`` with each as its suffix.

    The same figure gives the same bytes.

    Returns
    -------
    list of Path
    """
    written = []
    for form in formats:
        target = path.with_name(f"{path.name}.{form}")
        files.write(target, encoded(figure, form))
        written.append(target)
    return written


def encoded(figure: Any, form: str) -> bytes:
    """What a file of a figure holds, in one of the formats of `METADATA`."""
    stream = BytesIO()
    figure.savefig(stream, format=form, dpi=200, metadata=METADATA[form])
    return stream.getvalue()


def fit(figure: Any, axis: Any, beside: float, below: float) -> None:
    """Make a figure as large as the image on its one axis allows, at most a page.

    Parameters
    ----------
    figure, axis
    beside, below : float
        Inches that texts and a bar of colours need, left and right together, above and below.
    """
    height, width = axis.images[-1].get_size()
    pixel = min((PAGE - beside) / width, (PAGE_HEIGHT - below) / height, LARGEST)
    figure.set_size_inches(pixel * width + beside, pixel * height + below)


def pixels(image: NDArray) -> bytes:
    """One image as a PNG of as many pixels.

    Parameters
    ----------
    image : (height, width, channels)
        uint8, or floats of 0 … 1, beyond which they are cut off. Of three channels colours are
        made, of any other number the mean is shown in grey.
    """
    library()
    from matplotlib.image import imsave

    shown = image / 255 if image.dtype == np.uint8 else np.clip(image, 0, 1)
    if shown.shape[2] != 3:
        shown = shown.mean(axis=2)
    stream = BytesIO()
    imsave(stream, shown, format="png", cmap="gray", vmin=0, vmax=1, metadata=METADATA["png"])
    return stream.getvalue()
