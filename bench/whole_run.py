"""A whole run from process start to checkpoint, against the training steps alone of PyTorch.

Ours: ``sparsedend train dann-r --dataset fmnist --dendrites 4 --somata 128 --epochs 25``, with
start-up, loading, validation, a checkpoint after every epoch and the test, kernels from the cache.
PyTorch: the 10,550 steps of the same training as masked dense, without any of these. The two take
turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from sparsedend import datasets
from sparsedend.backends.numpy_backend import available_threads

from . import machine
from .contestants import Problem, Torch, masked_dense

STEPS = 25 * 422
GOAL = 6


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    import torch

    threads = available_threads()
    torch.set_num_threads(threads)
    datasets.load("fmnist")
    ours, theirs = [], []
    _ours(threads)
    for _ in range(options.rounds):
        ours.append(_ours(threads))
        theirs.append(_theirs())
    ratio = median(other / own for own, other in zip(ours, theirs, strict=True))
    rows = [
        ["sparsedend, whole run", f"{median(ours):.2f}", ", ".join(f"{t:.2f}" for t in ours)],
        [
            f"PyTorch masked dense, {STEPS:,} steps alone",
            f"{median(theirs):.2f}",
            ", ".join(f"{t:.2f}" for t in theirs),
        ],
    ]
    verdict = "reached" if ratio >= GOAL else "MISSED"
    text = [
        "# A whole run",
        machine.describe(),
        f"{__doc__}\nThreads: {threads} each.",
        machine.table(["", "s, median", "each round"], rows),
        f"Ratio {ratio:.1f}, goal {GOAL}: {verdict}.",
    ]
    machine.keep("whole_run", "\n\n".join(text))


def _ours(threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sparsedend", "train", "dann-r", "--dataset", "fmnist"]
        command += ["--dendrites", "4", "--somata", "128", "--epochs", "25"]
        command += ["--threads", str(threads), "--output", str(Path(folder) / "a.h5")]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - began


def _theirs() -> float:
    problem = Problem(784, 4, 128, images=60_000)
    start = problem.network("numpy", 1)
    contestant = Torch(start, problem.images, problem.labels, "PyTorch", masked_dense)
    rng = np.random.default_rng(0)
    orders = [rng.choice(60_000, 128, replace=False) for _ in range(64)]
    for order in orders:
        contestant.step(order)
    began = time.perf_counter()
    for number in range(STEPS):
        contestant.step(orders[number % len(orders)])
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
