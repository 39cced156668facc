"""Results in HDF5, one group a measurement, and in CSV beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np

from sparsedend.files import atomic_write

from .table import Row
from .works import from_record, to_record

Facts = dict[str, str]
Columns = dict[str, list[Any]]


def folder(output: Path) -> Path:
    """Where results and pictures are."""
    return output / "scaling"


def names(output: Path) -> list[str]:
    """Measurements that a folder has results of; OSError where its file is no HDF5."""
    path = folder(output) / "results.h5"
    if not path.exists():
        return []
    with h5py.File(path) as file:
        return list(file)


def save(output: Path, name: str, columns: Columns, facts: Facts) -> None:
    """Replace a measurement's group in ``results.h5``, and ``<name>.csv`` beside it.

    A column holds texts, numbers or, padded with NaN in HDF5, lists of numbers, of which the CSV
    file has the median, the least and the largest.
    """
    path = folder(output) / "results.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Anew, since HDF5 does not give back the room of a group that was removed.
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        if path.exists():
            with h5py.File(path) as before:
                for other in before.keys() - {name}:
                    before.copy(other, file)
        group = file.create_group(name, track_order=True)
        group.attrs.update(facts)
        for column, values in columns.items():
            if values and isinstance(values[0], str):
                group.create_dataset(column, data=values, dtype=h5py.string_dtype())
            elif _lists(values):
                padded = np.full((len(values), max(map(len, values))), np.nan)
                for line, numbers in zip(padded, values, strict=True):
                    line[: len(numbers)] = numbers
                group.create_dataset(column, data=padded)
            else:
                group.create_dataset(column, data=values)
    flat: Columns = {}
    for column, values in columns.items():
        if _lists(values):
            for what, of in (("median", median), ("least", min), ("most", max)):
                flat[f"{column} {what}"] = [of(v) if len(v) else "" for v in values]
        else:
            flat[column] = values
    with path.with_name(f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(flat)
        writer.writerows(zip(*flat.values(), strict=True))


def load(output: Path, name: str) -> tuple[Columns, Facts]:
    """What `save` wrote, lists without their NaN; LookupError where there is nothing."""
    if name not in names(output):
        raise LookupError(f"no results of {name} in {folder(output)}")
    columns: Columns = {}
    with h5py.File(folder(output) / "results.h5") as file:
        for column, data in file[name].items():
            if h5py.check_string_dtype(data.dtype):
                columns[column] = data.asstr()[:].tolist()
            elif data.ndim == 2:
                columns[column] = [line[~np.isnan(line)].tolist() for line in data[:]]
            else:
                columns[column] = data[:].tolist()
        return columns, dict(file[name].attrs)


def save_rows(output: Path, name: str, rows: list[Row], facts: Facts) -> None:
    """Replace a suite's results."""
    columns = {field: [getattr(row, field) for row in rows] for field in Row._fields}
    columns["work"] = [json.dumps(to_record(row.work)) for row in rows]
    save(output, name, columns, facts)


def load_rows(output: Path, name: str) -> tuple[list[Row], Facts]:
    """What `save_rows` wrote; LookupError where there is nothing."""
    columns, facts = load(output, name)
    rows = []
    for values in zip(*columns.values(), strict=True):
        fields = dict(zip(columns, values, strict=True))
        fields["work"] = from_record(json.loads(fields["work"]))
        fields["seconds"] = tuple(fields["seconds"])
        rows.append(Row(**fields))
    return rows, facts


def _lists(values: list[Any]) -> bool:
    return bool(values) and isinstance(values[0], (list, tuple))
