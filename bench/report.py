"""One page from the saved results: ``scaling.md`` and the pictures it shows."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from . import accuracy_time, machine, picture, roofline, store
from .contestants import OURS
from .store import Row, Table, ratio
from .suites import CSR, DENSE, MASKED, SUITES, Suite
from .works import Dendritic, Layer, Perceptron, Work

#: How the axis of a suite is called.
AXES = {
    "size": "dendrites",
    "inputs": "inputs",
    "density": "density",
    "densities": "density",
    "sizes": "neurons of the first hidden layer",
    "batch": "batch",
    "threads": "threads",
}


def write(output: Path) -> Path:
    """Write the page from what is in the folder; suites without results are left out."""
    sections = []
    for suite in SUITES.values():
        try:
            table, facts = store.load(store.results(output), suite.name)
        except LookupError:
            continue
        sections.append(_section(suite, table, facts, output))
    for own in (roofline, accuracy_time):
        try:
            sections.append(own.section(output))
        except LookupError:
            continue
    page = output / "scaling.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    head = (
        "# Sparse against dense\n\n"
        "By `python -m bench`. Contestants take turns, each in a process of its own with the same "
        "cores and threads; times are medians over the rounds, ratios the medians of the ratios "
        "within a round. Everybody's outputs, and losses or gradients where the same parameters "
        "are trained, were first found equal to ours. All times with least and most, the first "
        "call with compilation, and memory stand in the CSV and HDF5 files in `scaling/`."
    )
    page.write_text("\n\n".join([head, *_answers(output), *sections]) + "\n", encoding="utf-8")
    return page


def label(work: Work, axis: str, threads: int) -> str:
    """What tells a work from the others of its suite."""
    if isinstance(work, Dendritic):
        if axis in ("inputs", "batch"):
            return f"{getattr(work, axis):,}"
        size = f"D={work.dendrites} S={work.somata:,}"
        return f"{size}, {threads} thr." if axis == "threads" else size
    if isinstance(work, Layer):
        return f"{work.density:g}" + ("" if work.batch == 128 else f", batch {work.batch}")
    if axis == "densities":
        return f"{work.densities[0]:g}"
    return f"n={work.sizes[1]:,}" + ("" if work.batch == 100 else f", batch {work.batch}")


def _place(row: Row, axis: str) -> float:
    """Where it stands on the axis."""
    if axis == "threads":
        return row.threads
    value = getattr(row.work, axis)
    return {"sizes": lambda: value[1], "densities": lambda: value[0]}.get(axis, lambda: value)()


def _panel(work: Work, axis: str) -> str:
    """Works of different panels are not joined by a line."""
    if axis == "threads" and isinstance(work, Dendritic):
        return f"D={work.dendrites} S={work.somata}"
    if isinstance(work, Layer):
        return f"{work.inputs} → {work.outputs}, batch {work.batch}"
    if isinstance(work, Perceptron):
        return f"batch {work.batch}"
    return ""


def _answers(output: Path) -> list[str]:
    """From which density and size on sparse wins, and by how much: the page's first lines."""
    lines = []
    try:
        density, _ = store.load(store.results(output), "density")
    except LookupError:
        density = None
    for name in density.contestants if density else []:
        if density and name != OURS and density.timed(name):
            even = density.break_even(name)
            largest = density.works[-1][0]
            assert isinstance(largest, Layer)
            text = "at every density" if even >= largest.density else f"below density {even:.2g}"
            lines.append(f"* One layer, against {name}: faster {text}.")
    for suite, rivals in (
        ("step", (MASKED, CSR)),
        ("memory", (MASKED,)),
        ("nerva-cifar", (DENSE,)),
    ):
        try:
            table, _ = store.load(store.results(output), suite)
        except LookupError:
            continue
        for rival in rivals:
            pairs = []
            for work, threads in table.works:
                fields = {"threads": threads}
                found = [
                    [row for row in table.timed(name, **fields) if row.work == work]
                    for name in (rival, OURS)
                ]
                if all(found):
                    theirs, ours = found[0][0], found[1][0]
                    value = (
                        _own_memory(theirs) / _own_memory(ours)
                        if suite == "memory"
                        else ratio(theirs, ours)
                    )
                    pairs.append(f"{value:.3g}× at {label(work, SUITES[suite].axis, threads)}")
            if pairs:
                what = "less memory than" if suite == "memory" else "faster than"
                lines.append(f"* {suite}, {what} {rival}: {'; '.join(pairs)}.")
    return ["## Answers", "\n".join(lines)] if lines else []


def _section(suite: Suite, table: Table, facts: store.Facts, output: Path) -> str:
    parts = [f"## {suite.name}", suite.question]
    names = list(dict.fromkeys(row.part for row in table.rows if row.seconds))
    if not suite.memory:
        for part in sorted(names, key=lambda name: name != "all"):
            title = f"{part}: " if len(names) > 1 else ""
            parts += [f"{title}ms (times ours)", _times(suite, table, part)]
    if suite.memory or suite.name == "dendrites":
        parts += ["MB above the imports (times ours)", _memory(suite, table)]
    notes = _notes(suite, table)
    if notes:
        parts.append(notes)
    if suite.goals:
        parts.append("\n".join(f"* {goal.verdict(table)}" for goal in suite.goals))
    path = output / "scaling" / f"{suite.name}.svg"
    _draw(suite, table, path)
    if suite.name == "step":
        panels = {
            f"{work.dendrites} dendrites × {work.somata} somata": {
                row.contestant: row.time for row in table.rows if row.work == work and row.seconds
            }
            for work, _ in table.works
            if isinstance(work, Dendritic)
        }
        picture.bars(panels, output / "step.svg")
    parts += [f"![{suite.name}](scaling/{path.name})", machine.lines(facts)]
    return "\n\n".join(parts)


def _rows(table: Table, contestant: str, part: str) -> dict[tuple[Work, int], Row]:
    return {
        (row.work, row.threads): row
        for row in table.rows
        if row.contestant == contestant and row.part == part and row.seconds
    }


def _times(suite: Suite, table: Table, part: str) -> str:
    ours = _rows(table, OURS, part)
    lines = []
    for name in table.contestants:
        found = _rows(table, name, part)
        if not found:
            continue
        cells = []
        for key in ours:
            row = found.get(key)
            cells.append(f"{row.time * 1e3:.3g} ({ratio(row, ours[key]):.3g}×)" if row else "")
        spread = median((max(r.seconds) - min(r.seconds)) / r.time for r in found.values())
        lines.append([name, *cells, f"{spread:.0%}"])
    header = [label(work, suite.axis, threads) for work, threads in ours]
    return machine.table(["", *header, "spread"], lines)


def _own_memory(row: Row) -> int:
    """Of the host, beyond the imports, and of the device."""
    return row.peak - row.base + row.device


def _memory(suite: Suite, table: Table) -> str:
    part = next(row.part for row in table.rows if row.seconds)
    ours = _rows(table, OURS, part)
    lines = []
    for name in table.contestants:
        found = _rows(table, name, part)
        if found:
            cells = []
            for key in ours:
                row = found.get(key)
                share = _own_memory(row) / _own_memory(ours[key]) if row else 0
                cells.append(f"{_own_memory(row) / 1e6:.0f} ({share:.3g}×)" if row else "")
            lines.append([name, *cells])
    header = [label(work, suite.axis, threads) for work, threads in ours]
    return machine.table(["", *header], lines)


def _notes(suite: Suite, table: Table) -> str:
    """Who did not take part, and why."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        if row.note:
            where = label(row.work, suite.axis, row.threads)
            reasons.setdefault((row.contestant, row.note), []).append(where)
    return "\n".join(
        f"* {name}, {'; '.join(where)}: {note}." for (name, note), where in reasons.items()
    )


def _draw(suite: Suite, table: Table, path: Path) -> None:
    panels: dict[str, Any] = {}
    for name in table.contestants:
        for row in table.timed(name):
            panel = panels.setdefault(_panel(row.work, suite.axis), {})
            if suite.memory:
                memory = _own_memory(row) / 1e6
                point = (_place(row, suite.axis), memory, memory, memory)
            else:
                times = [row.time, min(row.seconds), max(row.seconds)]
                point = (_place(row, suite.axis), *(seconds * 1e3 for seconds in times))
            panel.setdefault(name, []).append(point)
    unit = "MB above the imports" if suite.memory else "ms"
    picture.lines(panels, (AXES[suite.axis], unit), path)
