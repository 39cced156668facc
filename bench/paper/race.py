"""Fashion-MNIST: test accuracy against seconds of training and against parameters.

Batch 128, Adam, the paper's split. All train on the same images in the same order, at the paper's
learning rate and at four times it; each in a process of its own, one after the other, and the
whole round again for every seed. Seconds are those of the epochs alone: no loading, compiling, or
testing. scikit-learn shuffles by itself.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

from sparsedend import datasets

from .. import machine, picture, store
from ..options import Options
from .racers import PAIR, RACERS, SLOW

GOAL = 0.87
EPOCHS, SEEDS, RATES = 10, (1, 2, 3), (0.001, 0.004)
ORACLE_EPOCHS, ORACLE_SEEDS = 25, (1, 2, 3, 4, 5)
ABOUT_ORACLE = """Is the accuracy the network's, or ours? PyTorch trains from the same starts.

dann-lrf, D=16, S=256, Fashion-MNIST, 25 epochs. For every seed both have the same connections,
initial weights, split and order of batches; PyTorch has its own products (`torch.sparse` CSR),
autograd and Adam. Rounding makes the two drift apart over 10,550 steps."""
COLUMNS = ("contestant", "rate", "seed", "parameters", "seconds", "loss", "accuracy")


def measure(name: str, options: Options) -> None:
    """Train everybody, and keep what was reached after every epoch."""
    datasets.load("fmnist")
    if name == "accuracy-oracle":
        runs = [(racer, RATES[0], seed) for seed in ORACLE_SEEDS for racer in PAIR]
        epochs = ORACLE_EPOCHS
    else:
        seeds, epochs = (SEEDS[:1], 5) if options.quick else (SEEDS, EPOCHS)
        runs = [
            (racer, rate, seed)
            for seed, rate, racer in itertools.product(seeds, RATES, RACERS)
            if racer != PAIR[1] and (racer != SLOW or seed == SEEDS[0])
        ]
    columns: store.Columns = {column: [] for column in COLUMNS}
    facts = machine.facts() | {"threads": str(options.threads)}
    for racer, rate, seed in runs:
        answer = _child(racer, rate, seed, epochs, threads=options.threads)
        if "error" in answer:
            print(f"{name}: {racer} is skipped: {answer['error']}")
            continue
        seconds, best = answer["seconds"][-1], max(answer["accuracy"])
        print(f"{name}: seed {seed}: {racer} at {rate}: {best:.2%} in {seconds:.1f} s", flush=True)
        entry = answer | {"contestant": racer, "rate": rate, "seed": seed}
        for column, values in columns.items():
            values.append(entry[column])
        store.save(options.output, name, columns, facts)


def section(name: str, output: Path) -> str:
    """Table and picture of what `measure` kept; LookupError where there is nothing."""
    columns, facts = store.load(output, name)
    found = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    shown = oracle(found) if name == "accuracy-oracle" else against_time(found, output)
    return "\n\n".join([f"## {name}", *shown, machine.lines(facts)])


def oracle(found: list[dict[str, Any]]) -> Iterable[str]:
    """What both reach with every seed."""
    ends = {
        (run["contestant"], run["seed"]): (run["accuracy"][-1], run["loss"][-1]) for run in found
    }
    seeds = [seed for seed in ORACLE_SEEDS if all((name, seed) in ends for name in PAIR)]
    if len(seeds) < 2:
        raise LookupError("a spread needs two seeds")
    rows = [
        [str(seed), *("{:.2%} / {:.4f}".format(*ends[name, seed]) for name in PAIR)]
        for seed in seeds
    ]
    rows.append(["mean"])
    for name in PAIR:
        accuracies, losses = zip(*(ends[name, seed] for seed in seeds), strict=True)
        rows[-1].append(
            f"{mean(accuracies):.2%} ± {stdev(accuracies):.2%} / "
            f"{mean(losses):.4f} ± {stdev(losses):.4f}"
        )
    yield ABOUT_ORACLE
    yield machine.table(["seed", *(f"{name}: accuracy / loss" for name in PAIR)], rows)


def against_time(found: list[dict[str, Any]], output: Path) -> Iterable[str]:
    """Who reaches the goal first, and everybody's curve."""
    runs: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for run in found:
        runs.setdefault((run["contestant"], run["rate"]), []).append(run)
    entries, curves = [], {}
    for (name, rate), trials in runs.items():
        reached = median(_seconds_to_goal(run) for run in trials)
        cells = [
            name,
            f"{rate:g}",
            f"{trials[0]['parameters']:,}",
            "never" if np.isinf(reached) else f"{reached:.2f}",
            f"{100 * median(max(run['accuracy']) for run in trials):.2f}",
            f"{median(run['seconds'][-1] / len(run['seconds']) for run in trials):.3f}",
        ]
        entries.append((reached, name, rate, cells))
        percent = 100 * np.array([run["accuracy"] for run in trials])
        seconds = np.median([run["seconds"] for run in trials], axis=0)
        points = (seconds, np.median(percent, axis=0), percent.min(axis=0), percent.max(axis=0))
        curves[f"{name}, rate {rate:g}"] = list(zip(*points, strict=True))
    entries.sort()
    least, first, *_ = entries[0]
    verdict = "reached" if first.startswith("sparsedend dann") else "MISSED"
    said = f"First at {GOAL:.0%}: {first}, **{verdict}**."
    if np.isinf(least):
        said = f"Nobody came to {GOAL:.0%}, **MISSED**."
    path = store.folder(output) / "accuracy-time.svg"
    labels = ("seconds of training", "test accuracy, %")
    header = ["contestant", "learning rate", "parameters", f"seconds to {GOAL:.0%}"]
    header += ["best test accuracy, %", "seconds per epoch"]
    yield (__doc__ or "").strip()
    yield machine.table(header, [cells for *_, cells in entries])
    yield f"Medians over seeds. {said}"
    yield from picture.drawn(path, picture.lines, {"": curves}, labels, "sparsedend dann", "linear")


def _seconds_to_goal(run: dict[str, Any]) -> float:
    pairs = zip(run["seconds"], run["accuracy"], strict=True)
    return next((seconds for seconds, accuracy in pairs if accuracy >= GOAL), float("inf"))


def _child(*task: Any, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.paper.racers", json.dumps(task)]
    answer = subprocess.run(command, capture_output=True, **machine.confined(threads))
    if answer.returncode:
        return {"error": (answer.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
    return json.loads(answer.stdout.splitlines()[-1])
