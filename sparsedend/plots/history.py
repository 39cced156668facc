"""How a network learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..training import History

#: Epochs up to which each has a dot.
DOTTED = 30


def history(axis: Any, history: History, figure: str = "loss", colour: str = "#000000") -> None:
    """Draw loss or accuracy over the epochs, of training dashed and of validation solid.

    A circle marks the best epoch: the one of least validation loss, or without validation of least
    training loss.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    history : History
        As `fit` returns it, and a training has it.
    figure : {"loss", "accuracy"}
    colour : str
        Of both curves, as #rrggbb.

    Raises
    ------
    InputError
        Where no epoch is finished, or there is no such figure.
    """
    if figure not in ("loss", "accuracy"):
        raise InputError(f"'{figure}' is no figure of a history: choose loss or accuracy")
    if not history.epochs:
        raise InputError("the history has no epochs: train first")
    epochs = np.arange(1, history.epochs + 1)
    best = history.best_epoch
    marker = "." if history.epochs <= DOTTED else ""
    drawn = False
    for part, line in (("training", "--"), ("validation", "-")):
        values = np.asarray(getattr(history, f"{part}_{figure}"))
        if np.isnan(values).all():
            continue
        axis.plot(epochs, values, line, color=colour, marker=marker, markersize=3, label=part)
        marked = values[best - 1]
        drawn = True
    if not drawn:
        raise InputError(f"the history has no {figure}: its loss tells no right from wrong")
    axis.plot(
        best,
        marked,
        "o",
        color=colour,
        fillstyle="none",
        label=f"best epoch, {best}: {marked:.4g}",
    )
    axis.set_xlabel("epoch")
    axis.set_ylabel(figure)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
