"""What a worker process does: one run at a time."""

from __future__ import annotations

import hashlib
import signal
from functools import lru_cache
from pathlib import Path

from .. import backends
from ..datasets import Dataset
from ..errors import InputError
from ..run import Settings, load_data, run
from .results import Row, row_of


def execute(
    settings: Settings, backend: str, threads: int | None, checkpoints: Path | None, resume: bool
) -> Row:
    """Train once and return the row of results; an error becomes part of the row.

    Parameters
    ----------
    settings : Settings
    backend : str
    threads : int, optional
    checkpoints : Path, optional
        Folder that keeps the trained networks.
    resume : bool
        Whether an existing checkpoint is gone on from, not replaced.
    """
    output = checkpoints / f"{name_of(settings)}.h5" if checkpoints else None
    try:
        result = run(
            settings,
            output,
            backend=backends.create(backend, threads),
            # Without noise, all seeds see the same images.
            dataset=_data(settings.dataset, settings.noise, settings.seed if settings.noise else 0),
            resume=resume,
            overwrite=not resume,
            progress=False,
        )
    except Exception as error:  # Whatever it is, it is recorded and the other runs go on.
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return row_of(settings, None, f"{kind}{error}")
    return row_of(settings, result)


def leave_interrupts() -> None:
    """Ctrl-C in a terminal reaches all processes: the sweep's own ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def name_of(settings: Settings) -> str:
    """Name of a run's checkpoint: what it is, and a digest of all settings."""
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    dataset = Path(settings.dataset).stem
    size = f"{settings.dendrites}x{settings.somata}"
    return f"{settings.model}-{dataset}-{size}-s{settings.seed}-{digest}"


@lru_cache(maxsize=2)
def _data(dataset: str, noise: float, seed: int) -> Dataset:
    return load_data(Settings(dataset=dataset, noise=noise, seed=seed))
