"""Commands on networks: train, evaluate, predict, info."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from .. import backends, checkpoint, datasets, models, run, training
from ..backends import NumpyBackend
from ..errors import InputError
from ..layers import Layer
from .arrays import read_images, write_array

DEFAULTS = run.Settings()


def _options(*options: Callable) -> Callable:
    """Several options as one decorator, in the order given."""

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


size_options = _options(
    click.option("--dendrites", type=int, default=DEFAULTS.dendrites, help="Dendrites per soma."),
    click.option("--somata", type=int, default=DEFAULTS.somata, help="Somata per layer."),
    click.option("--synapses", type=int, default=DEFAULTS.synapses, help="Synapses per dendrite."),
    click.option("--layers", type=int, default=DEFAULTS.layers, help="Dendrosomatic layers."),
    click.option("--seed", type=int, default=DEFAULTS.seed, help="Of everything random."),
)
backend_options = _options(
    click.option("--backend", default="auto", help=f"One of {', '.join(backends.BACKENDS)}."),
    click.option("--threads", type=int, help="Threads to compute with.  [default: all cores]"),
)
json_option = click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")


@click.command()
@click.argument("model", default=DEFAULTS.model)
@click.option("--dataset", default=DEFAULTS.dataset, help="A name or the path of an HDF5 file.")
@size_options
@click.option("--epochs", type=int, help="Epochs in all.  [default: the paper's]")
@click.option("--batch-size", type=int, default=DEFAULTS.batch_size, help="Images in a step.")
@click.option("--learning-rate", type=float, default=DEFAULTS.learning_rate, help="Adam's.")
@backend_options
@click.option(
    "--output", type=click.Path(path_type=Path), help="Checkpoint.  [default: new in ./runs]"
)
@click.option("--resume", is_flag=True, help="Go on from --output if it exists.")
@click.option("--overwrite", is_flag=True, help="Replace --output if it exists.")
@json_option
def train(
    backend: str,
    threads: int | None,
    output: Path | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train MODEL on a data set, keep a checkpoint, test once at the end."""
    if resume and overwrite:
        raise InputError("--resume and --overwrite are both given: choose one")
    if resume and output is None:
        raise InputError("--resume is given without --output: name the checkpoint to go on from")
    chosen = run.Settings(**settings)
    chosen.check()
    engine = backends.create(backend, threads)
    output = output or run.fresh_output(chosen)
    try:
        with _compilation_announced(engine):
            result = run.run(
                chosen,
                output,
                backend=engine,
                resume=resume,
                overwrite=overwrite,
                say=lambda line: click.echo(line, err=True),
            )
    except KeyboardInterrupt:
        if output.exists():
            line = f"Stopped; '{output}' holds the last finished epoch: --resume goes on from it."
            click.echo(line, err=True)
            raise click.exceptions.Exit(130) from None
        raise
    click.echo(
        f"{result['model']} on {result['dataset']}: test accuracy {result['test_accuracy']:.2%}, "
        f"loss {result['test_loss']:.4f}, with {result['parameters']:,} parameters "
        f"({result['density']:.2%} of all to all) after {result['epochs']} epochs "
        f"in {result['train_seconds']:.1f} s"
    )
    click.echo(f"checkpoint: {result['checkpoint']}")
    if as_json:
        click.echo(json.dumps(result))


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.option("--dataset", help="A name or an HDF5 file.  [default: the one trained on]")
@backend_options
@json_option
def evaluate(
    path: Path, dataset: str | None, backend: str, threads: int | None, as_json: bool
) -> None:
    """Loss and accuracy of CHECKPOINT on a data set's test images."""
    engine = backends.create(backend, threads)
    state = checkpoint.read(path, backend=engine)
    name = dataset or state.about.get("source")
    if name is None:
        raise InputError(f"'{path}' does not say what it was trained on: give --dataset")
    images = datasets.load(name)
    with _compilation_announced(engine):
        tested = training.evaluate(state.network, images.test_x, images.test_y)
    click.echo(f"{images.name}: test accuracy {tested.accuracy:.2%}, loss {tested.loss:.4f}")
    if as_json:
        facts = {"test_accuracy": tested.accuracy, "test_loss": tested.loss}
        click.echo(json.dumps({"checkpoint": str(path), "dataset": images.name, **facts}))


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="An .npy file to write."
)
@click.option("--overwrite", is_flag=True, help="Replace --output if it exists.")
@click.option("--probabilities", is_flag=True, help="Write (images, classes) probabilities.")
@backend_options
def predict(
    path: Path,
    images: Path,
    output: Path,
    overwrite: bool,
    probabilities: bool,
    backend: str,
    threads: int | None,
) -> None:
    """Classes that CHECKPOINT gives IMAGES.

    IMAGES is an .npy array (images, height, width, channels), or an HDF5 file whose data set `x`,
    else `test/x`, is one.
    """
    if output.exists() and not overwrite:
        raise InputError(f"'{output}' exists: give --overwrite or another --output")
    engine = backends.create(backend, threads)
    network = checkpoint.load(path, backend=engine)
    with _compilation_announced(engine):
        found = training.predict(network, read_images(images), probabilities=probabilities)
    write_array(output, found)
    click.echo(f"{len(found):,} predictions: {output}")


@click.command()
@click.argument("subject", metavar="CHECKPOINT_OR_MODEL")
@click.option("--image-shape", default="28,28,1", help="For a model: height,width,channels.")
@click.option("--classes", type=int, default=10, help="For a model: number of classes.")
@size_options
@json_option
def info(
    subject: str, image_shape: str, classes: int, as_json: bool, seed: int, **sizes: int
) -> None:
    """Layers, parameters and density of a checkpoint or of a model to be built."""
    facts: dict[str, Any]
    if subject in models.MODELS:
        shape = _shape(image_shape)
        stack = models.stacked(subject, shape, classes, seed=seed, **sizes)
        facts = {"model": subject, "image_shape": shape, "classes": classes, "seed": seed, **sizes}
    elif Path(subject).suffix or Path(subject).exists():
        state = checkpoint.read(subject, backend=backends.create("numpy"))
        stack = list(state.network.layers)
        facts = {"checkpoint": subject, "image_shape": state.network.image_shape, **state.about}
    else:
        models.check(subject, **sizes)
        return
    facts |= _size_facts(stack)
    for layer in facts["layer_facts"]:
        click.echo(
            f"{layer['kind']:>10}  {layer['inputs']:>9,} -> {layer['outputs']:<9,}"
            f"{layer['parameters']:>12,} parameters  density {layer['density']:.4%}"
        )
    click.echo(
        f"{facts['parameters']:,} parameters, density {facts['density']:.4%}; training memory "
        f"{facts['memory_bytes'] / 1e6:,.1f} MB, all to all "
        f"{facts['dense_memory_bytes'] / 1e6:,.1f} MB, activations apart"
    )
    if as_json:
        click.echo(json.dumps(facts))


def _size_facts(stack: list[Layer]) -> dict[str, Any]:
    """Sizes of layers that need not be bound to memory."""
    parameters = sum(layer.size for layer in stack)
    dense = sum(layer.dense_size for layer in stack)
    structures = [structure for layer in stack for structure in layer.structures.values()]
    index_bytes = sum(s.indices.nbytes + s.indptr.nbytes for s in structures)
    vectors = 4 * 4  # parameters, gradients and Adam's two moments in float32
    return {
        "layer_facts": [
            {
                "kind": layer.kind,
                "inputs": layer.inputs,
                "outputs": layer.outputs,
                "parameters": layer.size,
                "nnz": {name: s.nnz for name, s in layer.structures.items()},
                "density": layer.size / layer.dense_size if layer.dense_size else 1.0,
            }
            for layer in stack
        ],
        "parameters": parameters,
        "density": parameters / dense,
        "memory_bytes": vectors * parameters + index_bytes,
        "dense_memory_bytes": vectors * dense,
    }


def _shape(text: str) -> tuple[int, int, int]:
    try:
        height, width, channels = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--image-shape is '{text}': give height,width,channels") from None
    return height, width, channels


@contextlib.contextmanager
def _compilation_announced(engine: NumpyBackend) -> Iterator[None]:
    """Say so, once, when kernels are compiled rather than loaded."""
    told: list[bool] = []

    def tell() -> None:
        if not told:
            told.append(True)
            click.echo("Compiling kernels (the first run only; up to 40 s) …", err=True)

    with engine.compilation(tell):
        yield
