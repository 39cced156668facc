"""Whether the accuracy is the network's or ours: PyTorch trains from the same starts.

dann-lrf, D=16, S=256, Fashion-MNIST, 25 epochs. For every seed both have the same connections,
initial weights, split and order of batches; PyTorch has its own products, autograd and Adam
(``torch.sparse`` CSR, one thread). Rounding makes the two drift apart over 10,550 steps.
"""

from __future__ import annotations

import argparse
from statistics import mean, stdev

import numpy as np

from sparsedend import backends, datasets, evaluate, fit, models
from sparsedend.datasets import Dataset
from sparsedend.randomness import stream
from sparsedend.splits import split

from . import machine

SIZES = {"dendrites": 16, "somata": 256}
EPOCHS = 25
BATCH = 128


def main() -> None:
    """Train with both and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(1, parser.parse_args().seeds + 1)
    data = datasets.load("fmnist")
    pairs = [(_ours(data, seed), _pytorch(data, seed)) for seed in seeds]
    rows = [
        [str(seed), *(f"{100 * accuracy:.2f} / {loss:.4f}" for loss, accuracy in pair)]
        for seed, pair in zip(seeds, pairs, strict=True)
    ]
    means = ["mean"]
    for contestant in zip(*pairs, strict=True):
        losses, accuracies = zip(*contestant, strict=True)
        means.append(
            f"{100 * mean(accuracies):.2f} ± {100 * stdev(accuracies):.2f} / "
            f"{mean(losses):.4f} ± {stdev(losses):.4f}"
        )
    header = ["seed", "sparsedend, accuracy % / loss", "PyTorch, accuracy % / loss"]
    text = [
        "# The same trainings by PyTorch",
        machine.describe(),
        __doc__ or "",
        machine.table(header, [*rows, means]),
    ]
    machine.keep("accuracy-oracle", "\n\n".join(text))


def _ours(data: Dataset, seed: int) -> tuple[float, float]:
    """Test loss and accuracy."""
    network = _start(data, seed, "numba")
    fit(network, data.train_x, data.train_y, epochs=EPOCHS, batch_size=BATCH, seed=seed)
    return evaluate(network, data.test_x, data.test_y)


def _pytorch(data: Dataset, seed: int) -> tuple[float, float]:
    import torch
    from torch.nn import functional

    from .contestants.pytorch import Csr, Network
    from .works import DendriticStart

    torch.set_num_threads(1)
    images, test = (torch.from_numpy(x.reshape(len(x), -1)) for x in (data.train_x, data.test_x))
    labels, test_labels = (
        torch.from_numpy(y.astype(np.int64)) for y in (data.train_y, data.test_y)
    )
    layers = _start(data, seed, "numpy").layers
    start = DendriticStart(
        data.train_x,
        data.train_y,
        *layers[0].structures.values(),
        *(values for layer in layers for values in layer.parameters.values()),
    )
    network = Network(start, Csr, (SIZES["somata"], SIZES["dendrites"]))
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7, fused=True)
    kept, _ = split(len(images), seed)
    shuffle = stream(seed, "shuffle")
    for _ in range(EPOCHS):
        for index in torch.from_numpy(shuffle.permutation(kept)).split(BATCH):
            loss = functional.cross_entropy(network(images[index]), labels[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    with torch.no_grad():
        logits = torch.cat([network(part) for part in test.split(1000)])
    loss = functional.cross_entropy(logits, test_labels).item()
    return loss, float(np.mean((logits.argmax(1) == test_labels).numpy()))


def _start(data: Dataset, seed: int, backend: str) -> models.Network:
    return models.build(
        "dann-lrf",
        data.image_shape,
        data.classes,
        seed=seed,
        backend=backends.create(backend),
        **SIZES,
    )


if __name__ == "__main__":
    main()
