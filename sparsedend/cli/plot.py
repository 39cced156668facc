"""The commands that draw a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from .. import analysis, backends, checkpoint, plots, run, style
from ..errors import InputError
from ..files import check_free, write
from .options import backend_options, compilation_announced, dataset_option, overwrite_option

#: Height of a panel that needs none of its own, in inches.
HEIGHT = 2.6
#: Matrices that a picture of connections has at most.
PANELS = 6
FORMATS = ", ".join(f".{form}" for form in style.METADATA)


@click.group()
def plot() -> None:
    """Draw what a network looks at, how it is connected, how it learnt and what it confuses."""


def _picture(command: Callable[..., Any]) -> Callable[..., None]:
    """A command that writes the figure that is returned, in the style of all pictures."""

    @wraps(command)
    def write_picture(path: Path, output: Path, overwrite: bool, **options: Any) -> None:
        form = output.suffix.lower().removeprefix(".")
        if form not in style.METADATA:
            raise InputError(f"'{output}' does not end in one of {FORMATS}: give such a name")
        check_free(output, overwrite=overwrite)
        with style.journal():
            picture = style.encoded(command(path, **options), form)
        write(output, picture)
        click.echo(output)

    for option in (
        overwrite_option,
        click.option(
            *("-o", "--output"),
            required=True,
            type=click.Path(path_type=Path),
            help=f"Picture to write; its ending is one of {FORMATS}.",
        ),
        click.argument("path", metavar="CHECKPOINT", type=click.Path(path_type=Path)),
    ):
        write_picture = option(write_picture)
    return write_picture


_somata = click.option(
    *("--soma", "somata"),
    type=int,
    multiple=True,
    show_default="the first ones",
    help="A soma to draw, counted from 0; may be given several times.",
)


@plot.command("receptive-fields")
@_picture
@_somata
def receptive_fields(path: Path, somata: tuple[int, ...]) -> Any:
    """Draw what the dendrites of each soma look at: their synaptic weights over the image."""
    network = _read(path).network
    figure = style.blank(style.PAGE, style.PAGE)
    axis = figure.subplots()
    plots.receptive_fields(axis, network, somata or None)
    style.fit(figure, axis, 1.6, 0.8)
    return figure


@plot.command()
@_picture
@_somata
@click.option("--block", type=int, default=0, help="The block to draw, counted from 0.")
def tree(path: Path, somata: tuple[int, ...], block: int) -> Any:
    """Draw somata with the dendrites that are on them, and the weights of their cables."""
    network = _read(path).network
    figure = style.blank(style.PAGE, style.PAGE)
    plots.tree(figure.subplots(), network, somata or None, block)
    return figure


@plot.command()
@_picture
def connectivity(path: Path) -> Any:
    """Draw who connects to whom: a panel for each matrix that is not all to all."""
    structures = [
        (f"layer {number}, {name}", structure)
        for number, layer in enumerate(_read(path).network.layers)
        for name, structure in layer.structures.items()
    ]
    if not structures:
        raise InputError(f"every matrix of '{path}' is all to all: there is no choice to draw")
    shown = structures[:PANELS]
    figure = style.blank(style.PAGE, HEIGHT * len(shown))
    axes = figure.subplots(len(shown), squeeze=False).ravel()
    for axis, (name, structure) in zip(axes, shown, strict=True):
        plots.connectivity(axis, structure)
        axis.set_title(f"{name}; {axis.get_title()}")
    if len(structures) > PANELS:
        figure.suptitle(f"the first {PANELS} of {len(structures)} matrices")
    return figure


@plot.command()
@_picture
def history(path: Path) -> Any:
    """Draw loss and accuracy over the epochs."""
    state = _read(path)
    if state.training is None:
        raise InputError(f"'{path}' holds a network without a training, whose history it would be")
    figures = ["loss", "accuracy"] if state.network.loss.judges else ["loss"]
    figure = style.blank(style.PAGE, HEIGHT)
    colour = style.colour(run.model_of(path, state.about))
    for axis, name in zip(figure.subplots(1, len(figures), squeeze=False)[0], figures, strict=True):
        plots.history(axis, state.training.history, name, colour)
    return figure


@plot.command()
@_picture
@dataset_option
@backend_options
def confusion(path: Path, dataset: str | None, backend: str, threads: int | None) -> Any:
    """Draw which classes of a data set's test images are taken for which others."""
    engine = backends.create(backend, threads)
    state = checkpoint.read(path, backend=engine)
    images = run.images_of(path, state.about, dataset)
    with compilation_announced(engine):
        predicted = analysis.class_probabilities(state.network, images).argmax(axis=1)
    counts = analysis.confusion_matrix(images.test_y, predicted, images.classes)
    figure = style.blank(style.PAGE, style.PAGE)
    axis = figure.subplots()
    plots.confusion(axis, counts, images.class_names)
    style.fit(figure, axis, 1.4, 1.2)
    return figure


def _read(path: Path) -> checkpoint.Checkpoint:
    """A checkpoint of which nothing is computed."""
    return checkpoint.read(path, backend=backends.create("numpy"))
