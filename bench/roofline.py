"""What share of the machine's own rates our sparse loops reach.

A synapse takes one multiply-add per sample and pass, and reads one value of its input's row, in
bfloat16 where the input is an image and in float32 elsewhere. Its ceilings are measured beside it:
the L2 cache, in which a batch lies, and the multiply-add unit (`bench.ceilings`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sparsedend.backends.numpy_backend import available_threads

from . import ceilings, machine, picture, store
from .contestants.ours import runner
from .works import Dendritic, Layer

NAME = "roofline"
WORKS = (
    Dendritic(784, 4, 128),
    Dendritic(784, 16, 256),
    Dendritic(784, 64, 512),
    Layer(3072, 1024, 0.01),
    Layer(3072, 1024, 0.1),
)


def measure(output: Path, quick: bool, threads: int | None) -> None:
    """Time every loop in turn with the others, and keep its rates."""
    threads = threads or available_threads()
    limits = ceilings.measure(threads)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("work", "loop", "seconds", "multiply_adds", "bytes")
    }
    for work in WORKS[:2] if quick else WORKS:
        ours = runner(work, "numba")
        with ours.limited():
            for loop, (action, value_bytes) in _loops(ours, work).items():
                seconds = _median_seconds(action, 20 if quick else 100)
                multiply_adds = work.connections * work.batch
                entry = (_label(work), loop, seconds, multiply_adds, multiply_adds * value_bytes)
                for column, value in zip(columns.values(), entry, strict=True):
                    column.append(value)
    facts = machine.facts() | {
        "threads": str(threads),
        "l2_bytes_per_second": repr(limits.l2_bytes_per_second),
        "multiply_adds_per_second": repr(limits.fma_lanes_per_second),
    }
    store.save_columns(store.results(output), NAME, columns, facts)


def section(output: Path) -> str:
    """Table and picture of what `measure` kept; LookupError where there is nothing."""
    columns, facts = store.load_columns(store.results(output), NAME)
    l2, fma = float(facts.pop("l2_bytes_per_second")), float(facts.pop("multiply_adds_per_second"))
    lines, points = [], []
    for work, loop, seconds, count, size in zip(*columns.values(), strict=True):
        lines.append(
            [
                work,
                loop,
                f"{seconds * 1e6:.0f}",
                f"{count / seconds / 1e9:.1f}",
                f"{count / seconds / fma:.0%}",
                f"{size / seconds / 1e9:.0f}",
                f"{size / seconds / l2:.0%}",
            ]
        )
        points.append((f"{work}: {loop}", count / size, count / seconds))
    picture.roofline(points, l2, fma, output / "scaling" / "roofline.svg")
    header = ["work", "loop", "µs", "10⁹ multiply-adds/s", "of the rate", "GB/s", "of L2"]
    return "\n\n".join(
        [
            "## roofline",
            __doc__ or "",
            f"Measured ceilings of {facts['threads']} threads: {fma / 1e9:.1f} billion float32 "
            f"multiply-adds a second, {l2 / 1e9:.0f} GB/s from the L2 cache.",
            machine.table(header, lines),
            "![roofline](scaling/roofline.svg)",
            machine.lines(facts),
        ]
    )


def _label(work: Dendritic | Layer) -> str:
    if isinstance(work, Dendritic):
        return f"D={work.dendrites}, S={work.somata}"
    return f"{work.inputs} → {work.outputs}, density {work.density}"


def _loops(ours: Any, work: Dendritic | Layer) -> dict[str, tuple[Callable[[], object], int]]:
    """What to call, and the bytes of an input's value, by the loop's name."""
    if isinstance(work, Layer):
        layer, backend = ours.layer, ours.backend
        weights, gradients = layer.parameters["weights"], layer.gradients
        structure, room = layer.structure, backend.zeros(ours.x.shape, np.float32)
        return {
            "forward": (lambda: layer.forward(ours.x), 4),
            "weight gradient": (
                lambda: backend.sparse_weight_gradient(
                    ours.x, structure, weights, ours.delta, gradients["weights"], gradients["bias"]
                ),
                4,
            ),
            "input gradient": (
                lambda: backend.sparse_input_gradient(
                    structure, structure.transposed, weights, ours.delta, room
                ),
                4,
            ),
        }
    ours.step(ours.orders[0])
    network = ours.network
    dendritic, classes = network.layers
    return {
        "forward": (lambda: dendritic.forward(network._batch), network._batch.itemsize),
        "backward": (
            lambda: dendritic.backward(classes._input_gradient),
            network._batch.itemsize,
        ),
    }


def _median_seconds(action: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return median(times)
