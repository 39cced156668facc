"""A long training with checkpoints, and much beside it: what a process takes must not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import sparsedend as sd

from .children import wrong_with_a_child
from .page import Section, table
from .works import ROOT

TITLE = "A long run"
IMAGES = 20_000
SIZES = (1, 16, 129, 512)
#: Threads that predict beside the training.
PREDICTING = 2
#: Looks at what the process takes, in all, and at least; the first quarter warms up.
LOOKS, LEAST = 120, 8
#: Seconds between forks.
FORKS = 10
#: Bytes that the median of the last quarter may be above that of the second: history is kept.
GROWTH = 8 * 2**20
#: Epochs that no soak comes to.
EPOCHS = 10**9


def measured(minutes: float, seed: int) -> Section:
    """Train for so long in a process of its own."""
    command = [sys.executable, "-m", "bench.reliability.soak", str(minutes), str(seed)]
    limit = 120 * minutes + 600
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return Section(TITLE, [f"{minutes:g} minutes, seed {seed}."], ["hang"])
    if ended.returncode:
        said = " ".join(ended.stderr.split())[-500:]
        bad = [f"the process ended with {ended.returncode}: {said}"]
        return Section(TITLE, [f"{minutes:g} minutes, seed {seed}."], bad)
    return judged(json.loads(ended.stdout), minutes, seed)


def judged(found: dict[str, Any], minutes: float, seed: int) -> Section:
    """A section on what was seen.

    Parameters
    ----------
    found : dict
        ``counts`` of what was done, ``wrong`` answers, and ``looks``: a list of seconds, bytes,
        descriptors and threads.
    minutes : float
    seed : int
    """
    counts, looks = found["counts"], found["looks"]
    if len(looks) < LEAST:  # A wrong answer ends it at once.
        growth, bad = [f"It ended after {len(looks)} looks: too few to tell growth."], []
    else:
        growth, bad = _growth(looks)
    lines = [
        f"{minutes:g} minutes, seed {seed}: {counts['epochs']:,} epochs of a training, with a "
        f"checkpoint after each; beside it {counts['predictions']:,} predictions by {PREDICTING} "
        f"threads, {counts['forks']:,} children of fork that predicted too, and "
        f"{counts['loads']:,} reads of the checkpoint. Every answer must have the bits of the "
        "first.",
        "",
        *growth,
    ]
    return Section(TITLE, lines, [*found["wrong"], *bad])


def _growth(looks: list[list[float]]) -> tuple[list[str], list[str]]:
    """A table of what the process took, quarter by quarter, and what of that grew."""
    quarters = [looks[len(looks) * n // 4 : len(looks) * (n + 1) // 4] for n in range(4)]
    memory = [median(look[1] for look in part) for part in quarters]
    descriptors = [max(look[2] for look in part) for part in quarters]
    threads = [max(look[3] for look in part) for part in quarters]
    bad = []
    if memory[3] > memory[1] + GROWTH:
        bad.append(f"memory grew by {(memory[3] - memory[1]) / 1e6:.1f} MB")
    for what, most in (("descriptors", descriptors), ("threads", threads)):
        if max(most[2:]) > max(most[:2]):
            bad.append(f"{what} grew from {max(most[:2])} to {max(most[2:])}")
    rows = zip(
        ("first", "second", "third", "fourth"),
        (f"{each / 1e6:.1f}" for each in memory),
        *(descriptors, threads),
        strict=True,
    )
    header = ["quarter", "memory, median MB", "descriptors, most", "threads, most"]
    return table(header, rows), bad


def soaked(minutes: float, seed: int) -> dict[str, Any]:
    """Train in this process for so many minutes; what was done and seen, as `judged` takes it."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (IMAGES, 28, 28, 1), np.uint8)
    y = rng.integers(0, 10, IMAGES)
    trained, still = (_network(seed + which) for which in range(2))
    expected = {size: sd.predict(still, x[:size], raw=True) for size in SIZES}
    counts: Counter[str] = Counter(epochs=0, predictions=0, loads=0, forks=0)
    wrong: list[str] = []
    looks: list[list[float]] = []
    over = threading.Event()

    def right(size: int) -> bool:
        finite = np.isfinite(sd.predict(trained, x[:size], raw=True)).all()
        return bool(finite) and np.array_equal(
            sd.predict(still, x[:size], raw=True), expected[size]
        )

    def until_over(what: str, work: Callable[[], bool]) -> None:
        while not over.is_set():
            try:
                ended = "" if work() else "another answer"
            except Exception as error:
                ended = repr(error)
            counts[what] += 1
            if ended:
                wrong.append(f"{what} {counts[what]}: {ended}")
                return

    def predicting(number: int) -> Callable[[], bool]:
        own = np.random.default_rng([seed, number])
        return lambda: right(int(own.choice(SIZES)))

    def loads(path: Path) -> bool:
        time.sleep(0.1)
        return sd.load(path, backend=sd.backends.create("numpy", 1)).size == trained.size

    began = time.monotonic()
    every, end = 60 * minutes / LOOKS, began + 60 * minutes
    forked = began

    def look(fitting: sd.training.fitting.Fitting) -> None:
        nonlocal forked
        counts["epochs"] += 1
        now = time.monotonic()
        sd.save(trained, path, training=fitting.training)
        if now > forked + min(FORKS, every):
            forked = now
            counts["forks"] += 1
            if told := wrong_with_a_child(lambda: right(SIZES[counts["forks"] % len(SIZES)])):
                wrong.append(f"child {counts['forks']} {told}")
        if now > began + every * (len(looks) + 1):
            looks.append([now - began, *_taken()])
        if (now > end and len(looks) >= LEAST) or wrong:
            fitting.stop()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(PREDICTING + 1) as pool:
        path = Path(folder) / "a.h5"
        sd.save(trained, path)
        jobs = [
            pool.submit(until_over, "predictions", predicting(number))
            for number in range(PREDICTING)
        ]
        jobs.append(pool.submit(until_over, "loads", lambda: loads(path)))
        try:
            training = sd.Training(seed=seed)
            sd.fit(trained, x, y, epochs=EPOCHS, training=training, callbacks=[look])
        finally:
            over.set()
        for job in jobs:
            job.result()
    return {"counts": counts, "wrong": wrong, "looks": looks}


def _network(seed: int) -> sd.Network:
    sizes = {"dendrites": 4, "somata": 64, "synapses": 16}
    return sd.models.build("dann-r", (28, 28, 1), 10, **sizes, seed=seed)


def _taken() -> tuple[int, int, int]:
    """Bytes of memory, descriptors and threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors, threads = (len(os.listdir(f"/proc/self/{what}")) for what in ("fd", "task"))
    return pages * os.sysconf("SC_PAGE_SIZE"), descriptors, threads


if __name__ == "__main__":
    print(json.dumps(soaked(float(sys.argv[1]), int(sys.argv[2]))))
