"""How fast Fashion-MNIST is trained by the paper's protocol: in company, in a sweep, on a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from sparsedend import InputError, backends
from sparsedend.run import run
from sparsedend.settings import chosen
from sparsedend.sweep import expand, sweep
from sparsedend.sweep.grid import PlannedRun

from . import machine
from .machine import available_threads
from .options import Options

DANNS = ["dann-r", "dann-lrf", "dann-grf"]
#: Of the grid of figure 2, and of a part of it.
SIZES = {"dendrites": [1, 2, 4, 8, 16, 32, 64], "somata": [32, 64, 128, 256, 512]}
PART = {"dendrites": [1, 4, 16, 64], "somata": [32, 128, 512]}
SMALL, MIDDLE = {"dendrites": 4, "somata": 128}, {"dendrites": 16, "somata": 256}
#: What the grid may take, in minutes: one trial on a CPU, five on a GPU.
MINUTES = {"numba": 15, "cupy": 4}
#: What two runs side by side may take, in times of one alone.
SIDE_BY_SIDE = 1.15
#: What an epoch on a GPU may take, and how far the mean accuracy may be from the CPU's.
SECONDS, POINTS = 0.025, 0.3
#: How often threads that wait look for work before they sleep, by GNU OpenMP's own default.
LIBGOMP = {"GOMP_SPINCOUNT": "300000"}


def contention(options: Options) -> None:
    """A training beside another one, and beside busy processes."""
    rounds, cores = 3 if options.quick else 7, available_threads()
    times: dict[str, list[float]] = {}

    def train(
        *names: str,
        sizes: dict[str, int] = SMALL,
        threads: int = cores,
        beside: int = 0,
        **environment: str,
    ) -> None:
        busy = [sys.executable, "-c", "while True: pass"]
        others = [subprocess.Popen(busy) for _ in range(beside)]
        with tempfile.TemporaryDirectory() as folder:
            started = [_started(Path(folder) / name, sizes, threads, environment) for name in names]
            answers = [each.communicate()[0].splitlines()[-1] for each in started]
        for other in others:
            other.kill()
            other.wait()
        times.setdefault(f"{names[0]}{beside}", []).append(
            max(json.loads(answer)["train_seconds"] for answer in answers)
        )

    for _ in range(rounds):
        train("one", sizes=MIDDLE, threads=1)
        train("two", "more", sizes=MIDDLE, threads=1)
        for beside in (0, cores):
            train("ours", beside=beside)
            train("libgomp", beside=beside, **LIBGOMP)
    ratio = median(two / one for one, two in zip(times["one0"], times["two0"], strict=True))
    cells = {
        name: f"{median(found):.2f} ({min(found):.2f} … {max(found):.2f})"
        for name, found in times.items()
    }
    machine.keep(
        options.output,
        "contention",
        "# A training in company",
        "Seconds of two epochs of dann-lrf, median (least … most); all take turns.",
        f"D=16, S=256, by one thread: alone {cells['one0']}, two at once {cells['two0']}, ratio "
        f"{ratio:.2f}; goal {SIDE_BY_SIDE}: {_verdict(ratio <= SIDE_BY_SIDE)}.",
        "D=4, S=128, by all cores, alone and beside as many busy processes as there are cores: "
        "with the number of times for which our waiting threads look for work before they sleep, "
        "and with GNU OpenMP's own.",
        machine.table(
            ["spins", "alone, s", "beside busy processes, s"],
            [[name, cells[f"{name}0"], cells[f"{name}{cores}"]] for name in ("ours", "libgomp")],
        ),
        machine.lines(machine.facts()),
    )


def cpu_grid(options: Options) -> None:
    """The grid of three dANNs, or a part of it, one run by one thread on each core."""
    runs = grid(DANNS, **(PART if options.quick else SIZES))
    text, seconds = swept(runs, "numba")
    hours = seconds / 3600 / sum(run.work for run in runs)
    rows = [
        [name, str(trials * len(each)), f"{trials * hours * sum(run.work for run in each):.2f}"]
        for name, each, trials in (
            ("three dANNs, 35 sizes, 1 trial", grid(DANNS, **SIZES), 1),
            ("the same, 5 trials", grid(DANNS, **SIZES), 5),
            ("with pdann and vann, 5 trials", grid([*DANNS, "pdann", "vann"], **SIZES), 5),
        )
    ]
    table = machine.table(["grid", "runs", "hours, judged by the work of these runs"], rows)
    facts = machine.lines(machine.facts())
    machine.keep(options.output, "sweep", "# The grid of figure 2", text, table, facts)


def gpu_grid(options: Options, seeds: Sequence[int] = (1, 2, 3, 4, 5), **given: Any) -> None:
    """The grid on a GPU, side by side."""
    from . import device

    text, _ = swept(grid(DANNS, **(SIZES | {"seed": [*seeds]} | given)), "cupy")
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


def swept(runs: list[PlannedRun], backend: str) -> tuple[str, float]:
    """What a sweep of these runs takes: in words, and in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = sweep(runs, Path(folder) / "sweep.h5", backend=backend, say=print)
        seconds = time.perf_counter() - began
    columns, goal = results.columns(), MINUTES[backend]
    reached = seconds <= 60 * goal and len(results.finished) == len(runs)
    trained = float(columns["train_seconds"].sum())
    shares: dict[str, float] = {}
    for dendrites, each in zip(columns["dendrites"], columns["train_seconds"], strict=True):
        shares[f"D={dendrites}"] = shares.get(f"D={dendrites}", 0.0) + float(each) / trained
    text = (
        f"{len(runs)} runs, {len(results.finished)} finished, in {seconds / 60:.2f} minutes; goal "
        f"of the whole grid {goal}: {_verdict(reached)}. Their epochs, with validation, add up to "
        f"{trained / 60:.2f} minutes, {trained / seconds:.1f} at once; of these "
        + ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        + "."
    )
    return text, seconds


def _started(
    output: Path, sizes: dict[str, int], threads: int, environment: dict[str, str]
) -> subprocess.Popen:
    command = f"train dann-lrf --dataset fmnist --epochs 2 --threads {threads} --json --output"
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "sparsedend", *command.split(), f"{output}.h5"),
            *(part for name, size in sizes.items() for part in (f"--{name}", str(size))),
        ],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _verdict(reached: bool) -> str:
    return f"**{'reached' if reached else 'MISSED'}**"
