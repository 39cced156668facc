"""A sweep's speed: a part of the FMNIST grid of figure 2, and two runs side by side.

The part: dann-r, dann-lrf and dann-grf, D in {1, 4, 16, 64}, S in {32, 128, 512}, 25 epochs, one
trial; ``--full``: all 35 sizes. One run by one thread on each core. The time of the full grid with
five trials, and with vann and pdann, is judged by the work of its runs.

Side by side: dann-lrf, D=16, S=256, two epochs with one thread, alone and two at once, in turns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from statistics import median

from sparsedend import backends, datasets, fit, models
from sparsedend.backends.numpy_backend import available_threads
from sparsedend.sweep import expand, sweep
from sparsedend.sweep.grid import PlannedRun

from . import machine

DANNS = ["dann-r", "dann-lrf", "dann-grf"]
DENDRITES = [1, 2, 4, 8, 16, 32, 64]
SOMATA = [32, 64, 128, 256, 512]
ROUNDS = 7
#: What two runs side by side may take, in times of one alone.
SIDE_BY_SIDE = 1.15
#: What the full grid of three models may take, in minutes.
MINUTES = 15


def grid(models_: list[str], dendrites: list[int], somata: list[int]) -> list[PlannedRun]:
    """Runs of one trial by the paper's protocol."""
    return expand(
        {
            "preset": "paper",
            "dataset": "fmnist",
            "model": models_,
            "dendrites": dendrites,
            "somata": somata,
        }
    )


def main() -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    full = parser.parse_args().full
    alone, together = side_by_side()
    ratio = median(two / one for one, two in zip(alone, together, strict=True))
    runs = grid(DANNS, DENDRITES, SOMATA) if full else grid(DANNS, [1, 4, 16, 64], [32, 128, 512])
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = sweep(runs, Path(folder) / "sweep.h5", say=print)
        seconds = time.perf_counter() - began
    columns = results.columns()
    trained = float(columns["train_seconds"].sum())
    cores = available_threads()
    by_size: dict[str, float] = {}
    for dendrites, each in zip(columns["dendrites"], columns["train_seconds"], strict=True):
        key = f"D={dendrites}"
        by_size[key] = by_size.get(key, 0.0) + float(each)
    work = sum(run.work for run in runs)
    rows = [
        _line("three dANNs, 35 sizes, 1 trial", grid(DANNS, DENDRITES, SOMATA), seconds, work, 1),
        _line("the same, 5 trials", grid(DANNS, DENDRITES, SOMATA), seconds, work, 5),
        _line("with pdann and vann, 5 trials", _five_models(), seconds, work, 5),
    ]
    text = [
        "# A sweep",
        machine.describe(),
        __doc__ or "",
        "## Side by side",
        f"Alone {median(alone):.2f} s, two at once {median(together):.2f} s, ratio {ratio:.2f} "
        f"(median of {ROUNDS} rounds); goal {SIDE_BY_SIDE}: "
        f"{'reached' if ratio <= SIDE_BY_SIDE else 'MISSED'}.",
        "## The grid" if full else "## A part of the grid",
        f"{len(runs)} runs, {len(results.finished)} finished, in {seconds:.0f} s = "
        f"{seconds / 60:.1f} minutes by {cores} processes."
        + (
            f" Goal {MINUTES}: {'reached' if seconds <= 60 * MINUTES else 'MISSED'}."
            if full
            else ""
        ),
        f"In epochs (with validation) {trained:.0f} s of {seconds * cores:.0f} s of all cores, "
        f"{trained / (seconds * cores):.0%}; the rest is start-up, loading, drawing, testing and "
        "the end, when one process has nothing left to do.",
        "Where the epochs' time goes: "
        + ", ".join(f"{key} {value / trained:.0%}" for key, value in sorted(by_size.items()))
        + ".",
        machine.table(["grid", "runs", "hours, judged by this run"], rows),
    ]
    machine.keep("sweep" if full else "sweep-part", "\n\n".join(text))


def side_by_side() -> tuple[list[float], list[float]]:
    """Seconds of one run alone, and of the slower of two at once; one figure a round."""
    context = multiprocessing.get_context("spawn")
    alone, together = [], []
    with context.Pool(2) as pool:
        pool.map(_train, [1, 2], chunksize=1)
        for _ in range(ROUNDS):
            alone.append(pool.apply(_train, (1,)))
            together.append(max(pool.map(_train, [1, 2], chunksize=1)))
    return alone, together


def _train(seed: int) -> float:
    data = datasets.load("fmnist")
    network = models.build(
        "dann-lrf",
        data.image_shape,
        data.classes,
        dendrites=16,
        somata=256,
        seed=seed,
        backend=backends.create("numba", 1),
    )
    history = fit(network, data.train_x, data.train_y, epochs=2, seed=seed, progress=False)
    return sum(history.seconds)


def _five_models() -> list[PlannedRun]:
    return grid([*DANNS, "pdann", "vann"], DENDRITES, SOMATA)


def _line(name: str, runs: list[PlannedRun], seconds: float, work: float, trials: int) -> list[str]:
    share = sum(run.work for run in runs) / work
    return [name, str(trials * len(runs)), f"{trials * share * seconds / 3600:.2f}"]


if __name__ == "__main__":
    main()
