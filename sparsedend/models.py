"""The twelve models of Chavlis & Poirazi (2025, Methods), composed of the same layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import connectivity
from .backends import Backend
from .errors import InputError, suggestion
from .initializers import named
from .layers import Dendritic, Dense, Dropout, Layer, LeakyReLU, Sparse
from .losses import Loss, SoftmaxCrossEntropy
from .network import Network, checked_shape
from .numbers import real, whole
from .randomness import stream
from .structure import INT32_MAX, Structure

#: Height, width and channels of images, or the number of features of a table.
ImageShape = tuple[int, ...]

#: At most, of dendrosomatic ones.
LAYERS = 1000
ALL_TO_ALL = "all to all"
TREE = "tree"


@dataclass(frozen=True)
class Matrix:
    """A matrix of weights to be, with a bias for each row; its size is known before it is drawn.

    Attributes
    ----------
    name : {"synapses", "cables", "classes"}
    rule : str
        Who connects to whom.
    outputs, inputs : int
        Rows and columns.
    nnz : int
        Weights that will exist.
    draw : callable, optional
        Makes the structure; None where every input reaches every output, or it exists already.
    """

    name: str
    rule: str
    outputs: int
    inputs: int
    nnz: int
    draw: Callable[[np.random.Generator], Structure] | None = None

    @property
    def parameters(self) -> int:
        """Weights and biases that will exist."""
        return self.nnz + self.outputs

    @property
    def dense_parameters(self) -> int:
        """Weights and biases if every input reached every output."""
        return (self.inputs + 1) * self.outputs

    @property
    def sparse(self) -> bool:
        """Whether some connections do not exist."""
        return self.rule != ALL_TO_ALL


@dataclass(frozen=True)
class Block:
    """One dendrosomatic block to be: the shape of its inputs, and its sizes as in `build`."""

    image_shape: ImageShape
    dendrites: int
    somata: int
    synapses: int
    exact: bool

    @property
    def inputs(self) -> int:
        """Values in an image."""
        return math.prod(self.image_shape)

    @property
    def pixels(self) -> int:
        """Values in one channel of an image.

        Raises
        ------
        InputError
            Where the inputs are no images.
        """
        if len(self.image_shape) != 3:
            raise InputError(
                f"receptive fields are asked for on {self.inputs} features: give an image shape, "
                "or choose random synapses, such as dann-r has"
            )
        height, width, _ = self.image_shape
        return height * width

    @property
    def total(self) -> int:
        """Dendrites of all somata."""
        return self.dendrites * self.somata


def _random(block: Block) -> Matrix:
    connectivity.at_most(block.synapses, block.inputs, "synapses", "inputs")
    return Matrix(
        "synapses",
        "random",
        block.total,
        block.inputs,
        block.synapses * block.total,
        lambda rng: connectivity.random(
            rng, block.inputs, block.total, block.synapses, block.exact
        ),
    )


def _local(block: Block) -> Matrix:
    return _receptive_fields(
        block,
        "local",
        lambda rng: connectivity.local(rng, block.image_shape, block.total, block.synapses),
    )


def _global(block: Block) -> Matrix:
    connectivity.at_most(block.dendrites, block.pixels, "dendrites", "pixels to centre them on")
    return _receptive_fields(
        block,
        "global",
        lambda rng: connectivity.global_(
            rng, block.image_shape, block.somata, block.dendrites, block.synapses
        ),
    )


def _receptive_fields(
    block: Block, rule: str, draw: Callable[[np.random.Generator], Structure]
) -> Matrix:
    connectivity.at_most(block.synapses, block.pixels, "synapses", "pixels")
    nnz = block.synapses * block.image_shape[2] * block.total
    return Matrix("synapses", rule, block.total, block.inputs, nnz, draw)


def _every_input(block: Block) -> Matrix:
    return _all_to_all("synapses", block.total, block.inputs)


def _own_dendrites(block: Block) -> Matrix:
    return Matrix(
        "cables",
        TREE,
        block.somata,
        block.total,
        block.total,
        lambda rng: connectivity.tree(block.somata, block.dendrites),
    )


def _random_dendrites(block: Block) -> Matrix:
    """As many cables as a tree has, anywhere; a soma may have none."""
    draw = partial(
        connectivity.sample_positions, rows=block.somata, columns=block.total, total=block.total
    )
    return Matrix("cables", "random", block.somata, block.total, block.total, draw)


def _every_dendrite(block: Block) -> Matrix:
    return _all_to_all("cables", block.somata, block.total)


def _all_to_all(name: str, outputs: int, inputs: int) -> Matrix:
    return Matrix(name, ALL_TO_ALL, outputs, inputs, outputs * inputs)


Rule = Callable[[Block], Matrix]

#: Which inputs a dendrite has, and which dendrites a soma, by the model's name.
MODELS: dict[str, tuple[Rule, Rule]] = {
    "dann-r": (_random, _own_dendrites),
    "dann-lrf": (_local, _own_dendrites),
    "dann-grf": (_global, _own_dendrites),
    "pdann": (_every_input, _own_dendrites),
    "sann": (_random, _random_dendrites),
    "sann-lrf": (_local, _random_dendrites),
    "sann-grf": (_global, _random_dendrites),
    "psann": (_every_input, _random_dendrites),
    "vann": (_every_input, _every_dendrite),
    "vann-r": (_random, _every_dendrite),
    "vann-lrf": (_local, _every_dendrite),
    "vann-grf": (_global, _every_dendrite),
}


def check(model: str, dendrites: int, somata: int, synapses: int, layers: int) -> None:
    """Check what can be checked without a data set.

    Raises
    ------
    InputError
        Where the model is unknown or a number is below 1.
    """
    if model not in MODELS:
        hint = suggestion(model, MODELS)
        raise InputError(f"unknown model '{model}': {hint}the models are {', '.join(MODELS)}")
    for name, value in {"dendrites": dendrites, "somata": somata, "synapses": synapses}.items():
        whole(name, value)
    whole("layers", layers, most=LAYERS)


def plan(
    model: str,
    image_shape: ImageShape | int,
    outputs: int,
    *,
    dendrites: int = 16,
    somata: int = 64,
    synapses: int = 16,
    layers: int = 1,
    exact: bool = False,
) -> list[Matrix]:
    """Matrices of a named model, those of each block and then the outputs', not drawn yet.

    Parameters and errors as in `build`.
    """
    blocks, output = _planned(
        model, image_shape, outputs, dendrites, somata, synapses, layers, exact
    )
    return [*(matrix for block in blocks for matrix in block), output]


def build(
    model: str,
    image_shape: ImageShape | int | None = None,
    outputs: int | None = None,
    *,
    features: int | None = None,
    classes: int | None = None,
    dendrites: int = 16,
    somata: int = 64,
    synapses: int = 16,
    layers: int = 1,
    exact: bool = False,
    dropout: float = 0.0,
    initializer: str = "glorot",
    loss: Loss | None = None,
    seed: int = 1,
    backend: Backend | None = None,
    dtype: DTypeLike = np.float32,
) -> Network:
    """Build a named model with fresh weights.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    image_shape : (int, int, int), or int
        Height, width, channels; or the number of features of a table.
    outputs : int
        Classes, or values.
    features : int, optional
        Of a table, whose numbers are taken as they are; in the place of `image_shape`.
    classes : int, optional
        Two or more, told apart by softmax cross-entropy; in the place of `outputs`.
    dendrites : int
        Per soma.
    somata : int
    synapses : int
        Per dendrite; for receptive fields, pixels per dendrite, each taken in every channel. Of no
        effect where dendrites see every input.
    layers : int
        Dendrosomatic blocks. From the second on, the inputs are the somata before, laid out on the
        most nearly square grid.
    exact : bool
        Random synapses: exactly `synapses` for every dendrite, as the paper's text says, instead of
        on average, as its code does.
    dropout : float
        Rate at which each hidden layer's activations are dropped in training, in [0, 1).
    initializer : {"glorot", "sparse"}
    loss : Loss, optional
        As for `Network`.
    seed : int
        Of connections and weights.
    backend : Backend, optional
    dtype : float32 or float64

    Raises
    ------
    InputError
        Where the model is unknown, the numbers do not fit, or the same is said twice or not at all.
    """
    image_shape = _one_of(image_shape=image_shape, features=features)
    if features is not None:
        image_shape = whole("features", features)
    outputs = _one_of(outputs=outputs, classes=classes)
    if classes is not None:
        outputs, loss = whole("classes", classes, 2), loss or SoftmaxCrossEntropy()
    draw_weights = named(initializer)
    dropout = real("dropout", dropout, 0, 1)
    blocks, output = _planned(
        model, image_shape, outputs, dendrites, somata, synapses, layers, exact
    )
    rng = stream(seed, "connectivity")
    stack: list[Layer] = []
    for matrices in blocks:
        stack += _block(matrices, dropout, rng)
    stack.append(_weights(output, rng))
    network = Network(stack, image_shape, loss=loss, backend=backend, dtype=dtype)
    network.initialize(stream(seed, "weights"), draw_weights)
    return network


def _one_of(**given: Any) -> Any:
    """The one value that was given, of two names for it."""
    values = [value for value in given.values() if value is not None]
    if len(values) != 1:
        both = "both" if values else "neither of"
        raise InputError(f"{both} {' and '.join(given)} are given: give one of them")
    return values[0]


def _planned(
    model: str,
    image_shape: ImageShape | int,
    outputs: int,
    dendrites: int,
    somata: int,
    synapses: int,
    layers: int,
    exact: bool,
) -> tuple[list[list[Matrix]], Matrix]:
    """Matrices of each block, from the inputs up, and that of the outputs."""
    check(model, dendrites, somata, synapses, layers)
    dendrites, somata, synapses, layers = map(int, (dendrites, somata, synapses, layers))
    shape = checked_shape(image_shape)
    outputs = whole("outputs", outputs)
    for name, product in (
        ("dendrites × somata", dendrites * somata),
        ("values in a sample", math.prod(shape)),
    ):
        if product > INT32_MAX:
            raise InputError(f"{name} is {product}: give {INT32_MAX} or less")
    blocks: list[list[Matrix]] = []
    for number in range(layers):
        block = Block(shape, dendrites, somata, synapses, exact)
        try:
            blocks.append([rule(block) for rule in MODELS[model]])
        except InputError as error:
            if number == 0:
                raise
            where = f"layer {number + 1}, whose inputs are the somata of layer {number}"
            raise InputError(f"{where}: {error}") from error
        shape = connectivity.grid_shape(somata)
    return blocks, _all_to_all("classes", outputs, somata)


def _block(matrices: list[Matrix], dropout: float, rng: np.random.Generator) -> list[Layer]:
    """Layers of one block: fused where that is possible."""
    synapses, cables = matrices
    if cables.rule == TREE and synapses.draw and cables.draw and not dropout:
        return [Dendritic(synapses.draw(rng), cables.draw(rng))]
    stack: list[Layer] = []
    for matrix in matrices:
        stack += [_weights(matrix, rng), LeakyReLU(matrix.outputs)]
        if dropout:
            stack.append(Dropout(matrix.outputs, dropout))
    return stack


def _weights(matrix: Matrix, rng: np.random.Generator) -> Layer:
    if matrix.draw is None:
        return Dense(matrix.inputs, matrix.outputs)
    return Sparse(matrix.draw(rng))
