"""Which trained networks a figure looks into, and what the sweep has kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..analysis import Configuration
from ..settings import Settings
from ..sweep import Kept, Results
from .panels import size, title
from .scores import matching, own_best
from .selection import absentees, alike, of_dataset, of_models, of_sizes

#: Whose accuracy is to be matched.
REFERENCE = "vann"
#: Layers that are looked into, with their names.
HIDDEN = {"hidden 1": "first hidden layer", "hidden 2": "second hidden layer"}
#: Trials of each configuration in the paper.
TRIALS = 5


class Trained(NamedTuple):
    """Networks of a model in one size.

    Attributes
    ----------
    configuration : Configuration
    runs : list of Settings
        The trials.
    """

    configuration: Configuration
    runs: list[Settings]

    @property
    def title(self) -> str:
        """Model and size."""
        return f"{title(self.configuration.model)} {size(self.configuration)}"


def matched(results: Results, models: Sequence[str]) -> tuple[dict[str, Trained], list[str]]:
    """Networks of the size that matches the vANN's best accuracy, or of a model's own best.

    Returns
    -------
    dict of Trained
        By model, in the order given, without models that have no runs.
    list of str
        What is missing, or is not as in the paper.

    Raises
    ------
    InputError
        Where none of the models has a finished run.
    """
    dataset, found, missing = of_dataset(of_models(results, models))
    runs = alike(found)
    missing += runs.missing + absentees(runs.results, models)
    configurations = runs.configurations
    chosen = matching(configurations, dataset, REFERENCE, "accuracy")
    if configurations and not chosen:
        chosen = own_best(configurations, dataset, "accuracy")
        missing.append("a vANN to be matched; each model has its own best size")
    networks = {}
    for model in models:
        if model in chosen:
            rows = of_sizes(runs.results, [chosen[model]]).rows
            networks[model] = Trained(chosen[model], [Results.settings_of(row) for row in rows])
    few = [
        f"{each.title} ({len(each.runs)})" for each in networks.values() if len(each.runs) < TRIALS
    ]
    if few:
        missing.append(f"trials of {', '.join(few)}, of which the paper has {TRIALS}")
    return networks, missing


def kept_of(results: Results, networks: Trained, part: str, missing: list[str]) -> list[Kept]:
    """What was kept of each trial; those of which nothing was are named in `missing`.

    Parameters
    ----------
    results : Results
    networks : Trained
    part : {"weights", "activations"}
    missing : list of str
    """
    found = {run.seed: results.kept(run) for run in networks.runs}
    there = {seed: each for seed, each in found.items() if each and getattr(each, part)}
    if len(there) < len(found):
        without = [str(seed) for seed in found if seed not in there]
        seeds = f"seed{'s' * (len(without) > 1)} {', '.join(without)}"
        missing.append(
            f"{part} of {networks.title}, {seeds}, which a sweep keeps with "
            f'keep = ["{part}"] in its grid'
        )
    return list(there.values())
