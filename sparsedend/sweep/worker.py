"""What a worker process does: one run at a time."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import lru_cache
from pathlib import Path

from tqdm import tqdm

from .. import backends, datasets
from ..datasets import Dataset
from ..errors import InputError
from ..network import Network
from ..run import run, seen
from . import kept
from .grid import PlannedRun
from .kept import name_of
from .results import Row, row_of


def begin(parent: int) -> None:
    """Make a process a worker of its parent: it leaves Ctrl-C to it, and does not survive it.

    Parameters
    ----------
    parent : int
        Its number, for it may have ended before the worker could ask.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # tqdm's own lock is a semaphore between processes, which a killed worker would leave behind.
    tqdm.set_lock(threading.RLock())

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def execute(
    planned: PlannedRun,
    backend: str,
    threads: int | None,
    checkpoints: Path | None,
    resume: bool,
    no_lock: bool = False,
    folder: Path | None = None,
) -> Row:
    """Train once and return the row of results; an error becomes part of the row.

    Parameters
    ----------
    planned : PlannedRun
    backend : str
    threads : int, optional
    checkpoints : Path, optional
        Folder that keeps the trained networks.
    resume : bool
        Whether an existing checkpoint is gone on from, not replaced.
    no_lock : bool
        As in `run`.
    folder : Path, optional
        That holds what the sweep keeps; needed where something is to be kept.
    """
    settings = planned.settings
    output = checkpoints / f"{name_of(settings)}.h5" if checkpoints else None

    def keep(network: Network, dataset: Dataset) -> None:
        if planned.keep and folder:
            found = kept.collect(network, dataset, planned.keep, planned.fingerprint)
            kept.write(found, kept.file_of(folder, settings))

    try:
        with _loading:
            clean = _data(settings.dataset, datasets.stamp(settings.dataset))
        if clean.fingerprint != planned.fingerprint:
            raise InputError(
                f"this worker's data set '{settings.dataset}' has other images or labels than the "
                "sweep's: give it the same file"
            )
        result = run(
            settings,
            output,
            backend=backends.create(backend, threads),
            dataset=seen(settings, clean),
            resume=resume,
            overwrite=not resume,
            no_lock=no_lock,
            progress=False,
            trained=keep,
        )
    except Exception as error:  # Whatever it is, it is recorded and the other runs go on.
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return row_of(settings, planned.fingerprint, None, f"{kind}{error}")
    return row_of(settings, planned.fingerprint, result | {"kept": " ".join(planned.keep)})


#: Held by the thread that loads a data set, while others wait for the same.
_loading = threading.Lock()


@lru_cache(maxsize=1)
def _data(dataset: str, stamp: object) -> Dataset:
    """Data set, kept from run to run; `stamp` changes with its file."""
    return datasets.load(dataset)
