"""The named models of Chavlis & Poirazi (2025, Methods), composed of the same layers."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from . import connectivity
from .backends import NumpyBackend
from .connectivity import Structure
from .errors import InputError
from .initializers import INITIALIZERS
from .layers import Dendritic, Dense, Layer, LeakyReLU
from .network import Network
from .randomness import stream

ImageShape = tuple[int, int, int]


@dataclass(frozen=True)
class Block:
    """One dendrosomatic block to be built: its sizes and where its connections come from."""

    rng: np.random.Generator
    image_shape: ImageShape
    dendrites: int
    somata: int
    synapses: int

    @property
    def inputs(self) -> int:
        """Values in an image."""
        return int(np.prod(self.image_shape))


def _random(block: Block) -> Structure:
    total = block.somata * block.dendrites
    return connectivity.random(block.rng, block.inputs, total, block.synapses)


def _local(block: Block) -> Structure:
    total = block.somata * block.dendrites
    return connectivity.local(block.rng, block.image_shape, total, block.synapses)


def _global(block: Block) -> Structure:
    return connectivity.global_(
        block.rng, block.image_shape, block.somata, block.dendrites, block.synapses
    )


def _tree(sample: Callable[[Block], Structure]) -> Callable[[Block], list[Layer]]:
    """Sampled synapses, and cables from each dendrite to its own soma."""

    def layers(block: Block) -> list[Layer]:
        return [Dendritic(sample(block), connectivity.tree(block.somata, block.dendrites))]

    return layers


def _all_to_all(block: Block) -> list[Layer]:
    """Two dense layers of as many nodes as there would be dendrites and somata."""
    total = block.somata * block.dendrites
    return [
        Dense(block.inputs, total),
        LeakyReLU(total),
        Dense(total, block.somata),
        LeakyReLU(block.somata),
    ]


#: The layers of one dendrosomatic block, by the model's name.
MODELS: dict[str, Callable[[Block], list[Layer]]] = {
    "dann-r": _tree(_random),
    "dann-lrf": _tree(_local),
    "dann-grf": _tree(_global),
    "vann": _all_to_all,
}


def check(model: str, dendrites: int, somata: int, synapses: int, layers: int) -> None:
    """Check what can be checked without a data set.

    Raises
    ------
    InputError
        Where the model is unknown or a number is below 1.
    """
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(f"unknown model '{model}': {hint}the models are {', '.join(MODELS)}")
    sizes = {
        "dendrites": dendrites,
        "somata": somata,
        "synapses": synapses,
        "layers": layers,
    }
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"{name} is {value}: give 1 or more")


def build(
    model: str,
    image_shape: ImageShape,
    classes: int,
    *,
    dendrites: int = 16,
    somata: int = 64,
    synapses: int = 16,
    layers: int = 1,
    initializer: str = "glorot",
    seed: int = 1,
    backend: NumpyBackend | None = None,
    dtype: DTypeLike = np.float32,
) -> Network:
    """Build a named model with fresh weights.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    image_shape : (int, int, int)
        Height, width, channels.
    classes : int
    dendrites : int
        Per soma.
    somata : int
    synapses : int
        Per dendrite; for receptive fields, pixels per dendrite, each taken in every channel.
    layers : int
        Dendrosomatic blocks. From the second on, the inputs are the somata before, laid out on the
        most nearly square grid.
    initializer : {"glorot", "sparse"}
    seed : int
        Of connections and weights.
    backend : NumpyBackend, optional
    dtype : float32 or float64

    Raises
    ------
    InputError
        Where the model is unknown or the numbers do not fit.
    """
    if initializer not in INITIALIZERS:
        raise InputError(f"unknown initializer '{initializer}': choose {' or '.join(INITIALIZERS)}")
    stack = stacked(
        model,
        image_shape,
        classes,
        dendrites=dendrites,
        somata=somata,
        synapses=synapses,
        layers=layers,
        seed=seed,
    )
    network = Network(stack, image_shape, backend=backend, dtype=dtype)
    network.initialize(stream(seed, "weights"), INITIALIZERS[initializer])
    return network


def stacked(
    model: str,
    image_shape: ImageShape,
    classes: int,
    *,
    dendrites: int,
    somata: int,
    synapses: int,
    layers: int,
    seed: int,
) -> list[Layer]:
    """Layers of a named model, not yet bound to parameters; arguments and errors as in `build`."""
    check(model, dendrites, somata, synapses, layers)
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise InputError(f"image shape is {image_shape}: give height, width and channels, each ≥ 1")
    if classes < 2:
        raise InputError(f"classes is {classes}: give 2 or more")
    rng = stream(seed, "connectivity")
    stack: list[Layer] = []
    shape = image_shape
    for _ in range(layers):
        stack += MODELS[model](Block(rng, shape, dendrites, somata, synapses))
        shape = connectivity.grid_shape(somata)
    stack.append(Dense(somata, classes))
    return stack
