"""What the panels of all figures share: letters, names, shades, notes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .. import style
from ..analysis import Configuration
from ..datasets import Dataset
from .drawing import GREY, Drawing

#: Data sets of the paper, in its order, as it writes them.
DATASETS = {
    "mnist": "MNIST",
    "fmnist": "FMNIST",
    "kmnist": "KMNIST",
    "emnist": "EMNIST",
    "cifar10": "CIFAR-10",
}
#: Models of figures 2 and 3 and of table 1.
MODELS = ("dann-r", "dann-lrf", "dann-grf", "pdann", "vann")
#: Those of the other figures and of table 2.
FOUR = ("dann-r", "dann-lrf", "dann-grf", "vann")
#: Shown of a data set, at most.
CLASSES = 10
#: Letters in a line of notes as wide as a page, and the size of their type.
LINE, SMALL = 165, 5.5


def title(model: str) -> str:
    """A model's name in the paper: ``dANN-LRF`` for ``dann-lrf``."""
    family, _, rule = model.partition("-")
    return "-".join(filter(None, [family.replace("ann", "ANN"), rule.upper()]))


def size(each: Configuration) -> str:
    """Dendrites and somata of a configuration, in the paper's letters."""
    return f"D={each.dendrites} S={each.somata}"


def named(dataset: str) -> str:
    """A data set's name in the paper, or its own."""
    return DATASETS.get(dataset, dataset)


def letters(axes: Mapping[str, Any], given: Iterable[str]) -> None:
    """Write each panel's letter above its upper left corner."""
    for letter in given:
        axes[letter].set_title(letter, loc="left", fontweight="bold", fontsize=10)


def confidence(deviation: float, trials: int) -> float:
    """Half the width of the 95 % confidence interval of a mean, by Student's t; NaN of one trial.

    Parameters
    ----------
    deviation : float
        Standard deviation of the samples.
    trials : int
    """
    if trials < 2:
        return math.nan
    return float(special.stdtrit(trials - 1, 0.975)) * deviation / math.sqrt(trials)


def mixed(colour: str, other: str, share: float) -> tuple[float, ...]:
    """A colour with so large a share of another one in it: white makes it light, black dark."""
    to_rgb = style.library().colors.to_rgb
    return tuple((1 - share) * np.array(to_rgb(colour)) + share * np.array(to_rgb(other)))


def lines(
    axis: Any, x: Sequence[float], middle: Sequence[float], half: Sequence[float], **how: Any
) -> None:
    """Points joined by a line, in a shade of `half` to both sides; none where that is NaN."""
    low, high = np.subtract(middle, half), np.add(middle, half)
    axis.plot(x, middle, marker="o", markersize=2, **how)
    axis.fill_between(x, low, high, color=how["color"], alpha=0.15, lw=0)


def legend(figure: Any, entries: Mapping[str, Mapping[str, Any]], columns: int) -> None:
    """A legend of lines or patches above all panels, row by row, by their names and looks."""
    style.library()
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        (Patch(**looks) if "facecolor" in looks else Line2D([], [], **looks), style.plain(name))
        for name, looks in entries.items()
    ]
    # Matplotlib fills column after column.
    handles = [each for first in range(columns) for each in handles[first::columns]]
    how = {"loc": "outside upper center", "ncols": columns, "handlelength": 2.6}
    figure.legend([each for each, _ in handles], [name for _, name in handles], **how)


def examples(data: Dataset, count: int) -> tuple[NDArray, list[str]]:
    """The first `count` test images of each of the first ten classes that have them.

    They are fewer where no class has so many.

    Returns
    -------
    (images, height, width, channels) array
        Class after class.
    list of str
        Names of the classes.
    """
    found = [np.flatnonzero(data.test_y == label)[:count] for label in range(data.classes)]
    count = max(own.size for own in found)
    there = [label for label, own in enumerate(found) if own.size == count][:CLASSES]
    chosen = np.concatenate([found[label] for label in there])
    return data.test_x[chosen], [data.class_names[label] for label in there]


def strip(axis: Any, images: NDArray, captions: Sequence[str]) -> None:
    """Images side by side, with captions below, each of as many images as there are for one.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    images : (images, height, width, channels)
        uint8, or floats of 0 … 1.
    captions : sequence of str
    """
    axis.set_axis_off()
    if images.dtype == np.uint8:
        images = images / 255
    count, height, width, channels = images.shape
    gap = max(1, width // 14)
    step = width + gap
    canvas = np.ones((height, count * step, 3))
    for place, image in enumerate(images):
        grey = image if channels == 3 else image.mean(-1, keepdims=True)
        canvas[:, place * step : place * step + width] = grey
    axis.imshow(canvas, interpolation="nearest")
    share = count * step / len(captions)
    for place, caption in enumerate(captions):
        at = ((place + 0.5) * share - gap / 2, height * 1.06)
        axis.text(*at, style.plain(caption), ha="center", va="top", fontsize=6)


def table(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> dict[str, NDArray]:
    """Rows as columns by name; no columns where there are no rows."""
    if not rows:
        return {}
    columns = zip(*rows, strict=True)
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}


def done(
    figure: Any,
    missing: Iterable[str],
    notes: Iterable[str] = (),
    numbers: Mapping[str, NDArray] | None = None,
) -> Drawing:
    """The figure with what is missing, and what it must say besides, below its panels."""
    missing = list(dict.fromkeys(missing))
    said = [*(f"Missing: {line}." for line in missing), *(f"{line}." for line in notes)]
    text = "\n".join(line for each in said for line in textwrap.wrap(each, LINE))
    figure.supxlabel(style.plain(text), x=0.01, ha="left", fontsize=SMALL, color=GREY)
    return Drawing(figure, missing, numbers)
