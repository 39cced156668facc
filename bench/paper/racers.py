"""Who races for accuracy, one in a process of its own: ``python -m bench.paper.racers``.

The argument is JSON: name, learning rate, seed and epochs. The answer has the parameters and, after
each epoch, the seconds of all epochs so far, and loss and accuracy on the test images.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, backends, connectivity, datasets, layers, models
from sparsedend.datasets import Dataset
from sparsedend.initializers import glorot
from sparsedend.optimizers import Adam
from sparsedend.randomness import stream
from sparsedend.training.splits import split

from ..contestants.ours import NetworkTrainer, matrices
from ..contestants.runner import Trainer, log_softmax
from ..works import SLOPE, floats

BATCH = 128
SMALL, MIDDLE, LARGE = (
    {"dendrites": d, "somata": s, "synapses": 16} for d, s in ((4, 128), (8, 256), (16, 256))
)
#: Hidden neurons of the perceptron with about the parameters of LARGE: 96 · 795 + 10 = 76,330.
HIDDEN = 96
EPSILON = 1e-7


def named(model: str, sizes: dict[str, int], data: Dataset, seed: int) -> Network:
    """A model of ours."""
    backend = backends.create("numba")
    return models.build(model, data.image_shape, data.classes, seed=seed, backend=backend, **sizes)


def linear_branches(data: Dataset, seed: int) -> Network:
    """dann-lrf without the nonlinearity of the dendrites."""
    synapses = named("dann-lrf", LARGE, data, seed).layers[0].structures["synapses"]
    somata = LARGE["somata"]
    tree = connectivity.tree(somata, LARGE["dendrites"])
    branches = layers.Dendritic(synapses, tree, SLOPE, activation="identity")
    return _drawn([branches, layers.Dense(somata, data.classes)], data, seed)


def perceptron(data: Dataset, seed: int) -> Network:
    """A dense one."""
    stack = [
        layers.Dense(int(np.prod(data.image_shape)), HIDDEN),
        layers.LeakyReLU(HIDDEN, SLOPE),
        layers.Dense(HIDDEN, data.classes),
    ]
    return _drawn(stack, data, seed)


def _drawn(stack: list[layers.Layer], data: Dataset, seed: int) -> Network:
    network = Network(stack, data.image_shape, backend=backends.create("numba"))
    network.initialize(stream(seed, "weights"), glorot)
    return network


def by_us(network: Network, images: NDArray, labels: NDArray, rate: float, seed: int) -> Trainer:
    """Trains the network."""
    return NetworkTrainer(network, images, labels, BATCH, Adam(rate))


def by_torch(
    network: Network, images: NDArray, labels: NDArray, rate: float, seed: int, *, product: str
) -> Trainer:
    """Trains PyTorch's from the same start."""
    import torch

    from ..contestants import pytorch

    module = pytorch.Network(matrices(network), pytorch.PRODUCTS[product], SLOPE)
    adam = partial(torch.optim.Adam, lr=rate, eps=EPSILON, fused=True)
    return pytorch.TorchTrainer(module, images, labels, adam)


def by_sklearn(
    network: Network, images: NDArray, labels: NDArray, rate: float, seed: int
) -> Trainer:
    """Trains scikit-learn's MLPClassifier, which starts by itself: ReLU, Adam."""
    from sklearn.neural_network import MLPClassifier

    from ..contestants.sklearn_mlp import SklearnTrainer

    settings = {"batch_size": BATCH, "alpha": 0, "learning_rate_init": rate, "random_state": seed}
    return SklearnTrainer(MLPClassifier((HIDDEN,), **settings), floats(images), labels)


class Racer(NamedTuple):
    """The network of a data set and a seed, and who trains it or one like it."""

    network: Callable[[Dataset, int], Network]
    trainer: Callable[..., Trainer] = by_us

    def race(self, data: Dataset, rate: float, seed: int, epochs: int) -> dict[str, Any]:
        """Train, and test after every epoch."""
        images, tested = (x.reshape(len(x), -1) for x in (data.train_x, data.test_x))
        kept, _ = split(len(images), seed)
        answer: dict[str, Any] = {"seconds": [], "loss": [], "accuracy": []}
        for rehearsal in (True, False):
            network = self.network(data, seed)
            trainer = self.trainer(network, images, data.train_y, rate, seed)
            if rehearsal:  # of another one, so that what has to be compiled is compiled
                trainer.steps([kept[:BATCH], kept[: len(kept) % BATCH or BATCH]])
        shuffle, total = stream(seed, "shuffle"), 0.0
        for _ in range(epochs):
            orders = np.split(shuffle.permutation(kept), range(BATCH, len(kept), BATCH))
            with trainer.limited():
                began = time.perf_counter()
                trainer.steps(orders)
                total += time.perf_counter() - began
                loss, accuracy = _tested(trainer, tested, data.test_y)
            for name, value in (("seconds", total), ("loss", loss), ("accuracy", accuracy)):
                answer[name].append(value)
        return answer | {"parameters": network.size}


def _tested(trainer: Trainer, images: NDArray, labels: NDArray) -> tuple[float, float]:
    """Mean loss and accuracy."""
    starts = range(0, len(images), 1000)
    parts = [np.asarray(trainer.logits(trainer.placed(images[i : i + 1000]))) for i in starts]
    logs = log_softmax(np.concatenate(parts))
    right = logs.argmax(axis=1) == labels
    return -float(logs[np.arange(len(labels)), labels].mean()), float(right.mean())


#: Takes 20 times as long as the others.
SLOW = "PyTorch masked dense dann-lrf, D=16, S=256"
#: What proves the accuracy of another by its own, from the same start.
PAIR = ("sparsedend dann-lrf, D=16, S=256", "PyTorch torch.sparse CSR dann-lrf, D=16, S=256")
_LRF = partial(named, "dann-lrf", LARGE)
RACERS = {
    "sparsedend dann-lrf, D=4, S=128": Racer(partial(named, "dann-lrf", SMALL)),
    "sparsedend dann-lrf, D=8, S=256": Racer(partial(named, "dann-lrf", MIDDLE)),
    PAIR[0]: Racer(_LRF),
    "sparsedend dann-r, D=16, S=256": Racer(partial(named, "dann-r", LARGE)),
    "sparsedend, branches without nonlinearity, D=16, S=256": Racer(linear_branches),
    "sparsedend dense, 96 hidden": Racer(perceptron),
    "PyTorch dense, 96 hidden": Racer(perceptron, partial(by_torch, product="dense")),
    SLOW: Racer(_LRF, partial(by_torch, product="masked")),
    PAIR[1]: Racer(_LRF, partial(by_torch, product="csr")),
    "scikit-learn dense, 96 hidden": Racer(perceptron, by_sklearn),
}

if __name__ == "__main__":
    _name, *_how = json.loads(sys.argv[1])
    print(json.dumps(RACERS[_name].race(datasets.load("fmnist"), *_how)))
