"""Which configuration is best, which matches the dense network, and how efficient each is.

The rules are those of Chavlis & Poirazi (Nature Communications 16:943, 2025; figures 3 and 4,
Methods). A tidy table is a mapping of column names to arrays with one entry a run, as
`sweep.Results.columns` gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..settings import SETTINGS

Table = Mapping[str, ArrayLike]

#: Columns whose values make a configuration; trials of one differ in their seed alone.
KEYS = ("model", "dataset", "dendrites", "somata")
#: Settings that the trials of a configuration must share, where the table has them.
SHARED = tuple(name for name in SETTINGS if name not in (*KEYS, "seed"))
FIGURES = ("parameters", "best_epoch", "test_accuracy", "test_loss")


@dataclass(frozen=True)
class Configuration:
    """A model of one size on one data set, over its trials.

    Attributes
    ----------
    accuracy, loss : float
        Means over the trials of the test figures; accuracy in 0 … 1, loss in nats.
    accuracy_sd, loss_sd : float
        Standard deviations of the samples; NaN for a single trial.
    parameters : float
        Mean of the trainable parameters.
    best_epoch : float
        Mean of the epoch with least validation loss, counted from 1.
    trials : int
    """

    model: str
    dataset: str
    dendrites: int
    somata: int
    accuracy: float
    accuracy_sd: float
    loss: float
    loss_sd: float
    parameters: float
    best_epoch: float
    trials: int


@dataclass(frozen=True)
class Efficiency:
    """Scores of one configuration among those compared.

    Attributes
    ----------
    f : float
        ``log10(k)`` over the least of those compared, with ``k = parameters · best epoch``.
    accuracy_score : float
        Accuracy / f; higher is better.
    loss_score : float
        Loss · f; lower is better.
    """

    configuration: Configuration
    f: float
    accuracy_score: float
    loss_score: float


def summarize(table: Table) -> list[Configuration]:
    """Means over the trials of every configuration, ordered as the grid is walked.

    That is by model, data set, dendrites, somata, all ascending.

    Raises
    ------
    InputError
        Where a column is missing, or runs that differ in other settings would be mixed.
    """
    missing = [name for name in (*KEYS, *FIGURES) if name not in table]
    if missing:
        raise InputError(f"the table has no column {', '.join(missing)}: give a sweep's results")
    columns = {name: np.asarray(values) for name, values in table.items()}
    groups: dict[tuple, list[int]] = {}
    for index, key in enumerate(zip(*(columns[name].tolist() for name in KEYS), strict=True)):
        groups.setdefault(key, []).append(index)
    return [_summary(key, columns, rows) for key, rows in sorted(groups.items())]


def best(configurations: Iterable[Configuration], by: str = "accuracy") -> Configuration:
    """Configuration of highest mean accuracy, or of least mean loss; the first of equals.

    Parameters
    ----------
    configurations : iterable of Configuration
    by : {"accuracy", "loss"}

    Raises
    ------
    InputError
        Where there are none, or `by` is another word.
    """
    return max(_some(configurations), key=lambda each: _merit(each, by))


def matching(
    configurations: Iterable[Configuration], reference: str = "vann", by: str = "accuracy"
) -> dict[str, Configuration]:
    """For each model, the smallest configuration that beats the reference's best mean.

    The grid is walked with dendrites outside and somata inside, both ascending; the first that
    beats it counts, and where none does, the model's own best (figures 3a, 3b, 4a, 4b).

    Parameters
    ----------
    configurations : iterable of Configuration
        On one data set.
    reference : str
        Model to be matched.
    by : {"accuracy", "loss"}

    Returns
    -------
    dict
        By model, the reference included with its best.

    Raises
    ------
    InputError
        Where the reference is not among them, or they are on several data sets.
    """
    given = sorted(_some(configurations), key=lambda each: (each.dendrites, each.somata))
    names = {each.dataset for each in given}
    if len(names) > 1:
        raise InputError(f"configurations are on {', '.join(sorted(names))}: give one data set's")
    models: dict[str, list[Configuration]] = {}
    for each in given:
        models.setdefault(each.model, []).append(each)
    if reference not in models:
        raise InputError(f"there is no '{reference}' among {', '.join(models)}: add its runs")
    goal = best(models[reference], by)
    return {
        model: next((each for each in own if _merit(each, by) > _merit(goal, by)), best(own, by))
        for model, own in models.items()
    }


def efficiency(configurations: Iterable[Configuration]) -> list[Efficiency]:
    """Scores of configurations against each other (Methods, efficiency scores).

    Raises
    ------
    InputError
        Where there are none, or one has a single parameter and stopped after one epoch.
    """
    given = _some(configurations)
    exponents = np.log10([each.parameters * each.best_epoch for each in given])
    if exponents.min() <= 0:
        where = given[int(exponents.argmin())]
        raise InputError(
            f"{where.model} with {where.parameters:g} parameters and best epoch "
            f"{where.best_epoch:g} has no efficiency: their product must exceed 1"
        )
    return [
        Efficiency(each, float(f), each.accuracy / f, each.loss * f)
        for each, f in zip(given, exponents / exponents.min(), strict=True)
    ]


def _summary(key: tuple, columns: Mapping[str, np.ndarray], rows: list[int]) -> Configuration:
    name = " ".join(map(str, key))
    for column in SHARED:
        # As texts, for a missing value is NaN, which differs from itself.
        values = set(map(str, columns[column][rows])) if column in columns else set()
        if len(values) > 1:
            raise InputError(
                f"{name} has runs with {column} {', '.join(sorted(values))}: "
                "select those of one kind first"
            )
    if "seed" in columns and np.unique(columns["seed"][rows]).size < len(rows):
        raise InputError(f"{name} has several runs of the same seed: select one of each first")
    model, dataset, dendrites, somata = key
    parameters, best_epoch, accuracy, loss = (columns[name][rows] for name in FIGURES)
    return Configuration(
        model=model,
        dataset=dataset,
        dendrites=dendrites,
        somata=somata,
        accuracy=float(np.mean(accuracy)),
        accuracy_sd=_deviation(accuracy),
        loss=float(np.mean(loss)),
        loss_sd=_deviation(loss),
        parameters=float(np.mean(parameters)),
        best_epoch=float(np.mean(best_epoch)),
        trials=len(rows),
    )


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if values.size > 1 else float("nan")


def _merit(configuration: Configuration, by: str) -> float:
    if by not in ("accuracy", "loss"):
        raise InputError(f"'{by}' is no figure to compare by: choose accuracy or loss")
    return configuration.accuracy if by == "accuracy" else -configuration.loss


def _some(configurations: Iterable[Configuration]) -> list[Configuration]:
    given = list(configurations)
    if not given:
        raise InputError("there are no configurations: give at least one")
    return given
