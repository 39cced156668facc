"""Fashion-MNIST: test accuracy against seconds of training and against parameters.

Batch 128, Adam, the paper's split. All train on the same images in the same order, at the paper's
learning rate and at four times it; each in a process of its own, one after the other, and the
whole round again for every seed. Seconds are
those of the epochs alone: no loading, compiling, or testing. scikit-learn shuffles by itself.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sparsedend import Network, backends, connectivity, datasets, layers, models
from sparsedend.backends.numpy_backend import available_threads
from sparsedend.datasets import Dataset
from sparsedend.errors import InputError
from sparsedend.initializers import glorot
from sparsedend.optimizers import Adam
from sparsedend.randomness import stream
from sparsedend.splits import split

from . import machine, picture, store

NAME = "accuracy-time"
GOAL = 0.87
EPOCHS, BATCH = 10, 128
SEEDS = (1, 2, 3)
RATES = (0.001, 0.004)
LRF = {"dendrites": 16, "somata": 256, "synapses": 16}
MIDDLE = {"dendrites": 8, "somata": 256, "synapses": 16}
SMALL = {"dendrites": 4, "somata": 128, "synapses": 16}
#: Hidden neurons of the dense perceptron with about the parameters of LRF: 96 · 795 + 10 = 76,330.
HIDDEN = 96


def measure(output: Path, quick: bool, threads: int | None) -> None:
    """Train everybody and keep accuracy and seconds after every epoch."""
    threads = threads or available_threads()
    columns: dict[str, list[Any]] = {
        name: [] for name in ("contestant", "rate", "seed", "parameters", "seconds", "accuracy")
    }
    try:
        datasets.load("fmnist")
    except InputError as error:
        print(f"{NAME} is skipped: {error}")
        return
    seeds, epochs = (SEEDS[:1], 5) if quick else (SEEDS, EPOCHS)
    for seed, rate, name in itertools.product(seeds, RATES, CONTESTANTS):
        if name == SLOW and seed != SEEDS[0]:
            continue
        answer = _child(name, rate, seed, epochs, threads)
        if "error" in answer:
            print(f"{NAME}: {name} is skipped: {answer['error']}")
            continue
        print(
            f"{NAME}: seed {seed}: {name} at {rate}: {max(answer['accuracy']):.2%} in "
            f"{answer['seconds'][-1]:.1f} s",
            flush=True,
        )
        entry = (name, rate, seed, answer["parameters"], answer["seconds"], answer["accuracy"])
        for column, value in zip(columns.values(), entry, strict=True):
            column.append(value)
    facts = machine.facts() | {"threads": str(threads)}
    store.save_columns(store.results(output), NAME, columns, facts)


def section(output: Path) -> str:
    """Table and picture of what `measure` kept; LookupError where there is nothing."""
    columns, facts = store.load_columns(store.results(output), NAME)
    runs: dict[tuple[str, float], list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for name, rate, _, *run in zip(*columns.values(), strict=True):
        runs.setdefault((name, float(rate)), []).append((int(run[0]), *run[1:]))
    entries = []
    for (name, rate), found in runs.items():
        reached = [_seconds_to_goal(seconds, accuracy) for _, seconds, accuracy in found]
        epoch = median(float(seconds[-1]) / len(seconds) for _, seconds, _ in found)
        best = median(float(accuracy.max()) for _, _, accuracy in found)
        entries.append((median(reached), name, rate, found[0][0], best, epoch))
    entries.sort()
    lines = [
        [
            name,
            f"{rate:g}",
            f"{parameters:,}",
            "never" if np.isinf(reached) else f"{reached:.2f}",
            f"{100 * best:.2f}",
            f"{epoch:.3f}",
        ]
        for reached, name, rate, parameters, best, epoch in entries
    ]
    picture.curves(
        {
            f"{name}, rate {rate:g}": (
                np.median([seconds for _, seconds, _ in found], axis=0),
                np.median([accuracy for _, _, accuracy in found], axis=0),
            )
            for (name, rate), found in runs.items()
        },
        output / "scaling" / "accuracy-time.svg",
    )
    header = [
        "contestant",
        "learning rate",
        "parameters",
        f"seconds to {GOAL:.0%}",
        "best test accuracy, %",
        "seconds per epoch",
    ]
    first = entries[0][1]
    verdict = "reached" if first.startswith("sparsedend dann") else "MISSED"
    return "\n\n".join(
        [
            f"## {NAME}",
            (__doc__ or "").strip(),
            machine.table(header, lines),
            f"Medians over seeds. First at {GOAL:.0%}: {first}, **{verdict}**.",
            "![accuracy against seconds](scaling/accuracy-time.svg)",
            machine.lines(facts),
        ]
    )


def _seconds_to_goal(seconds: np.ndarray, accuracy: np.ndarray) -> float:
    reached = np.flatnonzero(accuracy >= GOAL)
    return float(seconds[reached[0]]) if reached.size else float("inf")


def _child(name: str, rate: float, seed: int, epochs: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.accuracy_time", name, str(rate), str(seed), str(epochs)]
    pools = {f"{pool}_NUM_THREADS": str(threads) for pool in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
    cores = sorted(os.sched_getaffinity(0))[:threads]
    answer = subprocess.run(
        command,
        env=os.environ | pools,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    if answer.returncode:
        return {"error": (answer.stderr.strip().splitlines() or ["it ended without a word"])[-1]}
    return json.loads(answer.stdout.splitlines()[-1])


class _Ours:
    """A network of ours."""

    def __init__(self, data: Dataset, network: Network, rate: float) -> None:
        self.network, self.parameters = network, network.size
        self.images = data.train_x.reshape(len(data.train_x), -1)
        self.labels, self.data = data.train_y, data
        network.reserve(self.images, BATCH)
        self.adam = Adam(rate)
        self.adam.start(network.backend, network.parameters)
        before = network.parameters.copy()
        for size in (BATCH, 1):  # compiles
            self.batch(np.arange(size))
        network.parameters[:] = before
        self.adam.start(network.backend, network.parameters)

    def batch(self, order: np.ndarray) -> None:
        self.network.forward(order)
        self.network.loss(self.labels[order])
        self.network.backward()
        self.adam.step(self.network.backend, self.network.parameters, self.network.gradients)

    def epoch(self, order: np.ndarray) -> None:
        with self.network.backend.limited():
            for start in range(0, len(order), BATCH):
                self.batch(order[start : start + BATCH])

    def accuracy(self) -> float:
        from sparsedend import evaluate

        result = evaluate(self.network, self.data.test_x, self.data.test_y).accuracy
        self.network.reserve(self.images, BATCH)
        return result


def _named(model: str, sizes: dict[str, int], data: Dataset, seed: int) -> Network:
    return models.build(model, data.image_shape, data.classes, seed=seed, **sizes)


def _dendritic(model: str, sizes: dict[str, int]) -> Callable[[Dataset, int, float], _Ours]:
    return lambda data, seed, rate: _Ours(data, _named(model, sizes, data, seed), rate)


def _linear_branches(data: Dataset, seed: int, rate: float) -> _Ours:
    """dann-lrf without the nonlinearity of the dendrites."""
    dendritic, classes = _named("dann-lrf", LRF, data, seed).layers
    assert isinstance(dendritic, layers.Dendritic)
    stack = [
        layers.Sparse(dendritic.structure.synapses),
        layers.Sparse(connectivity.tree(LRF["somata"], LRF["dendrites"])),
        layers.LeakyReLU(LRF["somata"]),
        layers.Dense(LRF["somata"], classes.outputs),
    ]
    network = Network(stack, data.image_shape, backend=backends.create())
    network.initialize(stream(seed, "weights"), glorot)
    return _Ours(data, network, rate)


def _dense(data: Dataset, seed: int, rate: float) -> _Ours:
    stack = [
        layers.Dense(int(np.prod(data.image_shape)), HIDDEN),
        layers.LeakyReLU(HIDDEN),
        layers.Dense(HIDDEN, data.classes),
    ]
    network = Network(stack, data.image_shape, backend=backends.create())
    network.initialize(stream(seed, "weights"), glorot)
    return _Ours(data, network, rate)


class _Torch:
    """A module of PyTorch's."""

    def __init__(self, data: Dataset, seed: int, rate: float, masked: bool) -> None:
        import torch

        torch.manual_seed(seed)
        self.torch = torch
        self.images = torch.from_numpy(data.train_x.reshape(len(data.train_x), -1))
        self.labels = torch.from_numpy(data.train_y.astype(np.int64))
        self.test_x = torch.from_numpy(data.test_x.reshape(len(data.test_x), -1))
        self.test_y = torch.from_numpy(data.test_y.astype(np.int64))
        self.products: list[Any] = []
        if masked:
            from .contestants.pytorch import Masked
            from .contestants.pytorch import Network as Dendrites
            from .works import DendriticStart

            ours = _named("dann-lrf", LRF, data, seed)
            dendritic, _ = ours.layers
            start = DendriticStart(
                data.train_x,
                data.train_y,
                dendritic.structures["synapses"],
                dendritic.structures["cables"],
                *(a for layer in ours.layers for a in layer.parameters.values()),
            )
            module = Dendrites(start, Masked, (LRF["somata"], LRF["dendrites"]))
            self.products, self.parameters = module.products, ours.size
            self.model = module
        else:
            module = torch.nn.Sequential(
                torch.nn.Linear(self.images.shape[1], HIDDEN),
                torch.nn.LeakyReLU(0.1),
                torch.nn.Linear(HIDDEN, data.classes),
            )
            self.parameters = sum(p.numel() for p in module.parameters())
            self.model = lambda x: module(x.float() / 255)
        self.adam = torch.optim.Adam(module.parameters(), lr=rate, eps=1e-7, fused=True)

    def epoch(self, order: np.ndarray) -> None:
        functional = self.torch.nn.functional
        for index in self.torch.from_numpy(order).split(BATCH):
            loss = functional.cross_entropy(self.model(self.images[index]), self.labels[index])
            self.adam.zero_grad()
            loss.backward()
            for product in self.products:
                product.after_backward()
            self.adam.step()

    def accuracy(self) -> float:
        with self.torch.inference_mode():
            classes = self.torch.cat(
                [self.model(part).argmax(1) for part in self.test_x.split(1000)]
            )
        return float((classes == self.test_y).float().mean())


class _Sklearn:
    """scikit-learn's MLPClassifier: ReLU, Adam."""

    def __init__(self, data: Dataset, seed: int, rate: float) -> None:
        from sklearn.neural_network import MLPClassifier

        scale = np.float32(1 / 255)
        self.images = data.train_x.reshape(len(data.train_x), -1) * scale
        self.test_x = data.test_x.reshape(len(data.test_x), -1) * scale
        self.labels, self.test_y = data.train_y, data.test_y
        self.model = MLPClassifier(
            (HIDDEN,), batch_size=BATCH, alpha=0, learning_rate_init=rate, random_state=seed
        )
        self.classes = np.arange(data.classes)
        self.parameters = HIDDEN * (self.images.shape[1] + 1) + (HIDDEN + 1) * data.classes

    def epoch(self, order: np.ndarray) -> None:
        self.model.partial_fit(self.images[order], self.labels[order], classes=self.classes)

    def accuracy(self) -> float:
        return float(self.model.score(self.test_x, self.test_y))


#: Takes 20 times as long as the others: one seed.
SLOW = "PyTorch masked dense dann-lrf, D=16, S=256"

CONTESTANTS: dict[str, Callable[[Dataset, int, float], Any]] = {
    "sparsedend dann-lrf, D=4, S=128": _dendritic("dann-lrf", SMALL),
    "sparsedend dann-lrf, D=8, S=256": _dendritic("dann-lrf", MIDDLE),
    "sparsedend dann-lrf, D=16, S=256": _dendritic("dann-lrf", LRF),
    "sparsedend dann-r, D=16, S=256": _dendritic("dann-r", LRF),
    "sparsedend, branches without nonlinearity, D=16, S=256": _linear_branches,
    "sparsedend dense, 96 hidden": _dense,
    "PyTorch dense, 96 hidden": partial(_Torch, masked=False),
    SLOW: partial(_Torch, masked=True),
    "scikit-learn dense, 96 hidden": _Sklearn,
}


def main() -> None:
    """Train one, for the parent."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name")
    parser.add_argument("rate", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("epochs", type=int)
    options = parser.parse_args()
    data = datasets.load("fmnist")
    contestant = CONTESTANTS[options.name](data, options.seed, options.rate)
    kept, _ = split(len(data.train_x), options.seed)
    shuffle = stream(options.seed, "shuffle")
    seconds, accuracy = [], []
    total = 0.0
    for _ in range(options.epochs):
        order = shuffle.permutation(kept)
        began = time.perf_counter()
        contestant.epoch(order)
        total += time.perf_counter() - began
        seconds.append(total)
        accuracy.append(contestant.accuracy())
    answer = {"parameters": contestant.parameters, "seconds": seconds, "accuracy": accuracy}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
