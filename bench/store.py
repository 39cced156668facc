"""Results as rows, kept in HDF5 and CSV, and what can be asked of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from sparsedend.files import atomic_write

from .contestants import OURS
from .harness import Record
from .works import Dendritic, Layer, Work, from_record, to_record

Facts = dict[str, str]


class Row(NamedTuple):
    """One part of what one contestant did of one work; see `harness.Record`."""

    work: Work
    threads: int
    contestant: str
    part: str
    note: str
    seconds: tuple[float, ...]
    first: float
    build: float
    base: int
    peak: int
    device: int = 0

    @property
    def time(self) -> float:
        """Median seconds."""
        return median(self.seconds)


def rows(record: Record) -> Iterator[Row]:
    """A row for each part, or one without times."""
    for part, seconds in (record.parts or {"": []}).items():
        yield Row(
            record.case.work,
            record.case.threads,
            record.contestant,
            part,
            record.note,
            tuple(seconds),
            record.first,
            record.build,
            record.base,
            record.peak,
            record.device,
        )


def results(output: Path) -> Path:
    """Where a folder's results are."""
    return output / "scaling" / "results.h5"


def suites(output: Path) -> list[str]:
    """Names of the suites that a folder has results of; OSError where its file is no HDF5."""
    path = results(output)
    if not path.exists():
        return []
    with h5py.File(path) as file:
        return list(file)


def save(path: Path, suite: str, table: list[Row], facts: Facts) -> None:
    """Replace a suite's results; see `save_columns`."""
    columns: dict[str, list[Any]] = {
        name: [getattr(r, name) for r in table] for name in Row._fields
    }
    columns["work"] = [json.dumps(to_record(row.work)) for row in table]
    save_columns(path, suite, columns, facts)


def save_columns(path: Path, suite: str, columns: dict[str, list[Any]], facts: Facts) -> None:
    """Replace a suite's group in the HDF5 file, and ``<suite>.csv`` beside it.

    A column holds texts, numbers or, padded with NaN in HDF5, lists of numbers, of which the CSV
    file has the median, the least and the largest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Anew, since HDF5 does not give back the room of a group that was removed.
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        if path.exists():
            with h5py.File(path) as before:
                for other in before.keys() - {suite}:
                    before.copy(other, file)
        group = file.create_group(suite, track_order=True)
        group.attrs.update(facts)
        for name, values in columns.items():
            first = values[0] if values else 0.0
            if isinstance(first, str):
                group.create_dataset(name, data=values, dtype=h5py.string_dtype())
            elif isinstance(first, (list, tuple)):
                group.create_dataset(name, data=_padded(values))
            else:
                group.create_dataset(name, data=values)
    with path.with_name(f"{suite}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        flat = _flat(columns)
        writer.writerow(flat)
        writer.writerows(zip(*flat.values(), strict=True))


def load_columns(path: Path, suite: str) -> tuple[dict[str, Any], Facts]:
    """What `save_columns` wrote; LookupError where there is none."""
    if not path.exists():
        raise LookupError(f"no results in {path}")
    with h5py.File(path) as file:
        if suite not in file:
            raise LookupError(f"no results of {suite} in {path}")
        group = file[suite]
        columns = {}
        for name in group:
            data = group[name]
            columns[name] = data.asstr()[:] if h5py.check_string_dtype(data.dtype) else data[:]
        return columns, dict(group.attrs)


def load(path: Path, suite: str) -> tuple[Table, Facts]:
    """What `save` wrote; LookupError where there is none."""
    columns, facts = load_columns(path, suite)
    table = []
    for values in zip(*columns.values(), strict=True):
        fields = dict(zip(columns, values, strict=True))
        fields["work"] = from_record(json.loads(fields["work"]))
        fields["seconds"] = tuple(fields["seconds"][~np.isnan(fields["seconds"])].tolist())
        for name in {"threads", "base", "peak", "device"} & fields.keys():
            fields[name] = int(fields[name])
        table.append(Row(**fields))
    return Table(table), facts


def _padded(lists: list[Any]) -> NDArray:
    matrix = np.full((len(lists), max(map(len, lists))), np.nan)
    for line, values in zip(matrix, lists, strict=True):
        line[: len(values)] = values
    return matrix


def _flat(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    flat: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if values and isinstance(values[0], (list, tuple)):
            for what, of in (("median", median), ("least", min), ("most", max)):
                flat[f"{name} {what}"] = [of(v) if v else "" for v in values]
        else:
            flat[name] = values
    return flat


class Table:
    """Rows of one suite."""

    def __init__(self, table: list[Row]) -> None:
        self.rows = table

    @property
    def works(self) -> list[tuple[Work, int]]:
        """Works and threads, in order, once each."""
        return list(dict.fromkeys((row.work, row.threads) for row in self.rows))

    @property
    def contestants(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(row.contestant for row in self.rows))

    def timed(self, contestant: str, **fields: Any) -> list[Row]:
        """Rows with times of whole works (not parts of them) whose fields are these."""
        return [
            row
            for row in self.rows
            if row.contestant == contestant
            and row.seconds
            and (row.part == "all" or not isinstance(row.work, Layer) or not row.work.backward)
            and all(
                (row.threads if name == "threads" else getattr(row.work, name)) == value
                for name, value in fields.items()
            )
        ]

    def one(self, contestant: str, **fields: Any) -> Row:
        """The first of them; LookupError where there is none."""
        return self.timed(contestant, **fields)[0]

    def ratio(self, rival: str, **fields: Any) -> float:
        """Times that the rival takes what we take: the median over the rounds."""
        return ratio(self.one(rival, **fields), self.one(OURS, **fields))

    def slope(self, contestant: str) -> float:
        """Of time against the connections, fitted on logarithmic axes; LookupError below two."""
        return _slope([(row.work.connections, row.time) for row in self.timed(contestant)])

    def memory_slope(self, contestant: str) -> float:
        """Of memory beyond the imports and the smallest work against the connections."""
        found = self.timed(contestant)
        least = found[0].peak
        return _slope([(row.work.connections, row.peak - least) for row in found[2:]])

    def bytes_per_synapse(self, contestant: str, **fields: Any) -> float:
        """Memory beyond that of the smallest work and the activations, by connections."""
        row = self.one(contestant, **fields)
        least = self.timed(contestant)[0]
        return (row.peak - least.peak - activations(row.work)) / row.work.connections

    def break_even(self, rival: str) -> float:
        """Density at which we take as long as a rival, between those measured (log axes).

        Where we are faster at all of them, the largest.
        """
        pairs = [
            (row.work.density, ratio(self.one(rival, density=row.work.density), row))
            for row in self.timed(OURS)
        ]
        for (low, before), (high, after) in pairwise(pairs):
            if before >= 1 > after:
                share = np.log(before) / (np.log(before) - np.log(after))
                return float(low * (high / low) ** share)
        return pairs[-1][0] if pairs[-1][1] >= 1 else pairs[0][0]


def ratio(rival: Row, ours: Row) -> float:
    """Median over the rounds of how many times our time the rival took."""
    return median(other / own for own, other in zip(ours.seconds, rival.seconds, strict=True))


def activations(work: Work) -> int:
    """Bytes that ours keeps of a batch: somata's outputs and gradients, dendrites' signs."""
    assert isinstance(work, Dendritic)
    return work.batch * (2 * 4 * work.somata + work.size // 8)


def _slope(points: list[tuple[float, float]]) -> float:
    if len(points) < 2:
        raise LookupError("a slope needs two sizes")
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])
