"""Each kernel of a step: its time by the device's events, its bytes, and their share of a ceiling.

Counted is what a kernel must read and write if nothing is kept nearer than the L2 cache: for
dendrites a row of the batch for every synapse and pass, as bfloat16 where it is of bytes. A share
above 100 % says that L1 caches served some of it. Adam's is a share of the memory's copy rate where
its vectors are larger than the L2 cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cupy

from .. import machine
from .contestants import Ours, Problem
from .device import Ceilings, event_seconds

SIZES = ((784, 16, 256, 128), (784, 64, 512, 128), (3072, 64, 4096, 256))
REPEATS = 50


def report(
    limits: Ceilings,
    sizes: Sequence[tuple[int, int, int, int]] = SIZES,
    repeats: int = REPEATS,
) -> str:
    """Measure, and return Markdown."""
    parts = [
        f"# Kernels on a GPU\n\n{__doc__}",
        f"Measured ceilings: L2 read {limits.l2 / 1e12:.2f} TB/s, memory copied "
        f"{limits.memory / 1e12:.2f} TB/s.",
    ]
    for inputs, dendrites, somata, batch in sizes:
        ours = Ours(Problem(inputs, dendrites, somata, batch))
        ours.steps(2)
        rows, total = [], 0.0
        with ours.backend.limited():
            for name, (queue, size) in _kernels(ours).items():
                seconds = _seconds(ours, queue, repeats)
                total += seconds
                in_memory = name == "Adam" and size > _l2_bytes()
                ceiling = limits.memory if in_memory else limits.l2
                rows.append(
                    [
                        name,
                        f"{seconds * 1e6:.2f}",
                        f"{size / 1e6:,.2f}",
                        f"{size / seconds / 1e12:.2f}",
                        f"{size / seconds / ceiling:.0%} of {'memory' if in_memory else 'L2'}",
                    ]
                )
        rows.append(["all", f"{total * 1e6:.2f}", "", "", ""])
        title = f"## {inputs} inputs, {dendrites} dendrites × {somata} somata, batch {batch}"
        header = ["kernel", "µs", "MB", "TB/s", "share"]
        parts += [title, machine.table(header, rows)]
    return "\n\n".join(parts)


def _kernels(ours: Ours) -> dict[str, tuple[Callable[[], Any], int]]:
    """What queues each kernel, and the bytes that it moves."""
    network, backend, problem = ours.network, ours.backend, ours.problem
    dendritic, dense = network.layers
    order = backend.place(problem.orders(1))
    labels = ours.labels[: problem.batch]
    width, pixel = backend.width(problem.batch), network._batch.itemsize
    inputs, somata, row = network.inputs, dendritic.outputs, 4 * width
    synapses = dendritic.structures["synapses"].nnz
    per_synapse = pixel * width + 8
    per_dendrite = width // 4 + 16
    classes = network.classes
    delta, rates = network._delta, backend.place(cupy.array([1e-3, 0.0]))
    dense_bytes = (somata + classes) * row + 4 * dense.size
    return {
        "take a batch": (
            lambda: backend.take_batch(network._images, order, network._batch),
            problem.batch * inputs + inputs * width * pixel,
        ),
        "dendrites and somata, forward": (
            lambda: dendritic.forward(network._batch),
            synapses * per_synapse + dendritic.dendrites * per_dendrite + somata * row,
        ),
        "classes, forward": (lambda: dense.forward(dendritic._out), dense_bytes),
        "loss": (lambda: network.score(labels), 2 * classes * row),
        "classes, backward": (lambda: dense.backward(delta), 2 * dense_bytes),
        "dendrites and somata, backward": (
            lambda: dendritic.backward(dense._input_gradient),
            synapses * (per_synapse + 4) + dendritic.dendrites * per_dendrite + 4 * somata * row,
        ),
        "Adam": (
            lambda: ours.adam.apply(backend, network.parameters, network.gradients, rates),
            28 * network.size,
        ),
    }


def _seconds(ours: Ours, queue: Callable[[], Any], repeats: int) -> float:
    """Seconds of one, from a graph of many."""

    def many() -> None:
        for _ in range(repeats):
            queue()

    queue()
    graph = ours.backend.capture(many)
    return event_seconds(lambda: graph.launch(ours.backend.stream)) / repeats


def _l2_bytes() -> int:
    return cupy.cuda.runtime.getDeviceProperties(0)["l2CacheSize"]
