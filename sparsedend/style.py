"""How every picture looks: the paper's colours for models, sizes for print, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

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
#: Width of a page and of a column, in inches.
PAGE, COLUMN = 7.2, 3.5
_RULES = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",
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
        stream = BytesIO()
        metadata = {"png": {"Software": None}, "svg": {"Date": None}}
        metadata["pdf"] = {"CreationDate": None}
        figure.savefig(stream, format=form, dpi=200, metadata=metadata[form])
        target = path.with_name(f"{path.name}.{form}")
        with files.atomic_write(target) as temporary:
            temporary.write_bytes(stream.getvalue())
        written.append(target)
    return written
