"""Efficiency scores of chosen configurations, trial by trial, and what they are compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from .. import analysis
from ..analysis import Configuration
from ..sweep import Results


class Spread(NamedTuple):
    """Mean and standard deviation of trials; NaN for the latter of one trial."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of these values, at least one."""
        given = np.array(list(values))
        return cls(float(given.mean()), float(given.std(ddof=1)) if given.size > 1 else math.nan)

    def told(self, digits: int, factor: float = 1.0) -> str:
        """Mean ± deviation times a factor, with so many digits; the mean alone of one trial."""
        mean = f"{factor * self.mean:.{digits}f}"
        if math.isnan(self.deviation):
            return mean
        return f"{mean} ± {factor * self.deviation:.{digits}f}"


#: By model, and then by seed.
Scores = dict[str, dict[int, float]]


def matching(
    configurations: Iterable[Configuration], dataset: str, reference: str, by: str
) -> dict[str, Configuration]:
    """`analysis.matching` on one data set; nothing where the reference has no runs there."""
    given = [each for each in configurations if each.dataset == dataset]
    if not any(each.model == reference for each in given):
        return {}
    return analysis.matching(given, reference, by)


def own_best(
    configurations: Iterable[Configuration], dataset: str, by: str
) -> dict[str, Configuration]:
    """Each model's best on one data set."""
    own: dict[str, list[Configuration]] = {}
    for each in configurations:
        if each.dataset == dataset:
            own.setdefault(each.model, []).append(each)
    return {model: analysis.best(sizes, by) for model, sizes in own.items()}


def beats(each: Configuration, reference: Configuration, by: str) -> bool:
    """Whether a configuration's mean is better than that of another."""
    return each.accuracy > reference.accuracy if by == "accuracy" else each.loss < reference.loss


def scores(results: Results, by: str) -> Scores:
    """Efficiency scores of runs, each against all others here.

    Parameters
    ----------
    results : Results
        Of one kind, on one data set, and of one size a model.
    by : {"accuracy", "loss"}
        Which of the two scores.

    Returns
    -------
    dict of str to dict of int to float
        By model and seed.

    Raises
    ------
    InputError
        Where there is no run, or one has no efficiency (`analysis.efficiency`).
    """
    trials = [analysis.summarize(Results([row]).columns())[0] for row in results.rows]
    values: Scores = {}
    for row, each in zip(results.rows, analysis.efficiency(trials), strict=True):
        value = each.accuracy_score if by == "accuracy" else each.loss_score
        values.setdefault(row["model"], {})[row["seed"]] = value
    return values


def spreads(found: Mapping[str, Mapping[int, float]]) -> dict[str, Spread]:
    """Mean and standard deviation over the trials, by model."""
    return {model: Spread.of(trials.values()) for model, trials in found.items()}


def differences(found: Scores, one: str, other: str) -> Spread | None:
    """Of one model's scores from another's, seed by seed; None where they share no seed."""
    shared = found.get(one, {}).keys() & found.get(other, {}).keys()
    if not shared:
        return None
    return Spread.of(found[one][seed] - found[other][seed] for seed in sorted(shared))
