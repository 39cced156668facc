"""Sparse against dense, measured: ``python -m bench [suites] [--quick | --full]``.

Results go to ``bench/results/scaling/`` (HDF5, CSV, pictures) and ``bench/results/scaling.md``;
``--report`` writes the page anew from the results that are there.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from sparsedend.backends.numpy_backend import available_threads

from . import accuracy_time, harness, machine, report, roofline, store
from .contestants import CONTESTANTS
from .suites import SUITES

#: Suites with a harness of their own.
OWN = {"roofline": roofline, "accuracy-time": accuracy_time}


def main() -> None:
    """Measure what was asked for and write the page."""
    options = _options()
    names = options.suites or [*SUITES, *OWN]
    if not options.report:
        for contestant in CONTESTANTS.values():
            if absent := harness.missing(contestant):
                print(f"{contestant.name} is skipped: {', '.join(absent)} not installed")
        for name in names:
            began = time.perf_counter()
            if name in OWN:
                OWN[name].measure(options.output, options.quick, options.threads)
            else:
                _measure(name, options)
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    page = report.write(options.output)
    print(f"the page is {page}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="suites: " + ", ".join([*SUITES, *OWN]),
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help="all if none is named")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="fewer and smaller works: minutes")
    extent.add_argument("--full", action="store_true", help="all works (what is done anyway)")
    parser.add_argument("--threads", type=int, help="of every contestant; all cores if not given")
    parser.add_argument("--rounds", type=int, help="turns of each contestant: 3 quick, 7 full")
    parser.add_argument("--output", type=Path, help="folder, bench/results if not given")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    options = parser.parse_args()
    for name in options.suites:
        if name not in SUITES and name not in OWN:
            parser.error(f"unknown suite '{name}': choose of {', '.join([*SUITES, *OWN])}")
    available = available_threads()
    if options.threads is not None and not 1 <= options.threads <= available:
        parser.error(f"--threads is {options.threads}: give 1 to {available}, the cores here")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}: give 1 or more")
    options.rounds = options.rounds or (3 if options.quick else 7)
    if options.output is None:
        # A quick look must not replace the committed page.
        options.output = machine.RESULTS / "quick" if options.quick else machine.RESULTS
    try:
        store.results(options.output).parent.mkdir(parents=True, exist_ok=True)
        found = store.suites(options.output)
    except OSError as error:
        parser.error(f"results cannot be kept in {options.output}: {error}; give another --output")
    if options.report and not found:
        parser.error(f"there are no results in {options.output}: leave --report out to measure")
    return options


def _measure(name: str, options: argparse.Namespace) -> None:
    suite = SUITES[name]
    rounds = 1 if suite.memory else options.rounds
    cases = list(suite.cases(options.quick, options.threads))
    facts = machine.facts() | {"rounds": str(rounds)}
    rows: list[store.Row] = []
    for record in harness.measure(cases, rounds):
        found = list(store.rows(record))
        if record.note == "does no such work":
            continue
        rows += found
        what = record.note or ", ".join(f"{r.part} {r.time * 1e3:.3f} ms" for r in found)
        print(
            f"{name}: {report.label(record.case.work, suite.axis, record.case.threads)}: "
            f"{record.contestant}: {what}",
            flush=True,
        )
        store.save(store.results(options.output), name, rows, facts)


if __name__ == "__main__":
    main()
