"""Nothing lost, nothing wrong in silence: ``python -m bench.reliability [--full]``.

Damaged files are read in processes with little memory and time, and trainings are killed and
resumed. The table goes to ``bench/results/reliability.md``, that of a short run to ``quick/`` in
there. A case is repeated by its seed: ``--seed 1003 --cases 1``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from .. import machine
from . import damage, kills

SHORT, FULL = (20, 4), (300, 100)
OUTCOMES = (*damage.OUTCOMES[:2], "changed", "changed in silence", *damage.BAD)


def page(
    found: dict[str, tuple[Counter[str], list[str]]],
    killed: Counter[str],
    bad: list[str],
    seed: int,
) -> str:
    """The results in Markdown."""
    lines = [
        "# Reliability",
        "",
        f"`python -m bench.reliability`, seed {seed}, commit {machine.commit()}. Files are damaged "
        "(bits, sectors, garbage, absurd numbers, cut, longer; of those with a digest every other "
        "one without it, so that HDF5 sees it) and read in a process each. *Changed* is what no "
        "digest could notice; *in silence* what it should have.",
        "",
        "| file | cases | " + " | ".join(OUTCOMES) + " |",
        "|---|" + "---:|" * (len(OUTCOMES) + 1),
    ]
    for name, (counts, _) in found.items():
        figures = " | ".join(str(counts[each]) for each in OUTCOMES)
        lines.append(f"| {name} | {counts.total()} | {figures} |")
    lines += ["", "| training killed by | times |", "|---|---:|"]
    lines += [f"| {name} | {times} |" for name, times in sorted(killed.items())]
    lines += ["", "Each was resumed, and had the bits of one that was not killed."]
    lines += ["", f"Wrong: {len(bad)}.", *(f"* {each}" for each in bad), ""]
    return "\n".join(lines)


def main() -> None:
    """Measure, write the table, and fail where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="3,300 files and 100 kills: an hour")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, help="damaged files of each kind")
    parser.add_argument("--kills", type=int)
    given = parser.parse_args()
    cases, times = FULL if given.full else SHORT
    found = damage.measured(cases if given.cases is None else given.cases, given.seed)
    killed, bad = kills.measured(times if given.kills is None else given.kills, given.seed)
    bad = [each for _, several in found.values() for each in several] + bad
    folder = machine.RESULTS if given.full else machine.RESULTS / "quick"
    folder.mkdir(parents=True, exist_ok=True)
    text = page(found, killed, bad, given.seed)
    Path(folder / "reliability.md").write_text(text, encoding="utf-8")
    print(text)
    if bad:
        sys.exit(f"{len(bad)} cases went wrong")


if __name__ == "__main__":
    main()
