"""What is measured: work that every contestant does from the same weights on the same inputs.

A work is a small record of sizes. `draw` makes its weights and inputs, always the same ones, so
that contestants in different processes start equal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sparsedend import connectivity
from sparsedend.connectivity import Structure

CLASSES = 10
#: Of all leaky ReLUs of a dendritic network.
SLOPE = 0.1
#: Values of all images together, at most: batches are drawn from this pool.
POOL = 2**25


@dataclass(frozen=True)
class Dendritic:
    """Inputs, dendrites with `synapses` each, somata with `dendrites` each, classes.

    Its task is a whole training step ("step": take a batch of bytes, forward, backward, Adam) or
    the logits of a batch ("inference").
    """

    inputs: int
    dendrites: int
    somata: int
    synapses: int = 16
    batch: int = 128
    task: str = "step"

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

    def draw(self) -> DendriticStart:
        """Weights and inputs."""
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (_pool(self.batch, self.inputs), self.inputs), np.uint8)
        labels = rng.integers(0, CLASSES, len(images))
        return DendriticStart(
            images,
            labels,
            connectivity.random(rng, self.inputs, self.size, self.synapses, exact=True),
            connectivity.tree(self.somata, self.dendrites),
            _values(rng, self.connections, self.synapses),
            _values(rng, self.size, self.synapses),
            _values(rng, self.size, self.dendrites),
            _values(rng, self.somata, self.dendrites),
            _values(rng, CLASSES * self.somata, self.somata).reshape(CLASSES, self.somata),
            _values(rng, CLASSES, self.somata),
        )


class DendriticStart(NamedTuple):
    """Images (images, inputs) uint8, labels, connections and float32 parameters."""

    images: NDArray
    labels: NDArray
    synapses: Structure
    cables: Structure
    synapse_weights: NDArray
    dendrite_bias: NDArray
    cable_weights: NDArray
    soma_bias: NDArray
    class_weights: NDArray
    class_bias: NDArray


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
            structure = connectivity.sample_positions(
                rng, self.outputs, self.inputs, self.connections
            )
        fan_in = structure.nnz // self.outputs + 1
        return LayerStart(
            rng.standard_normal((self.batch, self.inputs), np.float32),
            rng.standard_normal((self.batch, self.outputs), np.float32),
            structure,
            _values(rng, structure.nnz, fan_in),
            _values(rng, self.outputs, fan_in),
        )


class LayerStart(NamedTuple):
    """Inputs (batch, inputs), outputs' gradient (batch, outputs), connections and parameters."""

    x: NDArray
    delta: NDArray
    structure: Structure
    weights: NDArray
    bias: NDArray


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

    def __post_init__(self) -> None:
        for name in ("sizes", "densities"):  # lists, where the record comes from JSON
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Outputs and inputs of each layer."""
        return [(m, n) for n, m in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def connections(self) -> int:
        """Weights that exist."""
        pairs = zip(self.shapes, self.densities, strict=True)
        return sum(max(1, round(density * m * n)) for (m, n), density in pairs)

    @property
    def dense_values(self) -> int:
        """Weights all to all."""
        return sum(m * n for m, n in self.shapes)

    def draw(self) -> PerceptronStart:
        """Weights and inputs."""
        rng = np.random.default_rng(0)
        inputs, classes = self.sizes[0], self.sizes[-1]
        shape = (_pool(self.batch, inputs), inputs)
        if self.pixels:
            images = rng.integers(0, 256, shape, np.uint8)
        else:
            images = rng.standard_normal(shape, np.float32)
        labels = rng.integers(0, classes, len(images))
        layers = []
        for (m, n), density in zip(self.shapes, self.densities, strict=True):
            structure = connectivity.sample_positions(rng, m, n, max(1, round(density * m * n)))
            fan_in = structure.nnz // m + 1
            layers.append((structure, _values(rng, structure.nnz, fan_in), _values(rng, m, fan_in)))
        return PerceptronStart(images, labels, layers)


class PerceptronStart(NamedTuple):
    """Images (images, inputs), labels, and structure, weights and bias of each layer."""

    images: NDArray
    labels: NDArray
    layers: list[tuple[Structure, NDArray, NDArray]]


Work = Dendritic | Layer | Perceptron
_KINDS = {kind.__name__: kind for kind in (Dendritic, Layer, Perceptron)}


def to_record(work: Work) -> dict[str, Any]:
    """What `from_record` makes an equal work of; JSON can hold it."""
    return {"work": type(work).__name__, **asdict(work)}


def from_record(record: dict[str, Any]) -> Work:
    """The work that `to_record` recorded."""
    fields = dict(record)
    return _KINDS[fields.pop("work")](**fields)


def batches(start: DendriticStart | PerceptronStart, batch: int) -> list[NDArray]:
    """Indices of 16 batches, the same for every contestant."""
    rng = np.random.default_rng(1)
    return [rng.choice(len(start.images), batch, replace=False) for _ in range(16)]


def floats(images: NDArray) -> NDArray:
    """Images as float32, bytes scaled to 0 … 1."""
    return images.astype(np.float32) / np.float32(255) if images.dtype == np.uint8 else images


def _pool(batch: int, inputs: int) -> int:
    return max(batch, min(4096, POOL // inputs))


def _values(rng: np.random.Generator, count: int, fan_in: int) -> NDArray:
    """Uniform weights whose sums over `fan_in` inputs keep their size; made in place."""
    values = rng.random(count, np.float32)
    values -= 0.5
    values *= 2 * (3 / fan_in) ** 0.5
    return values
