"""The command that says what a network is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .. import backends, checkpoint, models
from ..errors import InputError
from ..files import exists
from ..layers import Layer
from ..models import ALL_TO_ALL, TREE, Matrix
from ..optimizers import Adam, Optimizer
from ..run import settings_of
from .options import json_option, refuse_given, size_options

#: Vectors that every training keeps: parameters and gradients; the optimizer has its own.
VECTORS = 2
#: Bytes of an index, and of a float32.
BYTES = 4


@click.command()
@click.argument("subject", metavar="CHECKPOINT_OR_MODEL")
@click.option(
    "--image-shape", default="28,28,1", help="Height, width and channels that a model is for."
)
@click.option("--classes", type=int, default=10, help="Number of classes that a model is for.")
@size_options
@json_option
@click.pass_context
def info(
    context: click.Context,
    subject: str,
    image_shape: str,
    classes: int,
    as_json: bool,
    **sizes: Any,
) -> None:
    """Tell matrices, parameters, density and memory of a checkpoint, or of a model without one.

    Memory is that of parameters, gradients, the optimizer's vectors and structures in training,
    without activations; the dense equivalent is the same with every matrix all to all.
    """
    facts: dict[str, Any]
    optimizer: Optimizer = Adam()
    if subject not in models.MODELS and (Path(subject).suffix or exists(Path(subject))):
        refuse_given(context, {"image_shape", "classes", *sizes}, f"'{subject}' is no model")
        state = checkpoint.read(subject, backend=backends.create("numpy"))
        optimizer = state.training.optimizer if state.training else optimizer
        facts, matrices = _checkpoint(subject, state)
        itemsize = state.network.dtype.itemsize
    else:
        shape = _shape(image_shape)
        matrices = models.plan(subject, shape, classes, **sizes)
        itemsize = BYTES
        facts = {"model": subject, "image_shape": shape, "classes": classes, **sizes}
    facts |= _size_facts(matrices, itemsize * (VECTORS + len(optimizer.states)))
    _print(facts)
    if as_json:
        click.echo(json.dumps(facts))


def _checkpoint(path: str, state: checkpoint.Checkpoint) -> tuple[dict[str, Any], list[Matrix]]:
    """What a file says of its run, and its matrices."""
    network, about = state.network, state.about
    matrices = [
        matrix
        for number, layer in enumerate(network.layers, start=1)
        for matrix in _matrices(number, layer)
    ]
    if "settings" in about:
        settings_of(path, about, tolerant=True)  # Names what is unknown here.
    facts = {"checkpoint": path, "image_shape": network.image_shape, **about}
    return facts, matrices


def _matrices(number: int, layer: Layer) -> list[Matrix]:
    """Matrices of weights of an existing layer."""
    found = []
    for name, values in layer.parameters.items():
        structure = layer.structures.get(name)
        title = f"{number} {layer.kind}: {name}"
        if structure is not None:
            rows, columns = structure.shape
            found.append(Matrix(title, structure.rule, rows, columns, structure.nnz))
        elif values.ndim == 2:
            rows, columns = values.shape
            found.append(Matrix(title, ALL_TO_ALL, rows, columns, values.size))
    return found


def _size_facts(matrices: list[Matrix], each: int) -> dict[str, Any]:
    """Sizes, with so many bytes for each parameter in training."""
    parameters = sum(matrix.parameters for matrix in matrices)
    dense = sum(matrix.dense_parameters for matrix in matrices)
    return {
        "matrices": [
            {
                "name": matrix.name,
                "rule": matrix.rule,
                "inputs": matrix.inputs,
                "outputs": matrix.outputs,
                "nnz": matrix.nnz,
                "parameters": matrix.parameters,
                "density": matrix.parameters / matrix.dense_parameters,
            }
            for matrix in matrices
        ],
        "parameters": parameters,
        "density": parameters / dense if dense else 1.0,
        "memory_bytes": each * parameters + _index_bytes(matrices),
        "dense_memory_bytes": each * dense,
    }


def _index_bytes(matrices: list[Matrix]) -> int:
    """Memory of the structures, and of their transposes where inputs get a gradient too."""
    total = 0
    for number, matrix in enumerate(matrices):
        if matrix.sparse:
            total += BYTES * (matrix.nnz + matrix.outputs + 1)
            if number > 0 and matrix.rule != TREE:
                total += BYTES * (2 * matrix.nnz + matrix.inputs + 1)
    return total


def _print(facts: dict[str, Any]) -> None:
    if "result" in facts:
        click.echo(_outcome(facts["result"]))
    click.echo(
        f"{'matrix':<24}{'rule':<12}{'inputs -> outputs':>24}{'nnz':>14}{'parameters':>14}"
        f"{'density':>11}"
    )
    for row in facts["matrices"]:
        shape = f"{row['inputs']:,} -> {row['outputs']:,}"
        click.echo(
            f"{row['name']:<24}{row['rule']:<12}{shape:>24}{row['nnz']:>14,}"
            f"{row['parameters']:>14,}{row['density']:>11.4%}"
        )
    click.echo(
        f"{facts['parameters']:,} parameters, density {facts['density']:.4%}; memory in training "
        f"{_bytes(facts['memory_bytes'])}, dense equivalent {_bytes(facts['dense_memory_bytes'])}, "
        "activations apart"
    )


def _outcome(result: Any) -> str:
    """A line on the run that a checkpoint is of."""
    try:
        return (
            f"{result['model']} on {result['dataset']}, seed {result['seed']}, after "
            f"{result['epochs']} epochs: test accuracy {result['test_accuracy']:.2%}, "
            f"loss {result['test_loss']:.4f}"
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError("the checkpoint has no whole result: use another copy of it") from error


def _bytes(count: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e3:,.1f} kB"


def _shape(text: str) -> tuple[int, int, int]:
    try:
        height, width, channels = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--image-shape is '{text}': give height,width,channels") from None
    return height, width, channels
