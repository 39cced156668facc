"""A trained network as the few steps that a program without it must do, for every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..layers import (
    Dendritic,
    Dense,
    Dropout,
    Identity,
    Layer,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Sparse,
    Tanh,
)
from ..losses import Huber, Loss, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from ..network import Network
from ..structure import Structure


@dataclass(frozen=True)
class Linear:
    """``y = W x + b``.

    Attributes
    ----------
    name : str
        An identifier, different for each.
    weights : (outputs, inputs), or (nnz,) where there is a structure; float32
    bias : (outputs,) float32
    structure : Structure, optional
    """

    name: str
    weights: NDArray
    bias: NDArray
    structure: Structure | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs."""
        return self.weights.shape if self.structure is None else self.structure.shape

    @property
    def fan_in(self) -> NDArray:
        """Weights of each row, (outputs,)."""
        outputs, inputs = self.shape
        return np.full(outputs, inputs) if self.structure is None else self.structure.fan_in

    @property
    def even(self) -> bool:
        """Whether all rows have the same number of weights, at least one."""
        return bool(self.fan_in[0] and (self.fan_in == self.fan_in[0]).all())

    @property
    def in_order(self) -> bool:
        """Whether the connections take the inputs one after the other, as those of a tree do."""
        if self.structure is None:
            return False
        return np.array_equal(self.structure.indices, np.arange(self.shape[1]))


@dataclass(frozen=True)
class Function:
    """``y = f(x)``, of as many outputs as inputs.

    Attributes
    ----------
    kind : str
        That of an activation, or "softmax".
    numbers : tuple of float
        Further arguments: the slope of leaky ReLU.
    """

    kind: str
    numbers: tuple[float, ...] = ()


Step = Linear | Function


@dataclass(frozen=True)
class Program:
    """What a network computes of a sample, and in which words to say so.

    Attributes
    ----------
    inputs, outputs : int
    steps : tuple of Step
        At least one is linear.
    takes, gives : str
        What the inputs and the outputs are.
    """

    inputs: int
    outputs: int
    steps: tuple[Step, ...]
    takes: str
    gives: str

    @property
    def linear(self) -> list[Linear]:
        """The steps that have parameters."""
        return [step for step in self.steps if isinstance(step, Linear)]


#: What the outputs become, and are then, by the loss of a network.
ANSWERS: dict[type[Loss], tuple[tuple[Function, ...], str]] = {
    SoftmaxCrossEntropy: ((Function("softmax"),), "probabilities of the classes"),
    SigmoidCrossEntropy: ((Function(Sigmoid.kind),), "probabilities of the labels"),
    MeanSquaredError: ((), "values"),
    Huber: ((), "values"),
}


def program(network: Network, *, raw: bool = False) -> Program:
    """The steps of a network outside of training, in float32.

    Parameters
    ----------
    network : Network
    raw : bool
        Whether to end with the network's outputs, as those of ``predict(…, raw=True)``, rather
        than with probabilities, where the loss has them.

    Raises
    ------
    InputError
        Where a layer or the loss is the user's own, there are no parameters, or one is not finite
        in float32.
    """
    steps = [step for number in range(len(network.layers)) for step in _steps(network, number)]
    if network.size == 0:
        raise InputError("the network has no parameters, so nothing to export: give it layers")
    known = ((), "raw outputs") if raw else ANSWERS.get(type(network.loss))
    if known is None:
        raise InputError(
            f"what outputs mean to the loss {type(network.loss).__name__} cannot be exported: "
            "give `raw=True`, and do it in the program that reads them"
        )
    shape = " × ".join(map(str, network.image_shape))
    takes = f"{shape} features"
    if len(network.image_shape) == 3:
        takes = f"{shape} pixels, row by row, bytes divided by 255"
    answer, gives = known
    return Program(network.inputs, network.outputs, (*steps, *answer), takes, gives)


def _steps(network: Network, number: int) -> Iterator[Step]:
    """Those of one layer."""
    layer = network.layers[number]
    if type(layer) not in LAYERS:
        raise InputError(
            f"layer {number} ({layer.kind}) is a {type(layer).__name__}, which cannot be exported: "
            "make the network of the layers in sd.layers"
        )
    for step in LAYERS[type(layer)](layer):
        if isinstance(step, Function):
            yield step
            continue
        name, bias = step
        yield _linear(layer, number, name, bias)


def _linear(layer: Layer, number: int, name: str, bias: str) -> Linear:
    found = []
    for parameter in (name, bias):
        values = layer.backend.fetch(layer.parameters[parameter])
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise InputError(
                f"the parameter {parameter} of layer {number} ({layer.kind}) has values that are "
                "not finite in float32: train the network again"
            )
        found.append(values)
    weights, biases = found
    structure = layer.structures.get(name)
    if structure is not None and structure.nnz == 0:
        # One connection of weight 0, as few formats know arrays without entries.
        indptr = np.minimum(np.arange(structure.shape[0] + 1), 1)
        structure = Structure(indptr, np.zeros(1, np.int32), structure.shape)
        weights = np.zeros(1, np.float32)
    title = f"layer{number}" if name == "weights" else f"layer{number}_{name}"
    return Linear(title, weights, biases, structure)


#: Names of a matrix and its biases among a layer's parameters.
Names = tuple[str, str]


def _dendritic(layer: Any) -> list[Function | Names]:
    of_dendrites, of_somata = layer.activations
    return [
        ("synapses", "dendrite_bias"),
        *LAYERS[type(of_dendrites)](of_dendrites),
        ("cables", "soma_bias"),
        *LAYERS[type(of_somata)](of_somata),
    ]


def _weights(layer: Any) -> list[Function | Names]:
    return [("weights", "bias")]


def _function(layer: Any) -> list[Function | Names]:
    return [Function(layer.kind, layer.numbers)]


def _nothing(layer: Any) -> list[Function | Names]:
    return []


#: Layers of exactly these classes: one that derives from them may do anything.
LAYERS: dict[type[Layer], Callable[[Any], list[Function | Names]]] = {
    Dendritic: _dendritic,
    Sparse: _weights,
    Dense: _weights,
    Dropout: _nothing,
    Identity: _nothing,
} | dict.fromkeys((LeakyReLU, ReLU, Tanh, Sigmoid, Softplus), _function)
