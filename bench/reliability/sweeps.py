"""Sweeps of which a process is killed at any time, and that go on."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from .page import Section, table
from .works import SECONDS, WORKS, Stage, make_inputs

TITLE = "Sweeps that are killed"
#: Who is killed, and by what.
WAYS = (
    ("the sweep", signal.SIGKILL),
    ("the sweep", signal.SIGTERM),
    ("the sweep", signal.SIGINT),
    ("a worker", signal.SIGKILL),
)
NOBODY = "nobody: it had ended, or had no worker yet"
#: Seconds within which workers notice that their sweep is gone.
PATIENCE = 20


def measured(cases: int, seed: int) -> Section:
    """Kill a process of so many sweeps, and let them go on."""
    counts: Counter[str] = Counter()
    bad = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder / "inputs")
        (work,) = (each for each in WORKS if each.name == "sweep")
        began = time.monotonic()
        stage = Stage(work, folder / "stage", folder / "inputs")
        # Of the two sweeps that a stage does, one.
        usual = (time.monotonic() - began) / 2
        for case in range(seed, seed + cases):
            who, number = WAYS[case % len(WAYS)]
            delay = float(np.random.default_rng(case).uniform(0.1, 1)) * usual
            alive, wrong = _killed(stage, folder / str(case), who, number, delay)
            counts[f"{who}, {number.name}" if alive else NOBODY] += 1
            if wrong:
                bad.append(f"sweep {case}, {who} by {number.name} after {delay:.2f} s: {wrong}")
    lines = [
        f"From seed {seed} on. Each is gone on with, and must have the rows of one that was not "
        "killed, no process that stays, and no file more.",
        "",
        *table(["killed", "times"], sorted(counts.items())),
    ]
    return Section(TITLE, lines, bad)


def _killed(
    stage: Stage, folder: Path, who: str, number: signal.Signals, delay: float
) -> tuple[bool, str]:
    """Whether anybody was alive to be killed, and what was wrong afterwards."""
    stage.fresh(folder)
    process = stage.begun(folder)
    time.sleep(delay)
    workers = _workers(process.pid)
    victims = [process.pid] if who == "the sweep" else workers[:1]
    alive = process.poll() is None and bool(victims)
    if alive:
        with suppress(ProcessLookupError):
            os.kill(victims[0], number)
    try:
        _, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return alive, "hang"
    if "Traceback" in said:
        return alive, f"traceback: {said.splitlines()[-1]}"
    if process.returncode not in (0, 1, 130, -number):
        return alive, f"ended with {process.returncode} and said {said!r}"
    deadline = time.monotonic() + PATIENCE
    while stay := [worker for worker in workers if _lives(worker)]:
        if time.monotonic() > deadline:
            return alive, f"{len(stay)} workers stay"
        time.sleep(0.1)
    try:
        stage.work.read(folder / stage.work.output)
    except Exception as error:
        return alive, f"the results cannot be read: {error}"
    return alive, stage.wrong_after_all(folder, stage.run(folder))


def _workers(pid: int) -> list[int]:
    """Processes that a sweep has begun to do runs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
    except OSError:
        return []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
