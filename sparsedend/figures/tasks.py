"""The runs of figure 7 and table 2: noise on all images, and one class after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .. import analysis
from ..analysis import Configuration
from ..sweep import Results
from .selection import alike, networks, of_sizes


class Task(NamedTuple):
    """Runs of the networks that stand for each model.

    Attributes
    ----------
    parts : dict of float to Results
        By the standard deviation of the noise.
    chosen : dict of str to Configuration
        By model, in one of the parts.
    missing : list of str
    """

    parts: Mapping[float, Results]
    chosen: Mapping[str, Configuration]
    missing: list[str]


def noise(results: Results) -> Task:
    """Runs with noise, and without; no parts where none with noise has finished.

    Parameters
    ----------
    results : Results
        On one data set.
    """
    if not any(row["noise"] for row in results.rows):
        return Task({}, {}, [])
    found, missing = alike(results, noisy=True)
    sigmas = sorted({row["noise"] for row in found.rows})
    parts = {sigma: Results([r for r in found.rows if r["noise"] == sigma]) for sigma in sigmas}
    noisy = [
        each
        for sigma, part in parts.items()
        if sigma
        for each in analysis.summarize(part.columns())
    ]
    chosen, told = networks(alike(results).configurations, noisy)
    own = {sigma: of_sizes(part, chosen.values()) for sigma, part in parts.items()}
    return Task({sigma: part for sigma, part in own.items() if part.rows}, chosen, missing + told)


def sequential(results: Results) -> Task:
    """Runs of sequential learning; no parts where none has finished.

    Parameters
    ----------
    results : Results
        On one data set.
    """
    runs = alike(results, sequential=True)
    if not runs.results.rows:
        return Task({}, {}, runs.missing)
    chosen, told = networks(alike(results).configurations, runs.configurations)
    return Task({0.0: of_sizes(runs.results, chosen.values())}, chosen, runs.missing + told)
