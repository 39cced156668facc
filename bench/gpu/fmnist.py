"""Fashion-MNIST by the paper's protocol: dann-lrf, 16 dendrites × 256 somata, 25 epochs.

Seconds are the median epoch's, with its validation, of one training alone on the device.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from sparsedend import backends
from sparsedend.run import run
from sparsedend.settings import chosen
from sparsedend.sweep import expand, sweep

from .. import machine

SEEDS = (1, 2, 3)
#: What an epoch may take, and how far the mean accuracy may be from the CPU's.
SECONDS, POINTS = 0.025, 0.3
DANNS = ["dann-r", "dann-lrf", "dann-grf"]
DENDRITES, SOMATA = [1, 2, 4, 8, 16, 32, 64], [32, 64, 128, 256, 512]
#: What the grid of figure 2, five trials, may take.
MINUTES = 4


def report(dataset: str = "fmnist", seeds: Sequence[int] = SEEDS, **given: Any) -> str:
    """Measure, and return Markdown."""
    rows, accuracies, epochs = [], {}, {}
    for backend in ("cupy", "numba"):
        results = [
            run(
                chosen(_settings(dataset, given) | {"seed": seed}),
                None,
                backend=backends.create(backend),
                progress=False,
            )
            for seed in seeds
        ]
        accuracies[backend] = mean(result["test_accuracy"] for result in results)
        epochs[backend] = median(result["seconds_per_epoch"] for result in results)
        rows.append(
            [
                backend,
                ", ".join(f"{result['test_accuracy']:.2%}" for result in results),
                ", ".join(f"{result['test_loss']:.4f}" for result in results),
                f"{epochs[backend] * 1e3:.1f}",
            ]
        )
    points = abs(accuracies["cupy"] - accuracies["numba"]) * 100
    reached = points <= POINTS and epochs["cupy"] <= SECONDS
    header = ["backend", "test accuracy", "test loss", "ms per epoch"]
    return "\n\n".join(
        [
            f"# An epoch, and accuracy on a GPU\n\n{__doc__}",
            machine.table(header, rows),
            f"An epoch in {epochs['cupy'] * 1e3:.1f} ms (goal {SECONDS * 1e3:.0f}), mean "
            f"accuracies {points:.2f} points apart (goal {POINTS}): "
            f"{'reached' if reached else 'MISSED'}.",
        ]
    )


def grid_report(
    dataset: str = "fmnist",
    dendrites: Sequence[int] = DENDRITES,
    somata: Sequence[int] = SOMATA,
    seeds: Sequence[int] = (1, 2, 3, 4, 5),
    **given: Any,
) -> str:
    """Time the sweep of figure 2, three dANNs."""
    grid = _settings(dataset, given) | {"model": DANNS, "seed": list(seeds)}
    runs = expand(grid | {"dendrites": list(dendrites), "somata": list(somata)})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = sweep(runs, Path(folder) / "sweep.h5", backend="cupy")
        minutes = (time.perf_counter() - began) / 60
    columns = results.columns()
    alone = columns["train_seconds"].sum() / 60
    reached = minutes <= MINUTES and len(results.finished) == len(runs)
    return "\n\n".join(
        [
            "# The grid of figure 2 on a GPU",
            f"{len(runs)} trainings of three dANNs, {len(results.finished)} finished, in "
            f"{minutes:.2f} minutes (goal {MINUTES}): {'reached' if reached else 'MISSED'}. Their "
            f"epochs, side by side, add up to {alone:.1f} minutes.",
        ]
    )


def _settings(dataset: str, given: dict[str, Any]) -> dict[str, Any]:
    """Settings of the runs; what is not given is by default as in the paper."""
    return {"dataset": dataset, "dendrites": 16, "somata": 256} | given
