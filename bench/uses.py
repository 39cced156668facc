"""Uses beside training on what lies in memory: single samples, files, and a large table.

The table is made up, as large as the covertype data set; scikit-learn's networks of two sizes learn
it beside estimators of no more parameters, in float32, in turns.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from . import estimators, machine, store
from .contestants import (
    CALLER,
    CALLERS,
    ESTIMATOR,
    FED,
    HELD,
    OURS,
    PREDICTOR,
    PREDICTOR_CALLER,
    PREDICTOR_CALLERS,
)
from .options import Options
from .suites import Goal, Suite
from .table import Table, ratio
from .works import Request, Stream

PAGE = "uses"
HEAD = """# Uses beside training in memory

By `python -m bench one-sample callers out-of-core covertype`. Contestants take turns, each in a
process of its own; times are medians over the rounds."""
#: 20 GB of images, of which the file has bytes for the first.
WHOLE = Stream(784, 4, 128, task="run", images=20_000_000_000 // 784)
#: Rows that are learned, and their features, classes, batch and epochs; dense units of each size.
ROWS, FEATURES, CLASSES, BATCH, EPOCHS = 500_000, 54, 7, 512, 5
UNITS = (50, 300)
COLUMNS = ("contestant", "parameters", "accuracy", "seconds")


def _beyond(table: Table) -> float:
    """Microseconds that an estimator takes beyond the network's."""
    return 1e6 * (table.one(ESTIMATOR).time - table.one(OURS).time)


def _gain(one: str, two: str, dendrites: int) -> Callable[[Table], float]:
    """Times the requests that one caller is answered alone."""
    return lambda t: ratio(t.one(one, dendrites=dendrites), t.one(two, dendrites=dendrites))


SUITES = (
    Suite(
        "one-sample",
        "How long does it take to be told the probabilities of one image, 784 inputs, 16 synapses?",
        (Request(784, 4, 128), Request(784, 16, 256)),
        (OURS, PREDICTOR, ESTIMATOR),
        slice(1),
        (
            Goal("predictor: µs", lambda t: 1e6 * t.one(PREDICTOR).time, 30, at_most=True),
            Goal("estimator: µs beyond predict", _beyond, 150, at_most=True),
        ),
        page=PAGE,
    ),
    Suite(
        "callers",
        "How long does it take to be told the probabilities of 64 images, 784 inputs, 16 synapses, "
        "where one thread or two ask again and again, for each of whom the network computes on one "
        "core? The time is that of all requests by their number.",
        (Request(784, 4, 128, batch=64), Request(784, 16, 256, batch=64)),
        (CALLERS, CALLER, PREDICTOR_CALLERS, PREDICTOR_CALLER),
        slice(1),
        tuple(
            Goal(f"D={dendrites}, {name}: times one caller's requests", _gain(*who, dendrites), 1.7)
            for dendrites in (4, 16)
            for name, who in (
                ("predict", (CALLER, CALLERS)),
                ("Predictor", (PREDICTOR_CALLER, PREDICTOR_CALLERS)),
            )
        ),
        page=PAGE,
    ),
    Suite(
        "out-of-core",
        "How fast is a training step on images in HDF5, beside one on images in memory: 784 "
        "inputs, 16 synapses, batch 128? And what does an epoch of 20 GB take?",
        (Stream(784, 4, 128), Stream(784, 16, 256)),
        (FED, HELD),
        slice(1),
        (
            Goal("D=4: share of the speed in memory", lambda t: t.ratio(HELD, size=512), 0.85),
            Goal("D=16: share of the speed in memory", lambda t: t.ratio(HELD, size=4096), 0.85),
            Goal(
                "20 GB: peak of memory in GB",
                lambda t: t.one(FED, task="run").peak / 1e9,
                *(1, True),
            ),
        ),
        label="D={w.dendrites} S={w.somata}, {w.gigabytes:.3g} GB",
        panel="{w.task}",
        alone=(WHOLE,),
        shows=("time", "memory"),
        page=PAGE,
    ),
)


def learners(threads: int) -> dict[str, Callable[[], Any]]:
    """What learns the table, by name: dense networks, each before ours of no more parameters."""
    from sklearn.neural_network import MLPClassifier

    from sparsedend.sklearn import DendriticClassifier

    found: dict[str, Callable[[], Any]] = {}
    same = {"batch_size": BATCH, "max_iter": EPOCHS, "random_state": 1}
    for units in UNITS:
        most = (FEATURES + 1) * units + (units + 1) * CLASSES
        # Of a soma: two dendrites of 16 synapses, their cables, biases, and the classes.
        somata = (most - CLASSES) // (2 * (16 + 1) + 2 + 1 + CLASSES)
        found[f"MLPClassifier, {units} units"] = lambda units=units: MLPClassifier(units, **same)
        found[f"DendriticClassifier, {somata} somata"] = lambda somata=somata: DendriticClassifier(
            somata=somata, n_jobs=threads, **same
        )
    return found


def measure(name: str, options: Options) -> None:
    """Fit everybody in turns, and keep times and scores."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    rows = ROWS // 10 if options.quick else ROWS
    x, y = estimators.tables(rows * 6 // 5)["covertype-like"].load()
    x = StandardScaler().fit_transform(x).astype(np.float32)
    x, tested, y, truth = train_test_split(x, y, train_size=rows, random_state=1)
    makers = learners(options.threads)
    found: dict[str, list[Any]] = {}
    with threadpool_limits(options.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A dense network says that it has not converged.
        for make in makers.values():
            make().fit(x[: 4 * BATCH], y[: 4 * BATCH])
        for _ in range(options.rounds):
            for contestant, make in makers.items():
                began = time.perf_counter()
                fitted = make().fit(x, y)
                seconds = time.perf_counter() - began
                known = estimators.size(fitted), fitted.score(tested, truth)
                found.setdefault(contestant, [contestant, *known, []])[-1].append(seconds)
                print(f"{name}: {contestant}: {known[1]:.3f} in {seconds:.2f} s", flush=True)
    columns = dict(zip(COLUMNS, map(list, zip(*found.values(), strict=True)), strict=True))
    facts = machine.facts() | {"threads": str(options.threads), "rounds": str(options.rounds)}
    store.save(options.output, name, columns, facts)


def section(name: str, output: Path) -> str:
    """Table and verdicts of what `measure` kept; LookupError where there is nothing."""
    columns, facts = store.load(output, name)
    found = list(zip(*(columns[each] for each in COLUMNS), strict=True))
    lines, verdicts = [], []
    for contestant, parameters, accuracy, seconds in found:
        spread = f"{min(seconds):.2f} … {max(seconds):.2f}"
        cells = f"{parameters:,}", f"{accuracy:.3f}", f"{median(seconds):.2f}", spread
        lines.append([contestant, *cells])
    for rival, own in zip(found[::2], found[1::2], strict=True):
        gap, times = own[2] - rival[2], median(rival[3]) / median(own[3])
        met = gap >= -estimators.MARGIN and times > 1
        verdicts.append(
            f"* {own[0]}: accuracy {gap:+.3f} (goal -{estimators.MARGIN}), {times:.2f} times as "
            f"fast (goal 1): **{'reached' if met else 'MISSED'}**."
        )
    return "\n\n".join(
        [
            f"## {name}",
            f"How fast and how well is a table of {ROWS:,} × {FEATURES} with {CLASSES} classes "
            f"learned in {EPOCHS} epochs of batches of {BATCH}? Accuracy on a fifth as many rows "
            "that nobody has seen; a quick look has a tenth of all.",
            machine.table(["", "parameters", "accuracy", "seconds", "least … most"], lines),
            "\n".join(verdicts),
            machine.lines(facts),
        ]
    )
