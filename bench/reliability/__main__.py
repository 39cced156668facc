"""Nothing lost, nothing wrong in silence: ``python -m bench.reliability [--full]``.

Damaged files are read in processes with little memory and time, trainings and sweeps are killed and
resumed, disks fail under whatever writes, threads and forks use the same networks and files. With
``--soak``, ``--fuzz`` or ``--digest`` only that is done, unless ``--full`` is given too. Results go
to ``bench/results/reliability.md``, those of a short run to ``quick/`` in there; what was not done
keeps its section. A case is repeated by its seed: ``--seed 1003 --cases 1 --kills 0 --sweeps 0
--faults 0 --meetings 0``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .. import machine
from . import company, cost, damage, faults, fuzz, kills, soak, sweeps
from .page import Section, write


class Stage(NamedTuple):
    """A kind of breaking: what does it, how often, short and full, and what that counts."""

    measured: Callable[[Any, int], Section]
    short: int
    full: int
    words: str


#: Always done, by the names of their options.
STAGES = {
    "cases": Stage(damage.measured, 20, 300, "damaged files of each kind"),
    "kills": Stage(kills.measured, 4, 100, "trainings that are killed"),
    "sweeps": Stage(sweeps.measured, 2, 40, "sweeps of which a process is killed"),
    "faults": Stage(faults.measured, 6, 100, "calls of the system that fail"),
    "meetings": Stage(company.measured, 2, 40, "processes of threads and forks"),
}
#: Titles in the order of the page.
ORDER = tuple(each.TITLE for each in (damage, kills, sweeps, faults, company, soak, fuzz, cost))
#: Rounds of `--digest`.
ROUNDS = 9


def main() -> None:
    """Measure, write the page, and fail where anything was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="all of it: an hour and a half")
    parser.add_argument("--seed", type=int, default=1)
    for name, stage in STAGES.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=stage.words)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="a long run, for so long")
    parser.add_argument("--fuzz", type=float, metavar="MINUTES", help="a fuzzer on our parsers")
    parser.add_argument("--digest", action="store_true", help="what a digest costs: 5 minutes")
    given = parser.parse_args()
    for name, value in vars(given).items():
        if value is not None and value < 0:
            parser.error(f"--{name} is {value}: give 0 or more")
    alone = bool(given.soak or given.fuzz or given.digest)
    folder = machine.RESULTS if given.full or alone else machine.RESULTS / "quick"
    command = " ".join(["python -m bench.reliability", *sys.argv[1:]])
    bad = 0
    for section in _measured(given, alone):
        # At once: what has been done stays where the rest is not waited for.
        text = write(folder / "reliability.md", [section], command, ORDER)
        print(text[text.index(f"## {section.title}") :].partition("\n## ")[0], flush=True)
        bad += len(section.bad)
    if bad:
        sys.exit(f"{bad} cases went wrong")


def _measured(given: argparse.Namespace, alone: bool) -> Iterator[Section]:
    """Do what was asked for, one kind of breaking after the other."""
    if given.full or not alone:
        for name, stage in STAGES.items():
            times = getattr(given, name)
            if times is None:
                times = stage.full if given.full else stage.short
            if times:
                yield stage.measured(times, given.seed)
    if given.soak:
        yield soak.measured(given.soak, given.seed)
    if given.fuzz:
        yield fuzz.measured(given.fuzz, given.seed)
    if given.digest:
        yield cost.measured(ROUNDS, given.seed)


if __name__ == "__main__":
    main()
