"""All that can be measured, by name, and the pages that it stands on."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sparsedend import InputError, datasets

from . import (
    canay,
    cold,
    estimators,
    fmnist,
    harness,
    machine,
    report,
    roofline,
    store,
    uses,
)
from .contestants import CUPY
from .options import Options
from .paper import differences, race
from .suites import SUITES, Suite
from .table import Row

#: The page of what is measured if nothing is named.
MAIN = "scaling"


class Measurement(NamedTuple):
    """Something to measure.

    Attributes
    ----------
    measure : callable
    page : str
        ``<page>.md`` shows it.
    section : callable, optional
        What the page says of the results that a folder has; LookupError where there are none. None
        where `measure` writes the page.
    """

    measure: Callable[[Options], None]
    page: str
    section: Callable[[Path], str] | None = None


def measure_suite(suite: Suite, options: Options) -> None:
    """Measure a suite's cases, each kept as soon as it is there."""
    if suite.dataset:
        datasets.load(suite.dataset)
    facts = machine.facts() | {"rounds": str(options.rounds)}
    if suite.contestants[0] == CUPY:
        from . import device

        facts |= device.facts()
    rows: list[Row] = []
    cases = list(suite.cases(options.quick, options.threads))
    for found in harness.measure(cases, options.rounds):
        rows += found
        what = ", ".join(row.note or f"{row.part} {row.time * 1e3:.3f} ms" for row in found)
        where = f"{suite.name}: {report.label(suite, found[0])}: {found[0].contestant}"
        print(f"{where}: {what}", flush=True)
        store.save_rows(options.output, suite.name, rows, facts)


def run(names: Iterable[str], options: Options) -> list[str]:
    """Measure them, each page written as soon as it is known; the names of those that failed."""
    failed = []
    for name in names:
        began = time.perf_counter()
        measure, page, _ = MEASUREMENTS[name]
        for action in (partial(measure, options), partial(write, options.output, [page])):
            try:
                action()
            except (InputError, OSError, ImportError) as error:  # no data set, GPU, or way to it
                print(f"{name} is not measured: {error}")
            except Exception:  # the others are worth having
                traceback.print_exc()
                failed.append(name)
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return failed


def write(output: Path, pages: Iterable[str] = ()) -> None:
    """Write these pages, or all, from the results that the folder has."""
    for page in pages or {each.page for each in MEASUREMENTS.values()}:
        sections = []
        for each in MEASUREMENTS.values():
            if each.page == page and each.section:
                try:
                    sections.append(each.section(output))
                except LookupError:
                    continue
        if sections:
            main = [report.HEAD, report.answers(output)]
            head = {MAIN: main, uses.PAGE: [uses.HEAD]}.get(page, [])
            text = "\n\n".join(filter(None, [*head, *sections]))
            (output / f"{page}.md").write_text(text + "\n", encoding="utf-8")
            print(f"the page is {output / page}.md")


def _kept(name: str, module: object, page: str) -> dict[str, Measurement]:
    measure, section = module.measure, module.section  # type: ignore[attr-defined]
    return {name: Measurement(partial(measure, name), page, partial(section, name))}


MEASUREMENTS = {
    suite.name: Measurement(
        partial(measure_suite, suite), suite.page, partial(report.section, suite)
    )
    for suite in (*SUITES.values(), *uses.SUITES)
}
MEASUREMENTS |= _kept("roofline", roofline, MAIN) | _kept("accuracy-time", race, MAIN)
MEASUREMENTS |= _kept("gpu-kernels", roofline, "gpu-kernels")
MEASUREMENTS |= _kept("accuracy-oracle", race, "accuracy-oracle") | _kept("canay", canay, "canay")
MEASUREMENTS |= _kept("covertype", uses, uses.PAGE)
MEASUREMENTS |= _kept("paper-differences", differences, "paper-differences")
MEASUREMENTS |= {
    "cold": Measurement(cold.measure, "cold"),
    "estimators": Measurement(estimators.measure, "estimators"),
    "sweep": Measurement(fmnist.cpu_grid, "sweep"),
    "gpu-fmnist": Measurement(fmnist.gpu_epoch, "gpu-fmnist"),
    "gpu-grid": Measurement(fmnist.gpu_grid, "gpu-grid"),
}
