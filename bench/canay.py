"""A public benchmark of dendritic networks, run by this library: canay/dendritic-ann-benchmarks.

Its six models, each with 4 dendrites of 16 synapses on 128 somata where it has such, trained for 30
epochs in batches of 256 by Adam with a learning rate of 0.001; a tenth of the images is held out.
Connections are drawn by its rules: local dendrites have 16 values of a patch of 4 × 4 pixels, and
with global ones all dendrites of a soma have the same patch; random ones have any 16 values. With a
share of the images, test images are as few, as they were there. The score is the highest test
accuracy of any epoch, as there, which is a little too good for everybody.

Not the same: initial weights (Glorot's of the connections that exist here, Kaiming's there), random
synapses (without repetition here), and the shuffle. Their seconds are of training alone, on a CPU
that is not named (PyTorch); ours have the validation too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

import sparsedend as sd
from sparsedend import connectivity, datasets, layers
from sparsedend.connectivity import Structure
from sparsedend.datasets import Dataset
from sparsedend.errors import InputError
from sparsedend.initializers import sparse
from sparsedend.optimizers import Adam
from sparsedend.randomness import stream

from . import machine, store
from .curves import curve_of
from .options import Options

DENDRITES, SOMATA, SYNAPSES, PATCH = 4, 128, 16, 4
SLOPE = 0.1
BATCH, EPOCHS, RATE, EPSILON = 256, 30, 0.001, 1e-8
SEEDS = tuple(range(10))
SHARES = (1.0, 0.2, 0.1)
NAMES = ("fmnist", "kmnist", "cifar10")
#: Published best test accuracy over epochs in %, mean and deviation of 10 seeds, by data set and
#: share of the images.
THEIRS = {
    ("fmnist", 1.0): {
        "dann-r": (86.56, 0.19),
        "dann-lrf": (87.06, 0.17),
        "dann-grf": (86.88, 0.30),
        "naive": (86.76, 0.23),
        "vann": (89.54, 0.24),
        "mlp": (85.45, 0.30),
    },
    ("fmnist", 0.2): {"dann-lrf": (83.78, 0.72), "naive": (83.66, 0.70), "mlp": (83.32, 0.77)},
    ("fmnist", 0.1): {"dann-lrf": (81.12, 0.83), "naive": (81.34, 0.76), "mlp": (81.24, 1.11)},
    ("kmnist", 1.0): {
        "dann-r": (81.52, 0.34),
        "dann-lrf": (81.13, 0.59),
        "dann-grf": (78.98, 0.38),
        "naive": (81.10, 0.45),
        "vann": (91.45, 0.30),
        "mlp": (77.16, 0.41),
    },
    ("cifar10", 1.0): {
        "dann-lrf": (47.92, 0.48),
        "naive": (46.74, 0.33),
        "vann": (53.58, 0.22),
        "mlp": (30.70, 1.43),
    },
    ("cifar10", 0.2): {
        "dann-lrf": (40.02, 0.88),
        "naive": (39.61, 0.74),
        "vann": (44.80, 0.80),
        "mlp": (26.90, 1.43),
    },
}
#: Their seconds of an epoch with all images, by data set and model.
THEIR_SECONDS = {
    "fmnist": {"dann-lrf": 5.93, "naive": 5.76, "vann": 6.55, "mlp": 4.04},
    "cifar10": {"dann-lrf": 5.28, "naive": 5.10, "vann": 8.04, "mlp": 3.89},
}
COLUMNS = ("data set", "share", "model", "seed", "parameters", "accuracy", "seconds")


def patches(rng: np.random.Generator, shape: tuple[int, ...], fields: int, each: int) -> Structure:
    """Synapses of dendrites that have values of a square patch, so many dendrites the same patch.

    Parameters
    ----------
    rng : Generator
    shape : (int, int, int)
        Height, width and channels of the images.
    fields, each : int
        Patches, and dendrites of each.
    """
    height, width, channels = shape
    positions = np.arange(height * width * channels).reshape(shape)
    rows = []
    for top, left in rng.integers((height - PATCH + 1, width - PATCH + 1), size=(fields, 2)):
        inside = positions[top : top + PATCH, left : left + PATCH].ravel()
        rows += [np.sort(rng.choice(inside, SYNAPSES, replace=False)) for _ in range(each)]
    indptr = SYNAPSES * np.arange(len(rows) + 1)
    return Structure(indptr, np.concatenate(rows), (len(rows), positions.size))


def dendritic(rule: str, activation: str = "leaky-relu") -> Callable[..., list[layers.Layer]]:
    """What makes the layers of a dendritic model, by its rule for synapses."""

    def stack(rng: np.random.Generator, data: Dataset) -> list[layers.Layer]:
        total, shape = DENDRITES * SOMATA, data.image_shape
        if rule == "random":
            inputs = int(np.prod(shape))
            synapses = connectivity.random(rng, inputs, total, SYNAPSES, exact=True)
        elif rule == "local":
            synapses = patches(rng, shape, total, 1)
        else:
            synapses = patches(rng, shape, SOMATA, DENDRITES)
        tree = connectivity.tree(SOMATA, DENDRITES)
        somata = layers.Dendritic(synapses, tree, SLOPE, activation=activation)
        return [somata, layers.Dense(SOMATA, data.classes)]

    return stack


def dense(rng: np.random.Generator, data: Dataset) -> list[layers.Layer]:
    """Layers of a dense network with as many nodes."""
    return _perceptron(data, DENDRITES * SOMATA, SOMATA)


def small(rng: np.random.Generator, data: Dataset) -> list[layers.Layer]:
    """Layers of a dense network with two equal hidden layers and about a dANN's parameters."""
    wanted = DENDRITES * SOMATA * (SYNAPSES + 2) + SOMATA + (SOMATA + 1) * data.classes
    made = [_perceptron(data, width, width) for width in range(2, 65)]
    return min(made, key=lambda stack: abs(sum(layer.size for layer in stack) - wanted))


def _perceptron(data: Dataset, first: int, second: int) -> list[layers.Layer]:
    return [
        layers.Dense(int(np.prod(data.image_shape)), first),
        layers.LeakyReLU(first, SLOPE),
        layers.Dense(first, second),
        layers.LeakyReLU(second, SLOPE),
        layers.Dense(second, data.classes),
    ]


#: What makes their layers, by name; "naive" has dendrites that do nothing but sum.
MODELS: dict[str, Callable[[np.random.Generator, Dataset], list[layers.Layer]]] = {
    "dann-r": dendritic("random"),
    "dann-lrf": dendritic("local"),
    "dann-grf": dendritic("global"),
    "naive": dendritic("local", "identity"),
    "vann": dense,
    "mlp": small,
}


def part_of(data: Dataset, share: float, seed: int) -> Dataset:
    """So large a share of the training and test images, drawn by the seed."""
    if share == 1:
        return data
    rng = stream(seed, "split")
    train, test = (
        rng.permutation(len(y))[: int(share * len(y))] for y in (data.train_y, data.test_y)
    )
    return replace(
        data,
        train_x=data.train_x[train],
        train_y=data.train_y[train],
        test_x=data.test_x[test],
        test_y=data.test_y[test],
    )


def trained(model: str, data: Dataset, seed: int, epochs: int, threads: int) -> dict[str, Any]:
    """Parameters, highest test accuracy of an epoch, and median seconds of one."""
    stack = MODELS[model](stream(seed, "connectivity"), data)
    training = sd.Training(Adam(RATE, epsilon=EPSILON), batch_size=BATCH, seed=seed)
    curve = curve_of(stack, sparse, data, training, epochs, threads=threads)
    return {
        "parameters": curve.parameters,
        "accuracy": max(curve.accuracy),
        "seconds": curve.seconds,
    }


def measure(name: str, options: Options) -> None:
    """Train all models with all seeds, and keep what each reached."""
    seeds, epochs, shares = (SEEDS[:1], 3, SHARES[1:]) if options.quick else (SEEDS, EPOCHS, SHARES)
    columns: store.Columns = {column: [] for column in COLUMNS}
    facts = machine.facts() | {"threads": str(options.threads), "epochs": str(epochs)}
    for dataset in NAMES:
        try:
            whole = datasets.load(dataset)
        except InputError as error:
            print(f"{name}: {dataset} is left out: {error}")
            continue
        for share in shares:
            for model in MODELS:
                for seed in seeds:
                    data = part_of(whole, share, seed)
                    answer = trained(model, data, seed, epochs, options.threads)
                    entry = {"data set": dataset, "share": share, "model": model, "seed": seed}
                    for column, value in (entry | answer).items():
                        columns[column].append(value)
                store.save(options.output, name, columns, facts)
                print(f"{name}: {dataset}, {share:.0%}: {model} is trained", flush=True)


def section(name: str, output: Path) -> str:
    """Tables of what `measure` kept, theirs beside ours; LookupError where there is nothing."""
    columns, facts = store.load(output, name)
    runs: dict[tuple[str, float], dict[str, list[dict[str, Any]]]] = {}
    for row in zip(*(columns[column] for column in COLUMNS), strict=True):
        run = dict(zip(COLUMNS, row, strict=True))
        models = runs.setdefault((run["data set"], run["share"]), {})
        models.setdefault(run["model"], []).append(run)
    parts = [
        "# A public benchmark of dendritic networks",
        (__doc__ or "").split("\n", 1)[1].strip(),
    ]
    for (dataset, share), models in runs.items():
        header = ["model", "parameters", "theirs, %", "ours, %", "ours - theirs"]
        header += ["their s/epoch", "our s/epoch", "seeds"]
        rows = list(_rows(dataset, share, models))
        parts += [f"## {dataset}, {share:.0%} of the images", machine.table(header, rows)]
    return "\n\n".join([*parts, machine.lines(facts)])


def _rows(
    dataset: str, share: float, models: dict[str, list[dict[str, Any]]]
) -> Iterator[list[str]]:
    for model, runs in models.items():
        found = [100 * run["accuracy"] for run in runs]
        own = mean(found)
        theirs = THEIRS.get((dataset, share), {}).get(model)
        seconds = THEIR_SECONDS.get(dataset, {}).get(model) if share == 1 else None
        yield [
            model,
            f"{runs[0]['parameters']:,}",
            f"{theirs[0]:.2f} ± {theirs[1]:.2f}" if theirs else "",
            f"{own:.2f}" + (f" ± {stdev(found):.2f}" if len(found) > 1 else ""),
            f"{own - theirs[0]:+.2f}" if theirs else "",
            f"{seconds:.2f}" if seconds else "",
            f"{median(run['seconds'] for run in runs):.3f}",
            str(len(runs)),
        ]
