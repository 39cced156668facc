"""The paper's experiments, trained anew part by part: ``python -m bench.paper [stages]``.

Each call trains what is not trained yet, stage by stage, for about two hours, and writes figures,
tables and the page ``claims.md`` from all that there is: call it again until nothing is left. What
is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sparsedend import InputError
from sparsedend.files import exists, make_folder
from sparsedend.sweep import Results, sweep
from sparsedend.sweep.grid import PlannedRun

from .. import machine
from . import page
from .stages import STAGES, left, part, seconds


def main(arguments: list[str] | None = None) -> None:
    """Train a part, and write the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name}: {stage.about}" for name, stage in STAGES.items()),
    )
    parser.add_argument("stages", nargs="*", metavar="stage", help="all if none is given")
    parser.add_argument("--hours", type=float, default=2.0, help="that this part may take, about")
    parser.add_argument("--jobs", type=int, default=machine.available_threads(), help="at once")
    parser.add_argument(
        "--results", type=Path, default=Path("runs/paper.h5"), help="file that all parts go to"
    )
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "paper", help="of pages")
    parser.add_argument("--plan", action="store_true", help="say what is left, and do nothing")
    parser.add_argument("--report", action="store_true", help="write the pages, and train nothing")
    parser.add_argument(
        "--embed", action="store_true", help="draw figure 6 too, which takes most of an hour"
    )
    given = parser.parse_args(arguments)
    for name in given.stages:
        if name not in STAGES:
            parser.error(f"unknown stage '{name}': choose of {', '.join(STAGES)}")
    if given.jobs < 1:
        parser.error(f"--jobs is {given.jobs}: give 1 or more")
    try:
        _run(given)
    except InputError as error:
        sys.exit(f"Error: {error}")


def _run(given: argparse.Namespace) -> None:
    results = Results.read(given.results) if exists(given.results) else Results()
    if not given.report:
        wanted = _left(given.stages or list(STAGES), results, given.jobs, plan=given.plan)
        if given.plan:
            return
        now = part(wanted, given.hours, given.jobs)
        if now:
            hours = seconds(now, given.jobs) / 3600
            print(f"now {len(now)} runs, about {hours:.1f} hours", flush=True)
            make_folder(given.results.parent, "give other `results`")
            results = sweep(now, given.results, jobs=given.jobs, resume=True, say=print)
    page.write(results, given.output, embed=given.embed)


def _left(names: list[str], results: Results, jobs: int, *, plan: bool) -> list[PlannedRun]:
    """Runs of these stages that have not finished, each once, with a line on each stage.

    Data sets are got for that, which a plan does not do.
    """
    wanted: dict[object, PlannedRun] = {}
    unfinished: set[str] = set()
    for name, stage in STAGES.items():
        if name not in names and not any(name in STAGES[each].after for each in names):
            continue
        if waits := unfinished & {*stage.after}:
            unfinished.add(name)
            print(f"{name}: known when {' and '.join(sorted(waits))} are finished")
            continue
        if plan and stage.absent:
            unfinished.add(name)
            print(f"{name}: known with {', '.join(stage.absent)} in the cache")
            continue
        runs = stage.runs(results)
        open_ = left(runs, results)
        unfinished |= {name} if open_ else set()
        hours = seconds(open_, jobs) / 3600
        print(f"{name}: {len(open_)} of {len(runs)} runs left, about {hours:.2f} hours", flush=True)
        if name in names:
            wanted |= {run.settings: run for run in open_}
    return list(wanted.values())


if __name__ == "__main__":
    main()
