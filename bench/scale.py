"""One million and ten million dendrites with 16 synapses each, on 3,072 inputs, batch 128.

Each size in a process of its own; the peak is its whole resident set, from imports and the drawing
of connections to the last step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

import numpy as np

from sparsedend import backends, models
from sparsedend.backends.numpy_backend import available_threads
from sparsedend.run import peak_memory
from sparsedend.training import Adam

from . import machine

DENDRITES = 64
SOMATA = (16_384, 163_840)
GOALS = "one million: 0.2 s a step, 1.5 GB; ten million: 12 times the time, 12 GB"


def main() -> None:
    """Measure and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--somata", type=int, help="measure this size in this process")
    options = parser.parse_args()
    if options.somata:
        print(json.dumps(measure(options.somata)))
        return
    results = []
    for somata in SOMATA:
        command = [sys.executable, "-m", "bench.scale", "--somata", str(somata)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        results.append(json.loads(answer.stdout.splitlines()[-1]))
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


def measure(somata: int, steps: int = 9) -> dict[str, float]:
    """Build dann-r of that size and train it for a few steps on random bytes."""
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
    times = []
    with network.backend.limited():
        for _ in range(steps + 2):
            order = rng.choice(1024, 128, replace=False)
            began = time.perf_counter()
            network.forward(order)
            network.loss(labels[order])
            network.backward()
            adam.step(network.backend, network.parameters, network.gradients)
            times.append(time.perf_counter() - began)
    times = times[2:]
    return {
        "dendrites": DENDRITES * somata,
        "parameters": network.size,
        "build": built,
        "step": median(times),
        "least": min(times),
        "most": max(times),
        "peak": peak_memory() or 0,
    }


if __name__ == "__main__":
    main()
