"""Figure 5: how weights are distributed, and to how many classes nodes respond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import style
from ..analysis import density, entropy, moments, selectivity
from ..analysis.stages import OUTPUT
from ..analysis.weights import Density
from ..errors import InputError
from ..sweep import Kept, Results
from .drawing import Drawing, absent
from .panels import done, letters, table, title
from .trained import HIDDEN, kept_of, matched

#: Columns of the figure.
MODELS = ("dann-r", "dann-grf", "dann-lrf", "vann")
#: Layers with their names in the figure.
LAYERS = {**HIDDEN, OUTPUT: "output layer"}
#: Opacity of the hidden ones, of which the second is pale.
OPACITY = dict(zip(HIDDEN, (1.0, 0.4), strict=True))
#: Columns of its table, of all trials together. Entropy is the mean over nodes that are active at
#: all, selectivity over every node.
NUMBERS = ("model", "layer", "weights", "kurtosis", "skewness", "range", "entropy", "selectivity")
NONE = np.zeros(0)
#: Of a class's images that a node must respond to.
THRESHOLD = 0.4
HEIGHT = 7.6


def draw(results: Results) -> Drawing:
    """Draw densities of weights (a) and of the entropy of nodes (b), and selectivities (c).

    Each column is a model in the size that matches the vANN's best accuracy, all trials together.
    Weights have a histogram of 20 bins and a Gaussian kernel density; the three layers share an
    axis of weights, and models that of densities. Entropies are those of nodes that some image
    makes active. A node responds to a class where more than 0.4 of its images make it active;
    there is a bin for each number of classes from none to all, one more than in the paper, whose
    last bin holds two numbers.

    Parameters
    ----------
    results : Results
        With weights and activations kept.

    Raises
    ------
    InputError
        Where none of the four models has a finished run.
    """
    networks, missing = matched(results, MODELS)
    figure = style.blank(style.PAGE, HEIGHT)
    axes = figure.subplots(5, len(MODELS))
    rows: list[tuple[Any, ...]] = []
    for column, model in zip(axes.T, MODELS, strict=True):
        colour = style.colour(model)
        each = networks.get(model)
        column[0].set_title(each.title if each else title(model), color=colour)
        weights = _pooled(kept_of(results, each, "weights", missing)) if each else {}
        nodes = kept_of(results, each, "activations", missing) if each else []
        bits = {layer: _bits(nodes, layer) for layer in HIDDEN}
        classes = {layer: _classes(nodes, layer) for layer in HIDDEN}
        for axis, layer in zip(column[:3], LAYERS, strict=True):
            _weights(axis, weights.get(layer), colour)
        _entropies(column[3], bits, bool(nodes), colour)
        _selectivities(column[4], classes, len(nodes[0].class_names) if nodes else 0, colour)
        if weights or nodes:
            found = (weights, bits, classes)
            rows += [
                (model, layer, *_told(*(each.get(layer, NONE) for each in found)))
                for layer in LAYERS
            ]
    _finish(axes)
    notes = [
        f"A node responds to a class where more than {THRESHOLD:.0%} of its images make it active; "
        "c has a bin for each number of classes from none to all"
    ]
    return done(figure, missing, notes, table(NUMBERS, rows))


def _pooled(kept: Sequence[Kept]) -> dict[str, NDArray]:
    """Weights of all trials, by layer."""
    layers = kept[0].weights if kept else ()
    return {layer: np.concatenate([each.weights[layer] for each in kept]) for layer in layers}


def _weights(axis: Any, values: NDArray | None, colour: str) -> None:
    """A panel of a: one layer of a model."""
    found = None if values is None else _density(values)
    if values is None or found is None:
        absent(axis, "no weights kept" if values is None else "all weights are equal")
        return
    axis.stairs(found.heights, found.edges, fill=True, color=colour, alpha=0.3)
    axis.plot(found.grid, found.curve, color=colour)
    told = moments(values)._asdict().items()
    text = "\n".join(f"{name} {value:.2f}" for name, value in told).replace("-", "−")
    axis.text(0.03, 0.97, text, transform=axis.transAxes, va="top", fontsize=5)


def _density(values: NDArray) -> Density | None:
    """Nothing where the values are equal, but for rounding."""
    try:
        return density(values)
    except InputError:
        return None


def _bits(kept: Sequence[Kept], layer: str) -> NDArray:
    """Entropies of the nodes of a layer that some image makes active, all trials together."""
    found = [entropy(each.hits[layer]) for each in kept if layer in each.hits]
    bits = np.concatenate([NONE, *found])
    return bits[~np.isnan(bits)]


def _classes(kept: Sequence[Kept], layer: str) -> NDArray:
    """To how many classes each node of a layer responds, all trials together."""
    found = [
        selectivity(each.hits[layer], each.images_per_class, THRESHOLD)
        for each in kept
        if layer in each.hits
    ]
    return np.concatenate([NONE, *found])


def _entropies(axis: Any, bits: Mapping[str, NDArray], kept: bool, colour: str) -> None:
    """A panel of b: both hidden layers of a model; a line where all nodes of one have the same."""
    if not any(each.size for each in bits.values()):
        absent(axis, "no node is active" if kept else "no activations kept")
        return
    for layer, name in HIDDEN.items():
        alpha = OPACITY[layer]
        if not bits[layer].size:
            continue
        if curve := _density(bits[layer]):
            axis.fill_between(curve.grid, curve.curve, color=colour, alpha=0.6 * alpha, lw=0)
            axis.plot(curve.grid, curve.curve, color=colour, alpha=alpha, label=name)
        else:
            axis.axvline(bits[layer][0], color=colour, alpha=alpha, label=name)


def _selectivities(axis: Any, found: Mapping[str, NDArray], classes: int, colour: str) -> None:
    """A panel of c: shares of the nodes of both hidden layers that respond to so many classes."""
    if not classes:
        absent(axis, "no activations kept")
        return
    edges = np.arange(classes + 2) - 0.5
    axis.xaxis.get_major_locator().set_params(integer=True)
    for layer, name in HIDDEN.items():
        alpha = OPACITY[layer]
        if found[layer].size:
            counts, _ = np.histogram(found[layer], edges)
            axis.stairs(
                counts / counts.sum(), edges, fill=True, color=colour, alpha=0.6 * alpha, label=name
            )


def _told(weights: NDArray, bits: NDArray, classes: NDArray) -> tuple[float, ...]:
    """What the table says of a layer; NaN for what was not kept."""
    found = moments(weights) if weights.size else (np.nan,) * 3
    means = (each.mean() if each.size else np.nan for each in (bits, classes))
    return weights.size, *found, *means


def _finish(axes: Any) -> None:
    """Share axes, and write at the edges what they are."""
    labels = [f"{name}\ndensity of weights" for name in LAYERS.values()]
    labels += ["entropy\ndensity of nodes", "selectivity\nshare of nodes"]
    for row, label in zip(axes, labels, strict=True):
        drawn = [axis for axis in row if axis.axison]
        _share(drawn, "y")
        for axis in drawn:
            axis.tick_params(labelleft=axis is drawn[0])
        if drawn:
            drawn[0].set_ylabel(label)
    _share([axis for axis in axes[:3].flat if axis.axison], "x")
    for row in axes[3:]:
        _share([axis for axis in row if axis.axison], "x")
    for row, name in ((2, "weight"), (3, "entropy (bits)"), (4, "classes responded to")):
        for axis in axes[row]:
            axis.set_xlabel(name)
    for axis in axes[:2].flat:
        axis.tick_params(labelbottom=False)
    for row in axes[3:]:
        labelled = [axis for axis in row if axis.get_legend_handles_labels()[1]]
        if labelled:
            labelled[0].legend(fontsize=5, loc="upper left")
    letters({"a": axes[0, 0], "b": axes[3, 0], "c": axes[4, 0]}, "abc")


def _share(axes: Sequence[Any], which: str) -> None:
    """Give panels the limits that hold all of them."""
    limits = [getattr(axis, f"get_{which}lim")() for axis in axes]
    for axis in axes:
        axis.set(
            **{f"{which}lim": (min(low for low, _ in limits), max(high for _, high in limits))}
        )
