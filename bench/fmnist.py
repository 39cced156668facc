"""How fast Fashion-MNIST is trained by the paper's protocol: in a sweep, and on a GPU."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend import InputError, backends
from sparsedend.run import run
from sparsedend.settings import chosen
from sparsedend.sweep import expand, sweep
from sparsedend.sweep.grid import PlannedRun

from . import machine
from .options import Options

DANNS = ["dann-r", "dann-lrf", "dann-grf"]
#: Of the grid of figure 2, and of a part of it.
SIZES = {"dendrites": [1, 2, 4, 8, 16, 32, 64], "somata": [32, 64, 128, 256, 512]}
PART = {"dendrites": [1, 4, 16, 64], "somata": [32, 128, 512]}
MIDDLE = {"dendrites": 16, "somata": 256}
#: What the grid may take, in minutes: one trial on a CPU, five on a GPU.
MINUTES = {"numba": 15, "cupy": 4}
#: What a run beside others may take, in times of one alone.
SIDE_BY_SIDE = 1.15
#: What an epoch on a GPU may take, and how far the mean accuracy may be from the CPU's.
SECONDS, POINTS = 0.025, 0.3


def cpu_grid(options: Options) -> None:
    """The grid of three dANNs, or a part of it, one run by one thread on each core."""
    runs = grid(DANNS, **(PART if options.quick else SIZES))
    columns, seconds = swept(runs, "numba")
    middle = {"dendrites": PART["dendrites"][-2], "somata": PART["somata"][-2]}
    alone, _ = swept(grid(DANNS, **(PART | middle)), "numba", jobs=1)
    among = np.all([columns[name] == size for name, size in middle.items()], axis=0)
    ratio = np.median(columns["train_seconds"][among]) / np.median(alone["train_seconds"])
    hours = seconds / 3600 / sum(run.work for run in runs)
    rows = [
        [name, str(trials * len(each)), f"{trials * hours * sum(run.work for run in each):.2f}"]
        for name, each, trials in (
            ("three dANNs, 35 sizes, 1 trial", grid(DANNS, **SIZES), 1),
            ("the same, 5 trials", grid(DANNS, **SIZES), 5),
            ("with pdann and vann, 5 trials", grid([*DANNS, "pdann", "vann"], **SIZES), 5),
        )
    ]
    machine.keep(
        options.output,
        "sweep",
        "# The grid of figure 2",
        told(runs, columns, seconds, MINUTES["numba"]),
        f"Side by side, a run of {middle} takes {ratio:.2f} times as long as alone (goal "
        f"{SIDE_BY_SIDE}): {_verdict(ratio <= SIDE_BY_SIDE)}.",
        machine.table(["grid", "runs", "hours, judged by the work of these runs"], rows),
        machine.lines(machine.facts()),
    )


def gpu_grid(options: Options, seeds: Sequence[int] = (1, 2, 3, 4, 5), **given: Any) -> None:
    """The grid on a GPU, side by side."""
    from . import device

    runs = grid(DANNS, **(SIZES | {"seed": [*seeds]} | given))
    text = told(runs, *swept(runs, "cupy"), MINUTES["cupy"])
    facts = machine.lines(machine.facts() | device.facts())
    machine.keep(options.output, "gpu-grid", "# The grid of figure 2 on a GPU", text, facts)


def gpu_epoch(options: Options, seeds: Sequence[int] = (1, 2, 3), **given: Any) -> None:
    """One training alone on a GPU, and what it reaches, beside the CPU's."""
    from . import device

    rows, accuracies, epochs = [], {}, {}
    settings = {"model": "dann-lrf", "dataset": "fmnist", **MIDDLE, **given}
    for name in ("cupy", "numba"):
        try:
            backend = backends.create(name)
        except (ImportError, InputError) as error:
            print(f"{name} is left out: {error}")
            continue
        results = [
            run(chosen(settings | {"seed": seed}), None, backend=backend, progress=False)
            for seed in seeds
        ]
        accuracies[name] = mean(result["test_accuracy"] for result in results)
        epochs[name] = median(result["seconds_per_epoch"] for result in results)
        cells = (f"{r['test_accuracy']:.2%} / {r['test_loss']:.4f}" for r in results)
        rows.append([name, ", ".join(cells), f"{epochs[name] * 1e3:.1f}"])
    reached = _verdict(epochs["cupy"] <= SECONDS)
    verdict = f"An epoch in {epochs['cupy'] * 1e3:.1f} ms (goal {SECONDS * 1e3:.0f}): {reached}."
    if "numba" in accuracies:
        points = abs(accuracies["cupy"] - accuracies["numba"]) * 100
        reached = _verdict(points <= POINTS)
        verdict += f" Mean accuracies {points:.2f} points apart (goal {POINTS}): {reached}."
    machine.keep(
        options.output,
        "gpu-fmnist",
        "# An epoch, and accuracy on a GPU",
        "dann-lrf, D=16, S=256, 25 epochs of Fashion-MNIST. Milliseconds are the median epoch's, "
        "with its validation, of one training alone on the device.",
        machine.table(["backend", "test accuracy / loss", "ms per epoch"], rows),
        verdict,
        machine.lines(machine.facts() | device.facts()),
    )


def grid(models: list[str], **lists: Any) -> list[PlannedRun]:
    """Runs by the paper's protocol, one trial if no seeds are given."""
    return expand({"dataset": "fmnist", "model": models} | lists)


def swept(
    runs: list[PlannedRun], backend: str, jobs: int | None = None
) -> tuple[dict[str, NDArray], float]:
    """Columns of a sweep of these runs, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        path = Path(folder) / "sweep.h5"
        results = sweep(runs, path, backend=backend, jobs=jobs, say=print)
        return results.columns(), time.perf_counter() - began


def told(
    runs: list[PlannedRun], columns: dict[str, NDArray], seconds: float, minutes: float
) -> str:
    """What a sweep took, and where its time went."""
    finished, trained = len(columns["seed"]), columns["train_seconds"]
    shares = {
        f"D={size}": trained[columns["dendrites"] == size].sum() / trained.sum()
        for size in np.unique(columns["dendrites"])
    }
    return (
        f"{len(runs)} runs, {finished} finished, in {seconds / 60:.2f} minutes; goal of the whole "
        f"grid {minutes}: {_verdict(seconds <= 60 * minutes and finished == len(runs))}. Their "
        f"epochs, with validation, add up to {trained.sum() / 60:.2f} minutes, "
        f"{trained.sum() / seconds:.1f} at once; of these "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        + "."
    )


def _verdict(reached: bool) -> str:
    return f"**{'reached' if reached else 'MISSED'}**"
