"""A training whose cores other processes use too.

``train dann-r --dataset fmnist --dendrites 4 --somata 128 --epochs 2``, alone and beside as many
busy processes as there are cores: with the number of times for which our waiting threads look for
work before they sleep (`numba_backend.SPINS`), and with GNU OpenMP's own. Seconds of the two
epochs; all take turns.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from sparsedend.backends.numba_backend import SPINS
from sparsedend.backends.numpy_backend import available_threads

from . import machine

#: libgomp's default where neither GOMP_SPINCOUNT nor OMP_WAIT_POLICY is set.
LIBGOMP = "300000"
ROUNDS = 3
COMMAND = ["train", "dann-r", "--dataset", "fmnist", "--dendrites", "4", "--somata", "128"]


def main() -> None:
    """Measure and keep the table."""
    spins = {f"ours, {SPINS}": SPINS, f"GNU OpenMP's, {LIBGOMP}": LIBGOMP}
    times: dict[tuple[str, bool], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for count in spins.values():
            _train(Path(folder), count)
        for _ in range(ROUNDS):
            for busy in (False, True):
                others = [_busy() for _ in range(available_threads())] if busy else []
                for name, count in spins.items():
                    seconds = _train(Path(folder), count)
                    times.setdefault((name, busy), []).append(seconds)
                for other in others:
                    other.kill()
                    other.join()
    rows = [[name, *(_cell(times[name, busy]) for busy in (False, True))] for name in spins]
    text = [
        "# A training beside busy processes",
        machine.describe(),
        __doc__ or "",
        machine.table(["spins", "alone, s", "beside busy processes, s"], rows),
    ]
    machine.keep("contention", "\n\n".join(text))


def _train(folder: Path, spins: str) -> float:
    output = ["--epochs", "2", "--output", str(folder / "a.h5"), "--overwrite", "--json"]
    answer = subprocess.run(
        [sys.executable, "-m", "sparsedend", *COMMAND, *output],
        env=os.environ | {"GOMP_SPINCOUNT": spins},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])["train_seconds"]


def _busy() -> multiprocessing.Process:
    process = multiprocessing.Process(target=_spin, daemon=True)
    process.start()
    return process


def _spin() -> None:
    while True:
        pass


def _cell(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} ({min(seconds):.2f} … {max(seconds):.2f})"


if __name__ == "__main__":
    main()
