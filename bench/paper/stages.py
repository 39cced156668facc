"""What is trained of the paper, stage by stage, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sparsedend import InputError, analysis, datasets
from sparsedend.analysis import Configuration
from sparsedend.figures.selection import alike
from sparsedend.models import MODELS
from sparsedend.sweep import Results, expand
from sparsedend.sweep.grid import PlannedRun

TRIALS = [1, 2, 3, 4, 5]
DANNS = ["dann-r", "dann-lrf", "dann-grf"]
DENDRITES, SOMATA = [1, 2, 4, 8, 16, 32, 64], [32, 64, 128, 256, 512]
#: Part of these that the other data sets have; dense models are cheap enough in more of the small.
DANN_PART = {"dendrites": [1, 4, 16, 64], "somata": [64, 256, 512]}
DENSE_PART = {"dendrites": [1, 2, 4, 16, 64], "somata": [64, 256, 512]}
SMALL = {"dendrites": 4, "somata": 128}
MIDDLE = {"dendrites": 16, "somata": 256}
OTHERS = ("mnist", "kmnist", "cifar10", "emnist")
LETTERS = "emnist-bymerge-40k"
SIGMAS = [0.25, 0.5, 0.75, 1.0]
#: Seconds of one core for a unit of `PlannedRun.work`: bench/results/sweep.md.
SECONDS = 1.09e-10
#: Seconds of one core that a dense network may take, and a vANN with sampled inputs; larger ones
#: are left out.
MOST, MOST_SAMPLED = 240, 120


class Stage(NamedTuple):
    """Runs that belong together.

    Attributes
    ----------
    about : str
    runs : callable
        Its runs, from the results that there are so far.
    after : tuple of str
        Stages that must be finished before its runs are known.
    datasets : tuple of str
        On which they are.
    """

    about: str
    runs: Callable[[Results], list[PlannedRun]]
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("fmnist",)

    @property
    def absent(self) -> list[str]:
        """Data sets that its runs would have to be got for first, before they are known."""
        return [name for name in self.datasets if datasets.stamp(name) is None]


def seconds(runs: Iterable[PlannedRun], jobs: int = 1) -> float:
    """About how long runs take, so many at once, each on a core."""
    return sum(run.work for run in runs) * SECONDS / jobs


def left(runs: Iterable[PlannedRun], results: Results) -> list[PlannedRun]:
    """Runs that have not finished, or lack what is to be kept of them.

    Trial by trial: all sizes once, before any a second time.
    """
    finished, parts = results.finished, results.kept_parts
    unfinished = [
        run
        for run in runs
        if run.settings not in finished or not parts.get(run.settings, set()).issuperset(run.keep)
    ]
    return sorted(unfinished, key=lambda run: run.settings.seed)


def part(runs: Iterable[PlannedRun], hours: float, jobs: int) -> list[PlannedRun]:
    """The first runs that fit into so many hours, at least one."""
    chosen: list[PlannedRun] = []
    used = 0.0
    for run in runs:
        used += seconds([run], jobs)
        if chosen and used > 3600 * hours:
            break
        chosen.append(run)
    return chosen


def grid(**lists: Any) -> list[PlannedRun]:
    """Runs by the paper's protocol, with all trials."""
    return expand({"preset": "paper", "seed": TRIALS} | lists)


def affordable(runs: Iterable[PlannedRun], most: float = MOST) -> list[PlannedRun]:
    """Runs that take no more than so many seconds of a core."""
    return [run for run in runs if seconds([run]) <= most]


def at_hand(names: Iterable[str]) -> list[str]:
    """Data sets that can be had, which may download them; the others are told."""
    found = []
    for name in names:
        try:
            if datasets.stamp(name) is None:
                datasets.load(name)
        except InputError as error:
            print(f"without {name}: {error}")
        else:
            found.append(name)
    return found


def matching(results: Results, models: Iterable[str]) -> list[Configuration]:
    """On Fashion-MNIST, the sizes that match the vANN's best accuracy (figures 5 to 7)."""
    rows = [row for row in results.rows if row["dataset"] == "fmnist" and row["model"] in models]
    return list(analysis.matching(alike(Results(rows)).configurations).values())


def _matched(results: Results, **lists: Any) -> list[PlannedRun]:
    """Runs of four models in the sizes that match."""
    return [
        run
        for each in matching(results, [*DANNS, "vann"])
        for run in grid(
            model=each.model,
            dataset="fmnist",
            dendrites=each.dendrites,
            somata=each.somata,
            **lists,
        )
    ]


def _tasks(results: Results) -> list[PlannedRun]:
    """Noise and sequential learning, in the sizes that match."""
    return [*_matched(results, sequential=True), *_matched(results, noise=SIGMAS)]


def _data_sets(results: Results) -> list[PlannedRun]:
    """Five models on the other data sets."""
    return [
        run
        for name in at_hand(OTHERS)
        for run in (
            *grid(model=DANNS, dataset=name, **DANN_PART),
            *affordable(grid(model=["vann", "pdann"], dataset=name, **DENSE_PART)),
        )
    ]


def _sampled(results: Results) -> list[PlannedRun]:
    """All to all vANNs with sampled inputs on every data set."""
    models = ["vann-r", "vann-lrf", "vann-grf"]
    return [
        run
        for name in at_hand(("fmnist", *OTHERS))
        for run in affordable(grid(model=models, dataset=name, **DENSE_PART), MOST_SAMPLED)
    ]


#: In the order in which they are done.
STAGES = {
    "figure2": Stage(
        "Figure 2: three dANNs in all 35 sizes on Fashion-MNIST.",
        lambda results: grid(model=DANNS, dataset="fmnist", dendrites=DENDRITES, somata=SOMATA),
    ),
    "vann": Stage(
        "Figure 2: the vANN in all sizes that are affordable.",
        lambda results: affordable(
            grid(model="vann", dataset="fmnist", dendrites=DENDRITES, somata=SOMATA)
        ),
    ),
    "figure5": Stage(
        "Figures 5 and 6: weights and activations of the sizes that match.",
        lambda results: _matched(results, keep=["weights", "activations"]),
        ("figure2", "vann"),
    ),
    "figure7": Stage(
        "Figure 7 and table 2: noise and sequential learning.", _tasks, ("figure2", "vann")
    ),
    "pdann": Stage(
        "Figure 2: the pdANN in all sizes that are affordable.",
        lambda results: affordable(
            grid(model="pdann", dataset="fmnist", dendrites=DENDRITES, somata=SOMATA)
        ),
    ),
    "figure3": Stage(
        "Figure 3 and table 1: the other data sets, in fewer sizes.", _data_sets, datasets=OTHERS
    ),
    "figure4": Stage(
        "Figure 4: vANNs with sampled inputs.", _sampled, datasets=("fmnist", *OTHERS)
    ),
    "models": Stage(
        "All twelve models in one small size on Fashion-MNIST; twenty trials of one dANN.",
        lambda results: [
            *grid(model=list(MODELS), dataset="fmnist", **SMALL),
            *grid(model="dann-lrf", dataset="fmnist", **MIDDLE, seed=[*range(1, 21)]),
        ],
    ),
    "letters": Stage(
        "The 40,000 images of EMNIST ByMerge that come from another split, 30,000 to train on.",
        lambda results: [
            run
            for name in at_hand([LETTERS])
            for models, size in ((DANNS, MIDDLE), (["vann"], SMALL))
            for run in expand({"model": models, "dataset": name, "seed": TRIALS, **size})
        ],
        datasets=(LETTERS,),
    ),
}
