"""Sparse against dense, measured: ``python -m bench [names] [--quick]``.

Results go to ``bench/results/``: HDF5, CSV and pictures into ``scaling/``, and what is measured if
nothing is named onto the page ``scaling.md``, everything else onto a page of its own. ``--report``
writes the pages anew from the results that are there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import machine, store
from .measurements import MAIN, MEASUREMENTS, run, write
from .options import Options


def main(about: str, wanted: list[str], prefix: str = "") -> None:
    """Measure what was asked for, what is `wanted` if nothing was, and write the pages.

    Parameters
    ----------
    about : str
    wanted : list of str
    prefix : str
        Of the names that can be given, without it.
    """
    names = [name.removeprefix(prefix) for name in MEASUREMENTS if name.startswith(prefix)]
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"names: {', '.join(names)}",
    )
    parser.add_argument("names", nargs="*", metavar="name", help="what to measure")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller works: minutes")
    parser.add_argument("--threads", type=int, help="of every contestant; all cores if not given")
    parser.add_argument("--rounds", type=int, help="turns of each contestant: 3 quick, 7 full")
    parser.add_argument("--output", type=Path, help="folder, bench/results if not given")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    given = parser.parse_args()
    for name in given.names:
        if name not in names:
            parser.error(f"unknown name '{name}': choose of {', '.join(names)}")
    available = machine.available_threads()
    if given.threads is not None and not 1 <= given.threads <= available:
        parser.error(f"--threads is {given.threads}: give 1 to {available}, the cores here")
    if given.rounds is not None and given.rounds < 1:
        parser.error(f"--rounds is {given.rounds}: give 1 or more")
    # A quick look must not replace the committed pages.
    output = given.output or (machine.RESULTS / "quick" if given.quick else machine.RESULTS)
    try:
        store.folder(output).mkdir(parents=True, exist_ok=True)
        found = store.names(output)
    except OSError as error:
        parser.error(f"results cannot be kept in {output}: {error}; give another --output")
    if given.report and not found:
        parser.error(f"there are no results in {output}: leave --report out to measure")
    if given.report:
        write(output)
        return
    if machine.commit().endswith("-dirty"):
        print("the results will say '-dirty': commit what has changed first to avoid it")
    rounds = given.rounds or (3 if given.quick else 7)
    options = Options(output, given.quick, given.threads or available, rounds)
    if failed := run([f"{prefix}{name}" for name in given.names] or wanted, options):
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(__doc__ or "", [name for name, each in MEASUREMENTS.items() if each.page == MAIN])
