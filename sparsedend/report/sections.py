"""Sections of the page on a checkpoint; each raises InputError where there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import analysis, plots, run, style
from ..analysis.weights import Density
from ..errors import InputError
from ..settings import SETTINGS
from ..training import History
from . import markup, pictures
from .markup import Markup, element
from .subject import Subject

#: Images that are taken for other classes, and pairs of classes, at most.
IMAGES, PAIRS = 24, 10
#: Hidden layers that one picture has room for.
LAYERS = 4
LINES = ("-", "--", ":", "-.")


def configuration(subject: Subject) -> Markup:
    """Settings of the run."""
    about = subject.state.about
    if "settings" not in about:
        raise InputError("the checkpoint does not say with which settings it was trained")
    settings = run.settings_of(subject.path, about, tolerant=True)
    rows = [
        (known.title, known.none if value is None else str(value), known.words)
        for (name, value), known in zip(asdict(settings).items(), SETTINGS.values(), strict=True)
    ]
    written = about.get("written_by")
    return Markup(
        markup.table("Settings", {"setting": "", "value": "", "meaning": ""}, rows)
        + (element("p", f"Trained by sparsedend {written}.") if written else "")
    )


def network(subject: Subject) -> Markup:
    """Layers, their connections and parameters."""
    rows = [
        (
            number,
            layer.kind,
            layer.inputs,
            layer.outputs,
            ", ".join(each.rule for each in layer.structures.values()),
            layer.size,
            layer.size / layer.dense_size if layer.size else None,
        )
        for number, layer in enumerate(subject.network.layers)
    ]
    columns = {"layer": "d", "kind": "", "inputs": ",d", "outputs": ",d", "connections": ""}
    columns |= {"parameters": ",d", "of all to all": ".2%"}
    return Markup(
        markup.table("Layers", columns, rows)
        + element("p", f"The loss is {subject.network.loss!r}.")
    )


def curves(subject: Subject) -> Markup:
    """Loss and accuracy over the epochs."""
    history = subject.history
    names = ["loss", "accuracy"] if subject.network.loss.judges else ["loss"]
    return _side_by_side(
        pictures.picture(
            partial(_curve, history, name, subject.colour),
            f"{name.capitalize()} of training and validation over {history.epochs} epochs; the "
            f"best is {history.best_epoch}.",
        )
        for name in names
    )


def confusion(subject: Subject) -> Markup:
    """Which classes are taken for which others."""
    dataset = subject.dataset
    names = dataset.class_names
    counts = analysis.confusion_matrix(dataset.test_y, subject.predicted, dataset.classes)
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [divmod(int(at), dataset.classes) for at in order if wrong.flat[at]]

    def draw(figure: Any, axis: Any) -> None:
        plots.confusion(axis, counts, names)
        style.fit(figure, axis, 1.6, 1.4)

    drawn = pictures.picture(
        draw,
        f"Confusion matrix of {dataset.classes} classes: {np.trace(counts):,} of "
        f"{counts.sum():,} test images are on its diagonal.",
    )
    rows = [
        (names[is_], names[taken], int(wrong[is_, taken]), wrong[is_, taken] / counts[is_].sum())
        for is_, taken in pairs
    ]
    columns = {"class": "", "taken for": "", "images": ",d", "of its class": ".1%"}
    return Markup(
        element("div", element("figure", drawn), class_="pictures")
        + (markup.table("Most frequent confusions", columns, rows) if rows else "")
    )


def most_confused(subject: Subject) -> Markup:
    """Images that are taken for another class with the most confidence."""
    dataset, probabilities = subject.dataset, subject.probabilities
    predicted = subject.predicted
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != dataset.test_y)
    if not wrong.size:
        return element("p", f"All {len(predicted):,} test images are right.")
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")[:IMAGES]]
    names = dataset.class_names
    images = [
        markup.figure(
            pictures.pixels(
                dataset.test_x[at], f"Test image {at} of class {names[dataset.test_y[at]]}"
            ),
            f"{names[dataset.test_y[at]]}, taken for {names[predicted[at]]} ({confidence[at]:.1%})",
        )
        for at in shown
    ]
    are = "are" if wrong.size > 1 else "is"
    said = f"Of {len(predicted):,} test images {wrong.size:,} {are} taken for another class"
    which = f"; these {len(shown)} with the highest probability." if len(shown) > 1 else "."
    return Markup(element("p", said + which) + element("div", *images, class_="pictures images"))


def receptive_fields(subject: Subject) -> Markup:
    """What dendrites look at."""
    shape = " × ".join(map(str, subject.network.image_shape[:2]))

    def draw(figure: Any, axis: Any) -> None:
        plots.receptive_fields(axis, subject.network)
        style.fit(figure, axis, 1.8, 0.9)

    drawn = pictures.picture(
        draw,
        f"Synaptic weights of dendrites over the image of {shape}, a row for each soma.",
    )
    said = "Red inputs excite a dendrite, blue ones inhibit it, grey ones have no synapse on it."
    return element("div", markup.figure(drawn, said), class_="pictures")


def weights(subject: Subject) -> Markup:
    """How weights are distributed, layer by layer."""
    of_layers = {
        name: values
        for name, values in analysis.layer_weights(subject.network).items()
        if values.size
    }
    if not of_layers:
        raise InputError("no layer of the network has weights")
    rows = [
        (name, values.size, float(values.std()), *analysis.moments(values))
        for name, values in of_layers.items()
    ]
    columns = {"layer": "", "weights": ",d", "standard deviation": ".3g", "kurtosis": ".2f"}
    columns |= {"skewness": ".2f", "range": ".3g"}
    densities = {name: _density(values) for name, values in of_layers.items()}
    drawn = [(name, found) for name, found in densities.items() if found]
    return Markup(
        _side_by_side(
            pictures.picture(
                partial(_weights, name, found, subject.colour),
                f"Density of the weights of layer {name}.",
            )
            for name, found in drawn[:LAYERS]
        )
        + _first(len(drawn))
        + markup.table("Weights", columns, rows)
    )


def nodes(subject: Subject) -> Markup:
    """To how many classes the nodes of hidden layers respond."""
    dataset = subject.dataset
    hits = analysis.layer_hits(subject.network, dataset.test_x, dataset.test_y, dataset.classes)
    if not hits:
        raise InputError("the network has no hidden layer")
    images = np.bincount(dataset.test_y, minlength=dataset.classes)
    entropy = {name: analysis.entropy(each) for name, each in hits.items()}
    selectivity = {name: analysis.selectivity(each, images) for name, each in hits.items()}
    rows = []
    for name, bits in entropy.items():
        active = bits[~np.isnan(bits)]
        mean = active.mean() if active.size else None
        rows.append((name, len(bits), len(bits) - active.size, mean, selectivity[name].mean()))
    columns = {"layer": "", "nodes": ",d", "never active": ",d", "mean entropy in bits": ".2f"}
    columns |= {"mean number of classes": ".2f"}
    drawn = (
        pictures.picture(
            partial(_entropy, entropy, dataset.classes, subject.colour),
            "Distribution of the entropy of the nodes of each hidden layer.",
        ),
        pictures.picture(
            partial(_selectivity, selectivity, dataset.classes, subject.colour),
            "Share of the nodes of each hidden layer by the number of classes they respond to.",
        ),
    )
    said = (
        "A node responds to a class where more than 40 % of the class's test images make it active "
        "(above 0). Its entropy is that of the classes of the images that make it active, and of "
        "the images that do not: the higher, the more classes it mixes. The mean entropy is that "
        "of the nodes that some image makes active, the mean number of classes that of all."
    )
    return Markup(
        element("p", said)
        + _side_by_side(drawn)
        + _first(len(hits))
        + markup.table("Nodes", columns, rows)
    )


def _side_by_side(drawn: Iterable[Markup]) -> Markup:
    return element("div", *(element("figure", each) for each in drawn), class_="pictures")


def _first(layers: int) -> Markup:
    """Says that not all layers are drawn, where they are not."""
    if layers <= LAYERS:
        return Markup()
    return element("p", f"The first {LAYERS} of {layers} layers are drawn.")


def _curve(history: History, name: str, colour: str, figure: Any, axis: Any) -> None:
    plots.history(axis, history, name, colour)


def _density(values: NDArray) -> Density | None:
    """Nothing where the values are equal, but for rounding."""
    try:
        return analysis.density(values)
    except InputError:
        return None


def _weights(name: str, found: Density, colour: str, figure: Any, axis: Any) -> None:
    axis.stairs(found.heights, found.edges, fill=True, color=colour, alpha=0.35)
    axis.plot(found.grid, found.curve, color=colour)
    axis.set_title(name)
    axis.set_xlabel("weight")
    axis.set_ylabel("density")


def _entropy(
    entropy: dict[str, NDArray], classes: int, colour: str, figure: Any, axis: Any
) -> None:
    for (name, bits), line in zip(entropy.items(), LINES, strict=False):
        active = bits[~np.isnan(bits)]
        if not active.size:
            continue
        if found := _density(active):
            axis.plot(found.grid, found.curve, line, color=colour, label=name)
        else:
            axis.axvline(active[0], linestyle=line, color=colour, label=name)
    axis.set_xlim(0, np.log2(classes + 1))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("entropy in bits")
    axis.set_ylabel("density")
    axis.legend()


def _selectivity(
    selectivity: dict[str, NDArray], classes: int, colour: str, figure: Any, axis: Any
) -> None:
    edges = np.arange(classes + 2) - 0.5
    for (name, numbers), line in zip(selectivity.items(), LINES, strict=False):
        shares = np.bincount(numbers, minlength=classes + 1) / len(numbers)
        axis.stairs(shares, edges, color=colour, linestyle=line, label=name)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("number of classes")
    axis.set_ylabel("share of nodes")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
