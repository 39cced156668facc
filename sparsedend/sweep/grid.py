"""Which runs a sweep consists of."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from .. import datasets
from ..datasets import Dataset
from ..errors import InputError, suggestion
from ..files import check_file, reason
from ..models import Matrix
from ..run import plan
from ..settings import SETTINGS, Settings, chosen
from . import kept

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: At most, of a grid: no file of results would be read or written in good time.
RUNS = 100_000


@dataclass(frozen=True)
class PlannedRun:
    """One run to be, with everything that a seed does not determine resolved.

    Attributes
    ----------
    settings : Settings
        With the number of epochs.
    parameters : int
    fingerprint : str
        Of the data set's images and labels, without noise.
    work : float
        About proportional to its time; for the order of runs and the time left alone.
    keep : tuple of str
        What is kept of the trained network, of `kept.PARTS`.
    kept_bytes : int
        What that takes, in bytes.
    """

    settings: Settings
    parameters: int
    fingerprint: str
    work: float
    keep: tuple[str, ...] = ()
    kept_bytes: int = 0


def read_grid(path: str | Path) -> list[PlannedRun]:
    """Runs of a grid file.

    The file is TOML: settings as in `Settings`, each a value or a list of values, ``preset`` and
    ``keep``.

    Raises
    ------
    InputError
        As `expand`, and where the file is missing or no TOML.
    """
    path = Path(path)
    check_file(path, "grid")
    try:
        grid = tomllib.loads(path.read_text(encoding="utf-8"))
        json.dumps(grid, default=str)  # A number that cannot be shown could be named in no error.
    except OSError as error:
        raise InputError(
            f"the grid '{path}' cannot be read ({reason(error)}): check the path"
        ) from error
    # Numbers of many digits raise a plain ValueError, lists in lists without end the other.
    except (ValueError, RecursionError) as error:
        raise InputError(f"the grid '{path}' is no TOML: {error}") from error
    try:
        return expand(grid)
    except InputError as error:
        raise InputError(f"the grid '{path}': {error}") from error


def expand(grid: Mapping[str, Any]) -> list[PlannedRun]:
    """Runs of the product of a grid's lists, the last key changing fastest; each run once.

    Parameters
    ----------
    grid : mapping
        By the names of `Settings` a value or a list of values; ``preset``, a text; ``keep``, what
        is kept of every trained network beside the results: "weights", "activations" or both.

    Raises
    ------
    InputError
        Where a key is unknown, a value of another kind, or a combination impossible.
    """
    grid = dict(grid)
    preset = grid.pop("preset", None)
    keep = _parts(grid.pop("keep", []))
    lists = {key: _values(key, value) for key, value in grid.items()}
    count = math.prod(map(len, lists.values()))
    if count > RUNS:
        raise InputError(f"the lists make {count:,} runs: shorten them to {RUNS:,} at most")
    known: dict[str, Dataset] = {}
    runs: dict[Settings, PlannedRun] = {}
    for values in product(*lists.values()):
        given = dict(zip(lists, values, strict=True))
        try:
            run = _planned(chosen(given, preset), known, keep)
        except InputError as error:
            varied = [f"{key} {value}" for key, value in given.items() if len(lists[key]) > 1]
            where = f"the combination {', '.join(varied)}: " if varied else ""
            raise InputError(f"{where}{error}") from error
        runs[run.settings] = run
    return list(runs.values())


def _values(key: str, value: Any) -> list[Any]:
    if key not in SETTINGS:
        hint = suggestion(key, (*SETTINGS, "preset", "keep"))
        known = ", ".join((*SETTINGS, "preset"))
        raise InputError(f"unknown key '{key}': {hint}known are {known} and keep")
    if isinstance(value, range) and len(value) > RUNS:
        raise InputError(f"'{key}' has {len(value):,} values: give {RUNS:,} at most")
    values = list(value) if isinstance(value, list | tuple | range) else [value]
    if not values:
        raise InputError(f"'{key}' is an empty list: give at least one value")
    return [SETTINGS[key].checked(each) for each in values]


def _parts(value: Any) -> tuple[str, ...]:
    """Names of what is to be kept, each once, in the order of `kept.PARTS`."""
    names = list(value) if isinstance(value, list | tuple) else [value]
    for name in names:
        if name not in kept.PARTS:
            hint = suggestion(name, kept.PARTS)
            raise InputError(
                f"unknown part '{name}' to keep: {hint}choose among {', '.join(kept.PARTS)}"
            )
    return tuple(part for part in kept.PARTS if part in names)


def _planned(settings: Settings, known: dict[str, Dataset], keep: tuple[str, ...]) -> PlannedRun:
    """Check a combination, and resolve what depends on its data set."""
    if datasets.is_path(settings.dataset):
        # A worker may stand in another folder.
        settings = replace(settings, dataset=str(Path(settings.dataset).resolve()))
    if settings.dataset not in known:
        known[settings.dataset] = datasets.load(settings.dataset)
    dataset = known[settings.dataset]
    epochs = settings.epochs_on(dataset.name)
    settings = replace(settings, epochs=epochs)
    matrices = plan(settings, dataset)
    work = epochs * len(dataset.train_x) * sum(map(_work, matrices))
    parameters = sum(matrix.parameters for matrix in matrices)
    kept_bytes = kept.size(keep, matrices, dataset)
    return PlannedRun(settings, parameters, dataset.fingerprint, work, keep, kept_bytes)


def _work(matrix: Matrix) -> float:
    """Time of one image, in synapses: a dense weight takes about half as long as a sparse one."""
    fixed = 5_000
    return fixed + matrix.nnz * (1.0 if matrix.sparse else 0.5)
