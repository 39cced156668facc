"""Which runs of a sweep a figure shows: those that differ in nothing that it hides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import NamedTuple

from .. import analysis
from ..analysis import Configuration
from ..analysis.efficiency import KEYS
from ..errors import InputError
from ..settings import PAPER_EPOCHS, PRESETS, SETTINGS, Settings
from ..sweep import Results, Row
from .panels import DATASETS, named, size, title

#: Settings in which the runs of a figure may differ.
TOLD = (*KEYS, "seed", "noise", "sequential")
#: The data set of the figures that show one.
WANTED = "fmnist"


#: Settings that a figure's runs share, and texts of what a later version has besides.
Kind = tuple[Settings, tuple[str, ...]]


class Runs(NamedTuple):
    """Runs of a figure, and what was not found or is left out.

    Attributes
    ----------
    results : Results
    missing : list of str
    """

    results: Results
    missing: list[str]

    @property
    def configurations(self) -> list[Configuration]:
        """Their means over the trials."""
        return analysis.summarize(self.results.columns())


def of_models(results: Results, models: Iterable[str]) -> Results:
    """Runs of these models.

    Raises
    ------
    InputError
        Where none of them has finished.
    """
    rows = [row for row in results.rows if row["model"] in models]
    if all(row["error"] for row in rows):
        raise InputError(
            f"the results hold no finished run of {_titles(models)}: give those of another sweep"
        )
    return Results(rows)


def of_dataset(results: Results) -> tuple[str, Results, list[str]]:
    """Runs on the data set of a figure that shows one: Fashion-MNIST where it has runs.

    Returns
    -------
    str
        Its name; of other data sets that with most finished runs.
    Results
    list of str
        What is to be said where it is another one.
    """
    counts = Counter(row["dataset"] for row in results.rows if not row["error"])
    dataset = WANTED if WANTED in counts else counts.most_common(1)[0][0]
    found = Results([row for row in results.rows if row["dataset"] == dataset])
    told = [] if dataset == WANTED else [f"runs on {named(WANTED)}; all is drawn of {dataset}"]
    return dataset, found, told


def alike(results: Results, *, noisy: bool = False, sequential: bool = False) -> Runs:
    """Finished runs of one kind on each data set: the paper's protocol, or what most runs have.

    Parameters
    ----------
    results : Results
    noisy : bool
        Whether runs with noise are among them, besides those without.
    sequential : bool
        Whether they are those of sequential learning, instead of all others.
    """
    failed, missing = 0, []
    unknown = results.unknown_settings
    by_dataset: dict[str, list[tuple[Kind, Row]]] = {}
    for row in results.rows:
        settings = Results.settings_of(row)
        if settings.sequential == sequential and (noisy or not settings.noise):
            if row["error"]:
                failed += 1
            else:
                kind = _kind(settings), tuple(str(row[name]) for name in unknown)
                by_dataset.setdefault(settings.dataset, []).append((kind, row))
    if failed:
        missing.append(f"{_counted(failed)}, which failed")
    kept = []
    for dataset, runs in by_dataset.items():
        paper = _kind(_by_protocol(dataset, sequential=sequential))
        counts = Counter(kind for kind, _ in runs)
        kinds = [kind for kind, _ in counts.most_common()]
        kind = next((each for each in kinds if each[0] == paper), kinds[0])
        kept += [row for other, row in runs if other == kind]
        if dataset in PAPER_EPOCHS and kind[0] != paper:
            what = f"these have {_apart(kind[0], paper)}"
            missing.append(f"runs on {named(dataset)} by the paper's protocol; {what}")
        if left_out := len(runs) - counts[kind]:
            count = f"{_counted(left_out)} on {named(dataset)}"
            missing.append(f"{count} with other settings, left out here")
    return Runs(Results(kept), missing)


def absentees(results: Results, models: Iterable[str]) -> list[str]:
    """A line that names the models without runs, if there are any."""
    there = {row["model"] for row in results.rows}
    return without(model for model in models if model not in there)


def without(models: Iterable[str]) -> list[str]:
    """A line that says that there are no runs of these models, if there are any."""
    names = _titles(models)
    return [f"runs of {names}"] if names else []


def single(configurations: Iterable[Configuration], what: str) -> list[str]:
    """A line that names the models of which some size has one trial, and so no `what`."""
    models = dict.fromkeys(each.model for each in configurations if each.trials == 1)
    return [f"{what} of {_titles(models)}, with one trial of a size"] if models else []


def present(results: Results) -> list[str]:
    """The paper's data sets, and after them others that have runs."""
    return list(dict.fromkeys([*DATASETS, *(row["dataset"] for row in results.rows)]))


def gaps(results: Results, models: Iterable[str]) -> list[str]:
    """Lines that say which models have no runs on which data set."""
    missing, empty = [], []
    for dataset in present(results):
        found = Results([row for row in results.rows if row["dataset"] == dataset])
        if found.rows:
            missing += [f"{line} on {named(dataset)}" for line in absentees(found, models)]
        else:
            empty.append(named(dataset))
    return ([f"all runs on {', '.join(empty)}"] if empty else []) + missing


def networks(
    plain: Iterable[Configuration], tried: Iterable[Configuration]
) -> tuple[dict[str, Configuration], list[str]]:
    """For each model, which of the configurations tried stands for it in figure 7 and table 2.

    That is the one that matches the vANN's best accuracy without noise and shuffled, or its own
    best where none does (figure 3a); where that was not tried, the one with most parameters.

    Parameters
    ----------
    plain, tried : iterable of Configuration
        Of one data set: trained as usual, and in the task.

    Returns
    -------
    dict
        By model.
    list of str
        Which stand in for others, and why.
    """
    plain, tried = list(plain), list(tried)
    known = {each.model for each in plain}
    matching: Mapping[str, Configuration] = analysis.matching(plain) if "vann" in known else {}
    found: dict[str, Configuration] = {}
    notes = []
    for each in sorted(tried, key=lambda each: each.parameters):
        wanted = matching.get(each.model)
        if not (each.model in found and wanted and size(found[each.model]) == size(wanted)):
            found[each.model] = each
    for model, each in found.items():
        if model not in matching:
            who = title(model if matching else "vann")
            notes.append(
                f"runs of {who} without noise, shuffled, which tell the size of {title(model)}; "
                f"{size(each)} stands in"
            )
        elif size(each) != size(matching[model]):
            notes.append(
                f"{title(model)} with {size(matching[model])}, its size by figure 3a; "
                f"{size(each)} stands in"
            )
    return found, notes


def of_sizes(results: Results, chosen: Iterable[Configuration]) -> Results:
    """Runs of these configurations."""
    keys = {tuple(getattr(each, name) for name in KEYS) for each in chosen}
    return Results([row for row in results.rows if tuple(row[name] for name in KEYS) in keys])


def _kind(settings: Settings) -> Settings:
    """All settings that a figure's runs must share; the others have their defaults."""
    return replace(settings, **{name: SETTINGS[name].default for name in TOLD})


def _by_protocol(dataset: str, *, sequential: bool) -> Settings:
    return Settings(sequential=sequential, **PRESETS["paper"]).resolved(dataset)


def _apart(kind: Settings, paper: Settings) -> str:
    """In what two kinds differ."""
    own, other = asdict(kind), asdict(paper)
    return ", ".join(
        f"{SETTINGS[name].title} {own[name]}, not {other[name]}"
        for name in own
        if own[name] != other[name]
    )


def _counted(runs: int) -> str:
    return f"{runs} run{'s' * (runs > 1)}"


def _titles(models: Iterable[str]) -> str:
    return ", ".join(map(title, models))
