"""What a digest costs: checkpoints written and read with it and without, in turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO
from unittest import mock

import sparsedend as sd
from sparsedend import checkpoint, digests, hdf5

from .page import Section, table

TITLE = "What a digest costs"
#: Dendrites of a soma, somata, and synapses of a dendrite: a million dendrites in all.
SIZES = {"dendrites": 1000, "somata": 1000, "synapses": 16}
#: Of the time that a checkpoint is written in, at most.
SHARE = 0.05


def measured(rounds: int, seed: int, sizes: dict[str, int] = SIZES) -> Section:
    """Write and read so many times each way."""
    engine = sd.backends.create("numpy", 1)
    network = sd.models.build("dann-r", 784, 10, seed=seed, backend=engine, **sizes)
    training = sd.Training()
    training.begin(network)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        works = {
            "writing": lambda: sd.save(network, path, training=training),
            "reading": lambda: checkpoint.read(path, backend=engine),
        }
        rows, more = [], {}
        for name, work in works.items():
            work()
            row, more[name] = compared(name, work, rounds)
            rows.append(row)
        size = path.stat().st_size
        once = median(_seconds(lambda: _read(path)) for _ in range(rounds))
    dendrites = sizes["dendrites"] * sizes["somata"]
    lines = [
        f"A checkpoint of {dendrites:,} dendrites with Adam's vectors, {size / 1e6:,.0f} MB; "
        f"medians of {rounds} rounds, with and without in turns, and the range of a round's ratio.",
        "",
        *table(["work", "with, s", "without, s", "more", "range"], rows),
        "",
        f"Who checks a file before HDF5 sees it reads it once more: that alone takes {once:.3f} "
        "s here, where the file is in memory already, and so more of the time of reading than the "
        f"{SHARE:.0%} that writing may take longer.",
    ]
    bad = [f"writing: {more['writing']:.1%} more"] if more["writing"] > SHARE else []
    return Section(TITLE, lines, bad)


def compared(name: str, work: Callable[[], object], rounds: int) -> tuple[list[str], float]:
    """Row of a table, and the share of the time without that it takes more."""
    times: list[tuple[float, float]] = []
    for number in range(rounds):
        found = {}
        # Neither is always the first.
        for sealed in (True, False) if number % 2 else (False, True):
            if sealed:
                found[sealed] = _seconds(work)
            else:
                with _unsealed():
                    found[sealed] = _seconds(work)
        times.append((found[True], found[False]))
    with_, without = (median(each) for each in zip(*times, strict=True))
    ratios = [a / b - 1 for a, b in times]
    more = median(ratios)
    row = [
        *(name, f"{with_:.3f}", f"{without:.3f}", f"{more:.1%}"),
        f"{min(ratios):.1%} to {max(ratios):.1%}",
    ]
    return row, more


def _read(path: Path) -> None:
    """Its bytes, in the pieces in which a digest reads them."""
    room = bytearray(digests.PIECE)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(room):
            pass


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _unsealed() -> Iterator[None]:
    """Files without a digest, of which none is checked."""
    with (
        mock.patch.object(digests, "write", _plain),
        mock.patch.object(hdf5, "_check_bytes", return_value=None),
    ):
        yield


def _plain(file: IO[bytes], content: memoryview) -> None:
    # In the same pieces, of which several are written faster than all at once.
    for start in range(0, len(content), digests.PIECE):
        file.write(content[start : start + digests.PIECE])
    file.flush()
