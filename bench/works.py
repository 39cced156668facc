"""What is measured: work that every contestant does from the same weights on the same inputs.

A work is a small record of sizes. `draw` makes its weights and inputs, always the same ones, so
that contestants in different processes start equal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsedend import connectivity
from sparsedend.connectivity import Structure

CLASSES = 10
#: Of all leaky ReLUs of a dendritic network.
SLOPE = 0.1
#: Steps of the paper's training on Fashion-MNIST: 25 epochs, 54,000 images, batches of 128.
RUN = 25 * 422
#: Values of all images together, at most: batches are drawn from this pool.
POOL = 2**25
#: Images of a stream that a file has, at most.
WRITTEN = 2**20


class Matrix(NamedTuple):
    """Weights that exist between one layer of units and the next, whose biases they are."""

    structure: Structure
    weights: NDArray
    bias: NDArray

    @property
    def full(self) -> bool:
        """Whether every weight exists."""
        return self.structure.nnz == self.structure.shape[0] * self.structure.shape[1]

    @property
    def tree(self) -> bool:
        """Whether every input belongs to one output, and all have as many, in order."""
        rows, columns = self.structure.shape
        if columns % rows or self.structure.nnz != columns:
            return False
        return np.array_equal(self.structure.indices, np.arange(columns))

    def dense(self) -> NDArray:
        """The matrix with all its zeros, in C order."""
        return np.ascontiguousarray(self.structure.matrix(self.weights).toarray())

    def filled(self) -> Matrix:
        """The same matrix all to all, with its zeros as weights."""
        return Matrix(all_to_all(*self.structure.shape), self.dense().ravel(), self.bias)

    def mask(self) -> NDArray:
        """1 where a weight exists, 0 elsewhere."""
        return self._replace(weights=np.ones_like(self.weights)).dense()


class Start(NamedTuple):
    """Images (images, inputs), bytes or floats, their labels, and the matrices of a network."""

    images: NDArray
    labels: NDArray
    layers: list[Matrix]


class LayerStart(NamedTuple):
    """Inputs (batch, inputs), outputs' gradient (batch, outputs), and the layer."""

    x: NDArray
    delta: NDArray
    layer: Matrix


@dataclass(frozen=True)
class Dendritic:
    """Inputs, dendrites with `synapses` each, somata with `dendrites` each, classes.

    Its task is a whole training step ("step": take a batch of bytes, forward, backward, Adam), the
    classes of a batch ("inference"), or `RUN` such steps one after the other ("run").
    """

    inputs: int
    dendrites: int
    somata: int
    synapses: int = 16
    batch: int = 128
    task: str = "step"
    slope: ClassVar[float] = SLOPE

    @property
    def size(self) -> int:
        """Dendrites of all somata."""
        return self.dendrites * self.somata

    @property
    def connections(self) -> int:
        """Synapses of all dendrites."""
        return self.size * self.synapses

    @property
    def dense_values(self) -> int:
        """Weights of the same layers all to all."""
        return (self.inputs + self.somata) * self.size

    def draw(self) -> Start:
        """Weights and inputs."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (_pool(self.batch, self.inputs), self.inputs), np.uint8)
        labels = rng.integers(0, CLASSES, len(images))
        structures = (
            connectivity.random(rng, self.inputs, self.size, self.synapses, exact=True),
            connectivity.tree(self.somata, self.dendrites),
            all_to_all(CLASSES, self.somata),
        )
        return Start(images, labels, [_matrix(rng, each) for each in structures])


@dataclass(frozen=True)
class Request(Dendritic):
    """A few images that come by themselves."""

    batch: int = 1
    task: str = "inference"


@dataclass(frozen=True)
class Stream(Dendritic):
    """Steps on so many images, which are those that `draw` makes again and again.

    Its task is to go on with the training ("step"), or to train on each image once ("run"). From
    `WRITTEN` on they are black, and a file has no bytes for them.
    """

    images: int = 2**20

    @property
    def gigabytes(self) -> float:
        """Of all images."""
        return self.images * self.inputs / 1e9


@dataclass(frozen=True)
class Layer:
    """One sparse layer: forward, and gradients of weights, biases and inputs ("backward").

    With `constant_fan_in` every output has the same number of connections; without, they lie
    anywhere.
    """

    inputs: int
    outputs: int
    density: float
    batch: int = 128
    constant_fan_in: bool = False
    backward: bool = True

    @property
    def connections(self) -> int:
        """Weights that exist."""
        if self.constant_fan_in:
            return max(1, round(self.density * self.inputs)) * self.outputs
        return max(1, round(self.density * self.dense_values))

    @property
    def dense_values(self) -> int:
        """Weights all to all."""
        return self.inputs * self.outputs

    def draw(self) -> LayerStart:
        """Weights, inputs and the outputs' gradient."""
        rng = np.random.default_rng(0)
        if self.constant_fan_in:
            fan_in = self.connections // self.outputs
            structure = connectivity.random(rng, self.inputs, self.outputs, fan_in, exact=True)
        else:
            shape = self.outputs, self.inputs
            structure = connectivity.sample_positions(rng, *shape, self.connections)
        x = rng.standard_normal((self.batch, self.inputs), np.float32)
        delta = rng.standard_normal((self.batch, self.outputs), np.float32)
        return LayerStart(x, delta, _matrix(rng, structure))


@dataclass(frozen=True)
class Perceptron:
    """Layers of these sizes with ReLU between them; a step takes a batch and ends in SGD.

    The optimizer has Nesterov's momentum, as in the published protocols. Inputs are bytes, which
    every step scales to 0 … 1, where they stand for `pixels`, and floats elsewhere.
    """

    sizes: tuple[int, ...]
    densities: tuple[float, ...]
    batch: int = 128
    rate: float = 0.01
    momentum: float = 0.9
    pixels: bool = True
    task: ClassVar[str] = "step"
    slope: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        for name in ("sizes", "densities"):  # lists, where the record comes from JSON
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def existing(self) -> list[tuple[int, int, int]]:
        """Outputs, inputs and weights that exist of each layer."""
        shapes = zip(self.sizes[1:], self.sizes, self.densities, strict=False)
        return [(m, n, max(1, round(density * m * n))) for m, n, density in shapes]

    @property
    def connections(self) -> int:
        """Weights that exist."""
        return sum(count for *_, count in self.existing)

    @property
    def dense_values(self) -> int:
        """Weights all to all."""
        return sum(m * n for m, n, _ in self.existing)

    def draw(self) -> Start:
        """Weights and inputs."""
        rng = np.random.default_rng(0)
        shape = (_pool(self.batch, self.sizes[0]), self.sizes[0])
        if self.pixels:
            images = rng.integers(0, 256, shape, np.uint8)
        else:
            images = rng.standard_normal(shape, np.float32)
        labels = rng.integers(0, self.sizes[-1], len(images))
        structures = [connectivity.sample_positions(rng, *layer) for layer in self.existing]
        return Start(images, labels, [_matrix(rng, each) for each in structures])


Work = Dendritic | Layer | Perceptron
_KINDS = {kind.__name__: kind for kind in (Dendritic, Request, Stream, Layer, Perceptron)}


def to_record(work: Work) -> dict[str, Any]:
    """What `from_record` makes an equal work of; JSON can hold it."""
    return {"work": type(work).__name__, **asdict(work)}


def from_record(record: dict[str, Any]) -> Work:
    """The work that `to_record` recorded."""
    fields = dict(record)
    return _KINDS[fields.pop("work")](**fields)


def batches(images: int, batch: int) -> list[NDArray]:
    """Indices of 16 batches, the same for every contestant."""
    rng = np.random.default_rng(1)
    return [rng.choice(images, batch, replace=False) for _ in range(16)]


def floats(images: NDArray) -> NDArray:
    """Images as float32, bytes scaled to 0 … 1."""
    return images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else images


def all_to_all(rows: int, columns: int) -> Structure:
    """Every connection exists."""
    indptr = np.arange(rows + 1) * columns
    return Structure(indptr, np.tile(np.arange(columns), rows), (rows, columns))


def _pool(batch: int, inputs: int) -> int:
    return max(batch, min(4096, POOL // inputs))


def _matrix(rng: np.random.Generator, structure: Structure) -> Matrix:
    """Uniform weights and biases with which sums keep the size of what they are of."""
    scale = np.float32(2 * (3 / (structure.nnz // structure.shape[0] + 1)) ** 0.5)
    drawn = [rng.random(count, np.float32) for count in (structure.nnz, structure.shape[0])]
    for values in drawn:  # in place, since these are large
        values -= np.float32(0.5)
        values *= scale
    return Matrix(structure, *drawn)
