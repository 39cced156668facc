"""One million and ten million dendrites with 16 synapses each, on 3,072 inputs, batch 128.

Each size in a process of its own, and the two take turns of three steps, of which the last two
count. The peak is the process's whole resident set, from imports and the drawing of connections to
the last step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from sparsedend import backends, models
from sparsedend.backends.numpy_backend import available_threads
from sparsedend.optimizers import Adam
from sparsedend.run import peak_memory

from . import machine

DENDRITES = 64
SOMATA = (16_384, 163_840)
GOALS = "one million: 0.2 s a step, 1.5 GB; ten million: 12 times the time, 12 GB"


def main() -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--somata", type=int, help="serve turns of this size, for the parent")
    options = parser.parse_args()
    if options.somata:
        serve(options.somata)
        return
    with contextlib.ExitStack() as stack:
        sizes, results = [], []
        for somata in SOMATA:  # the first turn waits for the build, so that one builds at a time
            sizes.append(stack.enter_context(_child(somata)))
            results.append(_turn(sizes[-1]))
        times: list[list[float]] = [[] for _ in sizes]
        for _ in range(options.rounds):
            for seconds, child in zip(times, sizes, strict=True):
                seconds += _turn(child)["seconds"]
        for result, seconds, child in zip(results, times, sizes, strict=True):
            result |= {"step": median(seconds), "least": min(seconds), "most": max(seconds)}
            result["peak"] = _turn(child)["peak"]
    rows = [
        [
            f"{r['dendrites']:,}",
            f"{r['parameters']:,}",
            f"{r['build']:.1f}",
            f"{r['step'] * 1e3:.0f}",
            f"{r['least'] * 1e3:.0f} … {r['most'] * 1e3:.0f}",
            f"{r['peak'] / 1e9:.2f}",
            f"{16 * 3072 * r['dendrites'] / 1e9:.0f}",
        ]
        for r in results
    ]
    header = [
        *("dendrites", "parameters", "s to build", "ms per step", "least … most"),
        *("peak GB", "dense weights and Adam alone, GB"),
    ]
    ratio = results[1]["step"] / results[0]["step"]
    text = [
        "# Scale",
        machine.describe(),
        f"{__doc__}\nThreads: {available_threads()}.",
        machine.table(header, rows),
        f"Ten million take {ratio:.1f} times the step of one million. Goals: {GOALS}.",
    ]
    machine.keep("scale", "\n\n".join(text))


def _child(somata: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "bench.scale", "--somata", str(somata)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _turn(child: subprocess.Popen) -> dict[str, Any]:
    assert child.stdin
    assert child.stdout
    child.stdin.write("\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


def serve(somata: int) -> None:
    """Build dann-r of that size; for every line read, train three steps on random bytes."""
    began = time.perf_counter()
    network = models.build(
        "dann-r",
        (32, 32, 3),
        10,
        dendrites=DENDRITES,
        somata=somata,
        synapses=16,
        backend=backends.create("numba"),
    )
    built = time.perf_counter() - began
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1024, 3072), dtype=np.uint8)
    labels = rng.integers(0, 10, 1024)
    adam = Adam()
    adam.start(network.backend, network.parameters)
    network.reserve(images, 128)

    def seconds_of_a_step() -> float:
        order = rng.choice(1024, 128, replace=False)
        began = time.perf_counter()
        network.forward(order)
        network.loss(labels[order])
        network.backward()
        adam.step(network.backend, network.parameters, network.gradients)
        return time.perf_counter() - began

    with network.backend.limited():
        for _ in sys.stdin:
            seconds = [seconds_of_a_step() for _ in range(3)][1:]
            facts = {
                "dendrites": DENDRITES * somata,
                "parameters": network.size,
                "build": built,
                "peak": peak_memory() or 0,
                "seconds": seconds,
            }
            print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
