"""Trainings that are killed at any time, resumed, and compared with one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from sparsedend import backends, checkpoint

from .page import Section, table

TITLE = "Trainings that are killed"
EPOCHS = 100
COMMAND = (
    *(sys.executable, "-m", "sparsedend", "train", "dann-r", "--backend", "numpy"),
    *("--dendrites", "2", "--somata", "4", "--synapses", "3", "--epochs", str(EPOCHS)),
)
#: Signals, and how often.
WAYS = ((signal.SIGKILL, 1), (signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGINT, 5))


def measured(cases: int, seed: int) -> Section:
    """Kill so many trainings, and resume them."""
    counts, wrong = killed(cases, seed)
    lines = [
        f"From seed {seed} on. Each is resumed, and must have the bits of one that was not killed.",
        "",
        *table(["training killed by", "times"], sorted(counts.items())),
    ]
    return Section(TITLE, lines, wrong)


def killed(cases: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How often a run is killed in which way, and what was wrong afterwards."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        right = _ended(_begun(Path(folder) / "right.h5"), Path(folder) / "right.h5")
        for case in range(seed, seed + cases):
            rng = np.random.default_rng(case)
            number, times = WAYS[case % len(WAYS)]
            path = Path(folder) / str(case) / "a.h5"
            path.parent.mkdir()
            at_a_write = case % 3 == 0
            what = f"{number.name} × {times}{' in a write' if at_a_write else ''}"
            told, alive = _killed(path, rng, number, times, at_a_write)
            counts[what if alive else "nothing: it had ended"] += 1
            if told:
                wrong.append(f"kill {case}, {what}: {told}")
                continue
            found = _ended(_begun(path, "--resume"), path)
            if found != right:
                wrong.append(f"kill {case}, {what}: other parameters after resuming")
            left = sorted(each.name for each in path.parent.iterdir())
            if left != ["a.h5"]:
                wrong.append(f"kill {case}, {what}: left behind {', '.join(left)}")
    return counts, wrong


def _begun(path: Path, *more: str) -> subprocess.Popen:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [*COMMAND, "--output", str(path), *more]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _ended(process: subprocess.Popen, path: Path) -> bytes:
    _, said = process.communicate(timeout=120)
    if process.returncode:
        return said.encode()
    state = checkpoint.read(path, backend=backends.create("numpy", 1))
    return state.network.parameters.tobytes()


def _killed(
    path: Path, rng: np.random.Generator, number: signal.Signals, times: int, at_a_write: bool
) -> tuple[str, bool]:
    """Kill a run; what is wrong with what it leaves, if anything is, and whether it was alive."""
    process = _begun(path)
    while not path.is_file() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(float(rng.uniform(0, 0.4)))
    while at_a_write and process.poll() is None and not any(path.parent.glob(".*.tmp")):
        pass
    alive = process.poll() is None
    for _ in range(times):
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    if "Traceback" in said:
        return "traceback", alive
    if process.returncode not in (0, 130, -signal.SIGKILL):
        return f"ended with {process.returncode}", alive
    try:
        checkpoint.read(path, backend=backends.create("numpy", 1))
    except Exception as error:
        return f"the checkpoint cannot be read: {error}", alive
    # A run that ended well in spite of its kill was not killed.
    return "", alive and process.returncode != 0
