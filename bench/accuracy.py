"""Test accuracy and loss on Fashion-MNIST after 25 epochs, by the paper's protocol."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from sparsedend import backends
from sparsedend.run import Settings, run

from . import machine


@dataclass(frozen=True)
class Goal:
    """What a configuration's means must reach, and what others report."""

    model: str
    dendrites: int
    somata: int
    least_accuracy: float
    most_accuracy: float
    most_loss: float
    others: str


GOALS = (
    Goal(
        "dann-r",
        4,
        128,
        86.6,
        100,
        0.370,
        "published 86.83 ± .18 / .3650; authors' newest code, 3 seeds, 87.13 / .3614",
    ),
    Goal(
        "vann",
        4,
        128,
        88.5,
        90.0,
        float("inf"),
        "published 89.11 ± .62 / .4012; authors' newest code, 1 seed, 89.61 / .3724",
    ),
    Goal("dann-lrf", 16, 256, 89.3, 100, 0.302, "authors' newest code, 1 seed, 90.00 / .2924"),
)


def main() -> None:
    """Train all and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", help="this one alone, in a results file of its own")
    options = parser.parse_args()
    backend = backends.create("numba")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for goal in GOALS:
            if options.model not in (None, goal.model):
                continue
            results = [
                run(
                    Settings(
                        goal.model,
                        "fmnist",
                        dendrites=goal.dendrites,
                        somata=goal.somata,
                        epochs=25,
                        seed=seed,
                    ),
                    Path(folder) / f"{goal.model}-{seed}.h5",
                    backend=backend,
                )
                for seed in range(1, options.seeds + 1)
            ]
            accuracies = [100 * result["test_accuracy"] for result in results]
            losses = [result["test_loss"] for result in results]
            reached = (
                goal.least_accuracy <= mean(accuracies) <= goal.most_accuracy
                and mean(losses) <= goal.most_loss
            )
            rows.append(
                [
                    f"{goal.model} D={goal.dendrites} S={goal.somata}",
                    f"{mean(accuracies):.2f} ± {stdev(accuracies):.2f}",
                    f"{mean(losses):.4f} ± {stdev(losses):.4f}",
                    ", ".join(f"{accuracy:.2f}" for accuracy in accuracies),
                    f"{mean(result['train_seconds'] for result in results):.1f}",
                    f"{results[0]['parameters']:,}",
                    "reached" if reached else "MISSED",
                    goal.others,
                ]
            )
            print(rows[-1])
    header = [
        *("configuration", "accuracy %", "loss", "each seed, %", "s per training"),
        *("parameters", "goal", "others"),
    ]
    text = [
        "# Accuracy on Fashion-MNIST",
        machine.describe(),
        f"{__doc__} Mean ± standard deviation over {options.seeds} seeds.",
        machine.table(header, rows),
    ]
    name = f"accuracy-{options.model}" if options.model else "accuracy"
    machine.keep(name, "\n\n".join(text))


if __name__ == "__main__":
    main()
