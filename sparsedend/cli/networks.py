"""Commands that compute with networks: train, evaluate, predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .. import backends, checkpoint, run, training
from ..errors import InputError
from ..files import check_free, stamp
from ..settings import PRESETS, SETTINGS, chosen
from .arrays import read_images, write_array
from .options import (
    backend_options,
    compilation_announced,
    dataset_option,
    given,
    json_option,
    no_lock_option,
    overwrite_option,
    say,
    setting_options,
)

MODEL = SETTINGS["model"]
TRAIN_HELP = f"""Train MODEL on a data set, keep a checkpoint, and test once at the end.

MODEL is one of {", ".join(MODEL.choices)}.
"""


@click.command(help=TRAIN_HELP)
@click.argument("model", default=MODEL.default)
@setting_options
@click.option(
    "--preset",
    show_default="none",
    help=f"Protocol for all settings that are not given. One of {', '.join(PRESETS)}.",
)
@backend_options
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    show_default="a new file in ./runs",
    help="Checkpoint to write.",
)
@click.option("--resume", is_flag=True, help="Go on from --output if it exists.")
@overwrite_option
@no_lock_option
@json_option
@click.pass_context
def train(
    context: click.Context,
    preset: str | None,
    backend: str,
    threads: int | None,
    output: Path | None,
    resume: bool,
    overwrite: bool,
    no_lock: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a network; what is shown as help stands above."""
    if resume and output is None:
        raise InputError("--resume is given without --output: name the checkpoint to go on from")
    told = given(context)
    wanted = chosen({name: told[name] for name in settings if name in told}, preset)
    engine = backends.create(backend, threads)
    output = output or run.fresh_output(wanted)
    before = None if resume else stamp(output)
    try:
        with compilation_announced(engine):
            result = run.run(
                wanted,
                output,
                backend=engine,
                resume=resume,
                overwrite=overwrite,
                no_lock=no_lock,
                say=say,
            )
    except KeyboardInterrupt:
        if stamp(output) != before:  # Else it is the old file, which nothing has replaced yet.
            line = f"Stopped; '{output}' holds the last finished epoch: --resume goes on from it"
            click.echo(f"{line}, with --output {output}.", err=True)
            raise click.exceptions.Exit(130) from None
        raise
    click.echo(
        f"{result['model']} on {result['dataset']}: test accuracy {result['test_accuracy']:.2%}, "
        f"loss {result['test_loss']:.4f}, with {result['parameters']:,} parameters "
        f"({result['density']:.2%} of all to all) after {result['epochs']} epochs "
        f"in {result['train_seconds']:.1f} s"
    )
    if wanted.patience is not None:
        click.echo(f"early stopping: the parameters are those of epoch {result['best_epoch']}")
    click.echo(f"checkpoint: {result['checkpoint']}")
    if as_json:
        click.echo(json.dumps(result))


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@dataset_option
@backend_options
@json_option
def evaluate(
    path: Path, dataset: str | None, backend: str, threads: int | None, as_json: bool
) -> None:
    """Compute loss and accuracy of CHECKPOINT on the test images of a data set."""
    engine = backends.create(backend, threads)
    state = checkpoint.read(path, backend=engine)
    images = run.images_of(path, state.about, dataset)
    with compilation_announced(engine):
        tested = training.evaluate(state.network, images.test_x, images.test_y)
    click.echo(f"{images.name}: test accuracy {tested.accuracy:.2%}, loss {tested.loss:.4f}")
    if as_json:
        facts = {"test_accuracy": tested.accuracy, "test_loss": tested.loss}
        click.echo(json.dumps({"checkpoint": str(path), "dataset": images.name, **facts}))


@click.command()
@click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Array to write, an .npy file."
)
@overwrite_option
@click.option("--probabilities", is_flag=True, help="Write probabilities of all classes.")
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
    """Compute the classes that CHECKPOINT gives to IMAGES.

    IMAGES is an .npy array (images, height, width, channels), or an HDF5 file whose data set `x`,
    else `test/x`, is one.
    """
    check_free(output, overwrite=overwrite)
    engine = backends.create(backend, threads)
    network = checkpoint.load(path, backend=engine)
    with compilation_announced(engine):
        found = training.predict(network, read_images(images), probabilities=probabilities)
    write_array(output, found)
    click.echo(f"{len(found):,} predictions: {output}")
