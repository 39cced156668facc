"""One whole training step: take a batch, forward, backward, Adam. 784 inputs, batch 128.

Every contestant first has to start from the same loss and to lower it as far in four steps. Then
all take turns, in bursts of steps after unmeasured ones; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import numpy as np

from sparsedend.backends.numpy_backend import available_threads

from . import ceilings, machine, picture
from .contestants import TORCH, Ours, Problem, Torch

SIZES = ((4, 128), (16, 256), (64, 512))
BATCH = 128
RIVAL = "PyTorch masked dense"
#: The least ratio to the masked dense rival that the project promises, and the one it aims at.
GOALS = {(4, 128): (10, 12), (16, 256): (24, 30), (64, 512): (55, 70)}


def main() -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--quick", action="store_true", help="the two smaller sizes, 5 rounds")
    options = parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    sizes = SIZES[:2] if options.quick else SIZES
    limits = ceilings.measure(options.threads)
    parts = [
        "# One training step",
        machine.describe(),
        __doc__ or "",
        f"Threads: {options.threads} each. Rounds: {rounds}.",
    ]
    panels = {}
    for dendrites, somata in sizes:
        times = measure(Problem(784, dendrites, somata), options.threads, rounds)
        parts.append(_report(dendrites, somata, times))
        title = f"{dendrites} dendrites × {somata} somata"
        panels[title] = {name: median(seconds) for name, seconds in times.items()}
        parts.append(_kernels(Problem(784, dendrites, somata), options.threads, rounds, limits))
    name = "step-quick" if options.quick else "step"
    machine.keep(name, "\n\n".join(parts))
    picture.draw(panels, machine.RESULTS / f"{name}.svg")


def measure(problem: Problem, threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds per step of each contestant, one figure a round."""
    contestants: list[Any] = [
        Ours(problem, "numba", threads, BATCH),
        Ours(problem, "numpy", threads, BATCH),
    ]
    import torch

    torch.set_num_threads(threads)
    start = problem.network("numpy", 1)
    for name, build in TORCH.items():
        try:
            contestants.append(Torch(start, problem.images, problem.labels, name, build))
        except ImportError as error:
            print(f"{name} is skipped: {error}")
    rng = np.random.default_rng(2)
    orders = [rng.choice(len(problem.images), BATCH, replace=False) for _ in range(64)]
    _check_equal(contestants, orders[0])
    times: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    bursts = {contestant.name: _burst(contestant, orders) for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            with (
                contestant.network.backend.limited() if isinstance(contestant, Ours) else _nothing()
            ):
                times[contestant.name].append(_seconds(contestant, orders, bursts[contestant.name]))
    return times


def _check_equal(contestants: list[Any], order: Any) -> None:
    """Five times the same batch: the first loss, and how far the others fall below it."""
    losses = {c.name: np.array([c.step(order) for _ in range(5)]) for c in contestants}
    reference = losses[contestants[0].name]
    for name, values in losses.items():
        equal_start = np.isclose(values[0], reference[0], rtol=1e-5)
        if not (
            equal_start
            and np.allclose(values[0] - values[1:], reference[0] - reference[1:], rtol=0.01)
        ):
            raise AssertionError(f"{name} has losses {values}, not {reference}: work is not equal")


def _burst(contestant: Any, orders: list[Any]) -> int:
    """Steps that take about 60 ms."""
    began = time.perf_counter()
    contestant.step(orders[0])
    return max(2, min(200, int(0.06 / (time.perf_counter() - began))))


def _seconds(contestant: Any, orders: list[Any], steps: int) -> float:
    for order in orders[: max(2, steps // 4)]:
        contestant.step(order)
    began = time.perf_counter()
    for number in range(steps):
        contestant.step(orders[number % len(orders)])
    return (time.perf_counter() - began) / steps


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()


def _report(dendrites: int, somata: int, times: dict[str, list[float]]) -> str:
    ours, rival = times["sparsedend numba"], times[RIVAL]
    rows = []
    for name, seconds in sorted(times.items(), key=lambda item: median(item[1])):
        ratio = median(other / own for own, other in zip(ours, seconds, strict=True))
        spread = f"{min(seconds) * 1e3:.3f} … {max(seconds) * 1e3:.3f}"
        rows.append([name, f"{median(seconds) * 1e3:.3f}", spread, f"{ratio:.1f}"])
    least, aim = GOALS[dendrites, somata]
    ratio = median(other / own for own, other in zip(ours, rival, strict=True))
    verdict = "reached" if ratio >= aim else "promise kept" if ratio >= least else "MISSED"
    return (
        f"## D={dendrites}, S={somata}\n\n"
        + machine.table(["contestant", "ms per step", "least … most", "times ours"], rows)
        + f"\n\n{RIVAL} takes {ratio:.1f} times ours; promised {least}, aim {aim}: {verdict}."
    )


def _kernels(problem: Problem, threads: int, rounds: int, limits: ceilings.Ceilings) -> str:
    """Operations one by one, and what share of the machine's rates the sparse ones reach."""
    ours = Ours(problem, "numba", threads, BATCH)
    network, backend = ours.network, ours.network.backend
    order = np.arange(BATCH)
    dendritic, dense = network.layers
    labels = problem.labels[order]
    ours.step(order)
    operations = {
        "take a batch": lambda: backend.take_batch(problem.images, order, network._batch),
        "dendrites and somata, forward": lambda: dendritic.forward(network._batch),
        "classes, forward": lambda: dense.forward(dendritic._out),
        "loss": lambda: network.loss(labels),
        "classes, backward": lambda: dense.backward(network._delta),
        "dendrites and somata, backward": lambda: dendritic.backward(dense._input_gradient),
        "Adam": lambda: ours.adam.step(backend, network.parameters, network.gradients),
    }
    synapses = problem.synapses.nnz
    rows = []
    with backend.limited():
        for name, operation in operations.items():
            seconds = _median_seconds(operation, rounds)
            shares = ["", ""]
            if name.startswith("dendrites"):
                lanes = synapses * BATCH / seconds
                read = lanes * network._batch.itemsize
                shares = [
                    f"{read / limits.l2_bytes_per_second:.0%}",
                    f"{lanes / limits.fma_lanes_per_second:.0%}",
                ]
            rows.append([name, f"{seconds * 1e6:.0f}", *shares])
    return (
        machine.table(["operation", "µs", "of L2 bandwidth", "of FMA rate"], rows)
        + f"\n\nMeasured limits of {threads} threads: L2 "
        f"{limits.l2_bytes_per_second / 1e9:.0f} GB/s, FMA "
        f"{limits.fma_lanes_per_second / 1e9:.0f} billion float32 a second. The inputs of a batch "
        f"are kept in {network._batch.itemsize} bytes a value."
    )


def _median_seconds(operation: Any, rounds: int) -> float:
    times = []
    for _ in range(rounds * 20):
        began = time.perf_counter()
        operation()
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    main()
