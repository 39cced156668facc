"""How long the first calls of a fresh process take, where no kernel has been compiled yet.

Each in a process of its own, twice: the first one finds an empty folder of compiled kernels, the
second one what the first has left there. Importing is not counted, which takes the same in both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from statistics import median

from . import machine
from .options import Options

#: What is called, and within how many seconds it should have answered.
CALLS = {
    "a prediction of one image": ("sd.predict(network, x[:1])", 2),
    "one of eight": ("sd.predict(network, x[:8])", 2),
    "one of 128": ("sd.predict(network, x[:128])", 2),
    "an epoch of 2,048 images": ("sd.fit(network, x, y, epochs=1, callbacks=())", 4),
    "two predictions and an epoch": (
        "sd.predict(network, x[:1]); sd.fit(network, x, y, epochs=1, callbacks=()); "
        "sd.predict(network, x[:8])",
        4,
    ),
}
CODE = """
import sys, time
import numpy as np
import sparsedend as sd
backend = sd.backends.create("numba", int(sys.argv[1]))
sizes = {{"dendrites": 4, "somata": 128, "synapses": 16}}
network = sd.models.build("dann-r", (28, 28, 1), 10, backend=backend, **sizes)
rng = np.random.default_rng(0)
x, y = rng.integers(0, 256, (2048, 28, 28, 1), dtype=np.uint8), rng.integers(0, 10, 2048)
began = time.perf_counter()
{call}
print(time.perf_counter() - began)
"""


def seconds(call: str, threads: int, folder: str) -> float:
    """Seconds of a call in a process of its own, whose compiled kernels lie in that folder."""
    command = [sys.executable, "-c", CODE.format(call=call), str(threads)]
    environment = os.environ | {"NUMBA_CACHE_DIR": folder}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def measure(options: Options) -> None:
    """Time all calls, and write the page."""
    found: dict[str, list[list[float]]] = {name: [[], []] for name in CALLS}
    for _ in range(options.rounds):
        for name, (call, _) in CALLS.items():
            with tempfile.TemporaryDirectory() as folder:
                for times in found[name]:
                    times.append(seconds(call, options.threads, folder))
    rows = [
        [name, *(f"{median(times):.2f}" for times in found[name]), f"{CALLS[name][1]}"]
        for name in CALLS
    ]
    header = ["first call of a process", "nothing compiled, s", "compiled before, s", "at most, s"]
    about = (__doc__ or "").strip()
    table = machine.table(header, rows)
    facts = machine.lines(machine.facts() | {"rounds": str(options.rounds)})
    machine.keep(options.output, "cold", "# The first call", facts, about, table)
