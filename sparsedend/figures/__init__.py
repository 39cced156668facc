"""The figures and tables of Chavlis & Poirazi (2025), drawn from the results of a sweep.

Each figure is a module ``figureN`` with ``draw(results)``, which draws what the runs allow and
says what is missing. Colours, panels and axes are the paper's, so that both can be laid side by
side.
"""

from __future__ import annotations

import io
import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from .. import style
from ..errors import InputError
from ..files import atomic_write, cannot_write, exists, make_folder
from ..sweep import Results, write_csv
from .drawing import Drawing
from .tables import TABLES, Table

__all__ = ["FIGURES", "FORMATS", "TABLES", "Drawing", "Table", "Written", "write_figure"]
__all__ += ["write_table"]

FORMATS = ("png", "svg", "pdf")
#: Numbers of the figures that there is a module for.
FIGURES = tuple(
    sorted(
        int(name.removeprefix("figure"))
        for _, name, _ in pkgutil.iter_modules(__path__)
        if name.removeprefix("figure").isdigit()
    )
)
#: Figures whose numbers are written beside them.
WITH_NUMBERS = (5, 6)


class Written(NamedTuple):
    """Files of a figure or table, and what could not be shown in them."""

    files: list[Path]
    missing: list[str]


def write_figure(
    number: int,
    results: Results,
    folder: str | Path,
    formats: Iterable[str] = ("png", "svg"),
    *,
    overwrite: bool = False,
) -> Written:
    """Draw a figure of the paper from a sweep, and write ``figure<number>.<format>`` of each.

    Beside figures 5 and 6, ``figure<number>.csv`` has their numbers: moments of weights, entropies
    and selectivities by model and layer; scores of each embedding. Where there are none to be
    written, an older one is removed.

    Parameters
    ----------
    number : int
        One of `FIGURES`.
    results : Results
        With however few runs.
    folder : str or Path
        Made where it does not exist.
    formats : iterable of {"png", "svg", "pdf"}
    overwrite : bool
        Replace files that exist.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        Where there is no such figure or format, no run has finished, a file exists, the folder
        cannot be written, or Matplotlib is not installed; of figure 6 also where scikit-learn,
        openTSNE or statsmodels is not.
    """
    if number not in FIGURES:
        raise InputError(f"there is no figure {number} here: choose one of {_listed(FIGURES)}")
    formats = list(dict.fromkeys(formats))
    for form in formats:
        if form not in FORMATS:
            raise InputError(f"unknown format '{form}': choose of {_listed(FORMATS)}")
    path = Path(folder) / f"figure{number}"
    numbers = ["csv"] if number in WITH_NUMBERS else []
    _prepare(path, [*formats, *numbers], overwrite=overwrite)
    with style.journal():
        drawing = import_module(f".figure{number}", __name__).draw(results)
        files = style.save(drawing.figure, path, formats)
    if drawing.numbers:
        text = io.StringIO()
        write_csv(drawing.numbers, text)
        files += _written(path, {"csv": text.getvalue()})
    elif numbers:
        _remove(path.with_suffix(".csv"))
    return Written(files, drawing.missing)


def write_table(
    number: int, results: Results, folder: str | Path, *, overwrite: bool = False
) -> Written:
    """Write a table of the paper as ``table<number>.csv``, ``.md`` and ``.tex``.

    Parameters, return value and errors as for `write_figure`, with `TABLES` for `FIGURES`.
    """
    if number not in TABLES:
        raise InputError(f"there is no table {number} here: choose one of {_listed(TABLES)}")
    path = Path(folder) / f"table{number}"
    table = TABLES[number](results)
    texts = table.texts
    _prepare(path, texts, overwrite=overwrite)
    return Written(_written(path, texts), table.missing)


def _prepare(path: Path, endings: Iterable[str], *, overwrite: bool) -> None:
    """Make the folder, and refuse to replace files unless that is asked for."""
    make_folder(path.parent, "give another `output`")
    for ending in endings:
        file = path.with_name(f"{path.name}.{ending}")
        if exists(file) and not overwrite:
            raise InputError(f"'{file}' exists: give `overwrite=True` or another `output`")


def _written(path: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts beside each other: `path` with each one's ending as its suffix."""
    files = []
    for ending, text in texts.items():
        target = path.with_name(f"{path.name}.{ending}")
        with atomic_write(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
        files.append(target)
    return files


def _remove(path: Path) -> None:
    """Remove a file, if it is there, that would be taken for that of this picture."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error


def _listed(known: Iterable[object]) -> str:
    return ", ".join(map(str, known))
