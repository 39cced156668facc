"""The results of a sweep: one row a run, in HDF5, as columns, as CSV.

Layout of the file: ``runs/<column>`` with one entry a run; ``history/<figure>``, (runs, epochs)
float64, with NaN after a run's last epoch. What a run does not have is NaN or an empty text.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np
from numpy.typing import NDArray

from .. import hdf5
from ..errors import InputError
from ..files import check_file, is_file
from ..settings import SETTINGS, Settings, tell_unknown
from ..training import History
from ..version import __version__
from . import kept
from .kept import Kept

FORMAT = "sparsedend-sweep"
VERSION = 2
#: Versions that can be read; the first did not say who wrote it.
READABLE = (1, 2)
HISTORY = tuple(vars(History()))
#: Columns besides the settings, with the kind of their values; "error" is empty for a finished run,
#: and "kept" names the parts that were kept of it.
FIGURES: dict[str, type] = {
    "parameters": int,
    "density": float,
    "test_accuracy": float,
    "test_loss": float,
    "best_epoch": int,
    "epochs_run": int,
    "train_seconds": float,
    "seconds_per_epoch": float,
    "backend": str,
    "threads": int,
    "fingerprint": str,
    "kept": str,
    "error": str,
}
#: All columns, with the kind of their values.
COLUMNS = {name: known.kind for name, known in SETTINGS.items()} | FIGURES
#: What stands in a figure that a run does not have.
NOTHING = {str: "", int: None, float: None}

Row = dict[str, Any]


class Results:
    """Rows by their settings, in the order in which they came.

    A row has every column of `COLUMNS`, and a list of one number an epoch for each of `HISTORY`.

    Parameters
    ----------
    rows : list of Row, optional
    folder : Path, optional
        That holds what the sweep has kept of its networks.
    """

    def __init__(self, rows: list[Row] | None = None, folder: Path | None = None) -> None:
        self.folder = folder
        self._rows: dict[tuple[Any, ...], Row] = {}
        for row in rows or []:
            self.add(row)

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return list(self._rows.values())

    @property
    def finished(self) -> dict[Settings, str]:
        """Fingerprints of the data sets, by the settings of the runs that ended without error."""
        return {self.settings_of(row): row["fingerprint"] for row in self.rows if not row["error"]}

    @property
    def unknown_settings(self) -> list[str]:
        """Columns unknown here in which runs differ whose other settings are the same.

        Rows have them where they were read tolerantly. Other unknown columns may be figures.
        """
        alike: dict[Settings, list[Row]] = {}
        for (settings, *_), row in self._rows.items():
            alike.setdefault(settings, []).append(row)
        found: dict[str, None] = {}
        for rows in alike.values():
            for name in rows[0]:
                if _unknown(name) and len({str(row.get(name)) for row in rows}) > 1:
                    found[name] = None
        return list(found)

    @property
    def kept_parts(self) -> dict[Settings, set[str]]:
        """What was kept of each run, of `kept.PARTS`, where its file is still there."""
        return {
            settings: set(row["kept"].split())
            for (settings, *_), row in self._rows.items()
            if row["kept"] and self._file_of(settings)
        }

    def kept(self, settings: Settings) -> Kept | None:
        """Weights and activations that were kept of a run, read from their file.

        Parameters
        ----------
        settings : Settings
            Of the run: `settings_of` its row.

        Returns
        -------
        Kept or None
            Nothing where nothing was kept, or its file is not there any more.

        Raises
        ------
        InputError
            Where the file is damaged, or of another data set than the run.
        """
        path = self._file_of(settings)
        row = next((row for key, row in self._rows.items() if key[0] == settings), None)
        if path is None or row is None or not row["kept"]:
            return None
        found = kept.read(path)
        if found.fingerprint != row["fingerprint"]:
            raise InputError(
                f"'{path}' is of other images or labels than its run: remove it, and do the run "
                "again with `resume=True`"
            )
        return found

    def _file_of(self, settings: Settings) -> Path | None:
        """File of what was kept of a run, where there is one."""
        path = kept.file_of(self.folder, settings) if self.folder else None
        return path if path and is_file(path) else None

    def add(self, row: Row) -> None:
        """Enter a run, in place of an earlier row of the same settings."""
        # Of two runs that differ in a setting that is unknown here, none takes the other's place.
        unknown = (str(value) for name, value in row.items() if _unknown(name))
        key = (self.settings_of(row), *unknown)
        self._rows[key] = row

    @staticmethod
    def settings_of(row: Row) -> Settings:
        """Settings of a row's run."""
        return Settings(**{name: row[name] for name in SETTINGS})

    def columns(self, *, failed: bool = False) -> dict[str, NDArray]:
        """Tidy table of the finished runs: an array for each of `COLUMNS`, one entry a run.

        Parameters
        ----------
        failed : bool
            Whether runs that failed are in it too, with their error and NaN for their figures.
        """
        return _columns([row for row in self.rows if failed or not row["error"]])

    def write(self, path: str | Path) -> None:
        """Write all rows; at every instant the old or the new file is whole.

        Raises
        ------
        InputError
            Where the folder does not exist or cannot be written.
        """
        rows = self.rows
        longest = max((len(row[HISTORY[0]]) for row in rows), default=0)
        with hdf5.writing(path) as file:
            file.attrs["format"] = FORMAT
            file.attrs["format_version"] = VERSION
            file.attrs["written_by"] = __version__
            for name, values in _columns(rows).items():
                if COLUMNS[name] is str:
                    values = values.astype(h5py.string_dtype())
                file[f"runs/{name}"] = values
            for name in HISTORY:
                padded = np.full((len(rows), longest), np.nan)
                for line, row in zip(padded, rows, strict=True):
                    line[: len(row[name])] = row[name]
                file[f"history/{name}"] = padded

    @classmethod
    def read(cls, path: str | Path, *, tolerant: bool = False) -> Results:
        """Read a file that `write` wrote.

        Settings and figures that did not exist then have their default, or nothing.

        Parameters
        ----------
        path : str or Path
        tolerant : bool
            Warn of columns that are unknown here, instead of refusing them: to read, but not to
            write again.

        Raises
        ------
        InputError
            Where the file is missing, damaged, of another kind or version.
        """
        path = Path(path)
        check_file(path, "file of results")
        with hdf5.reading(path, "results", "use another copy") as file:
            if hdf5.attribute(file, "format", None) != FORMAT:
                raise InputError(f"'{path}': these are no results of a sweep: give another file")
            version = hdf5.attribute(file, "format_version")
            if version not in READABLE:
                raise InputError(
                    f"'{path}': this version of sparsedend does not read results format {version}: "
                    "use the version that wrote it"
                )
            runs = file["runs"]
            written_by = hdf5.attribute(file, "written_by", None)
            unknown = [name for name in runs if name not in COLUMNS]
            rows = _rows(file, runs, unknown)
            # Of what is read of the file, an error has its name already.
            try:
                tell_unknown(unknown, written_by, tolerant=tolerant)
                found = cls(rows, kept.folder_of(path))
            except InputError as error:
                raise InputError(f"'{path}': {error}") from error
        if len(found.rows) < len(rows):
            raise InputError(f"'{path}': two runs have the same settings: use another copy")
        return found


def row_of(
    settings: Settings, fingerprint: str, result: Mapping[str, Any] | None, error: str = ""
) -> Row:
    """Row of a run that has ended, from what `run.run` returned, or from its error."""
    result = result or {}
    figures = {name: result.get(name, NOTHING[kind]) for name, kind in FIGURES.items()}
    # HDF5's texts are UTF-8 and end at a NUL.
    error = error.encode("utf-8", "replace").decode().replace("\0", "")
    figures |= {"epochs_run": result.get("epochs"), "fingerprint": fingerprint, "error": error}
    return asdict(settings) | figures | {name: result.get(name, []) for name in HISTORY}


def write_csv(columns: Mapping[str, NDArray], file: TextIO) -> None:
    """Write a tidy table as comma-separated values, with a line of names first."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    cells = ([_cell(value) for value in column.tolist()] for column in columns.values())
    writer.writerows(zip(*cells, strict=True))


def _cell(value: Any) -> Any:
    """Nothing for NaN; whole numbers as such, also where a column has gaps."""
    if isinstance(value, float):
        if value != value:
            return ""
        return int(value) if value.is_integer() else value
    return value


def _unknown(name: str) -> bool:
    """Whether a column is of a later version."""
    return name not in COLUMNS and name not in HISTORY


def _columns(rows: list[Row]) -> dict[str, NDArray]:
    return {name: _column(name, [row[name] for row in rows]) for name in COLUMNS}


def _column(name: str, values: list[Any]) -> NDArray:
    if COLUMNS[name] is str:
        return np.asarray(values, dtype=object)
    if any(value is None for value in values):
        return np.asarray([np.nan if value is None else value for value in values], np.float64)
    return np.asarray(values)


def _rows(file: h5py.File, runs: h5py.Group, unknown: list[str]) -> list[Row]:
    columns: dict[str, list[Any]] = {name: _entries(runs, name, "iufbSO") for name in unknown}
    for name, kind in COLUMNS.items():
        if name in runs:
            values = _entries(runs, name, "O" if kind is str else "iufb")
            columns[name] = [_value(value, kind is int) for value in values]
        else:
            absent = SETTINGS[name].default if name in SETTINGS else NOTHING[kind]
            columns[name] = [absent] * len(runs["error"])
    lengths = [epochs or 0 for epochs in columns["epochs_run"]]
    for name in HISTORY:
        table = hdf5.array(file, f"history/{name}", "f")
        columns[name] = [
            line[:length].tolist() for line, length in zip(table, lengths, strict=True)
        ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _entries(runs: h5py.Group, name: str, kinds: str) -> list[Any]:
    return hdf5.array(runs, name, kinds, (len(runs["error"]),)).tolist()


def _value(value: Any, whole: bool) -> Any:
    """What stood in the row: NaN stands for nothing, and makes floats of integers."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        if np.isnan(value):
            return None
        return int(value) if whole else value
    return value
