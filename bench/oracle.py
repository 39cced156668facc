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
from .contestants import Torch, sparse_csr

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

    torch.set_num_threads(1)
    images = data.train_x.reshape(len(data.train_x), -1)
    start = _start(data, seed, "numpy")
    rival = Torch(start, images, data.train_y, "PyTorch", sparse_csr, epsilon=1e-7)
    kept, _ = split(len(images), seed)
    shuffle = stream(seed, "shuffle")
    for _ in range(EPOCHS):
        order = shuffle.permutation(kept)
        for first in range(0, len(order), BATCH):
            rival.step(order[first : first + BATCH])
    test = torch.from_numpy(data.test_x.reshape(len(data.test_x), -1))
    with torch.no_grad():
        logits = torch.cat([rival.logits(part) for part in test.split(1000)])
    labels = torch.from_numpy(data.test_y)
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return loss, float(np.mean((logits.argmax(1) == labels).numpy()))


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
