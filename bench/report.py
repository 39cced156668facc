"""What the pages say of a suite's saved results, with the pictures that they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from . import machine, picture, store
from .contestants import CSR, DENSE, MASKED
from .suites import SUITES, Suite
from .table import Row, Table, ratio

HEAD = """# Sparse against dense

By `python -m bench`. Contestants take turns, each in a process of its own with the same cores and
threads; times are medians over the rounds, ratios the medians of the ratios within a round.
Everybody's outputs, and losses or gradients where the same parameters are trained, were first found
equal to ours. Where somebody else needs less than we do, the ratio is **bold**. All times with
least and most, the first call with compilation, and memory stand in the CSV and HDF5 files in
`scaling/`. nerva-numpy, which is measured here, is not the C++ library Nerva but its slow sibling
in NumPy: what it takes says nothing of Nerva."""
#: What is shown: what a row needs of it, its unit and scale, and how it is written.
SHOWN: dict[str, tuple[Callable[[Row], float], str, float, str]] = {
    "time": (lambda row: row.time, "ms", 1e3, ".3g"),
    "memory": (lambda row: row.memory, "MB above the imports", 1e-6, ".0f"),
    "device memory": (lambda row: row.device, "MB on the GPU", 1e-6, ".0f"),
}
#: Whose ratios are among the answers.
ANSWERED = {"step": (MASKED, CSR), "memory": (MASKED,), "nerva-cifar": (DENSE,)}


def label(suite: Suite, row: Row) -> str:
    """What tells a row's work from the others of its suite."""
    return suite.label.format(w=row.work, threads=row.threads)


def _named(suite: Suite, row: Row) -> str:
    """The same, also beside other suites."""
    text = label(suite, row)
    return f"{suite.axis[0]} {text}" if text[0].isdigit() else text


def load(suite: Suite, output: Path) -> tuple[Table, store.Facts]:
    """Its saved results; LookupError where there are none."""
    rows, facts = store.load_rows(output, suite.name)
    return Table(rows, suite.contestants[0]), facts


def answers(output: Path) -> str:
    """From which density and size on sparse wins, by how much, and where somebody else does."""
    won, lost = [], []
    for suite in SUITES.values():
        try:
            table, _ = load(suite, output)
        except LookupError:
            continue
        shown = suite.shows[0]
        more, less = (
            ("more memory", "less memory") if shown == "memory" else ("longer", "less time")
        )
        for rival in table.contestants[1:] if suite.page == "scaling" else ():
            pairs = [
                (_named(suite, row), _ratio(shown, row, ours)) for row, ours in table.pairs(rival)
            ]
            if pairs and suite.name == "density":
                even, largest = table.break_even(rival), table.works[-1][0].density
                where = "at every density" if even >= largest else f"below density {even:.2g}"
                won.append(f"* One layer, against {rival}: faster {where}.")
            if pairs and rival in ANSWERED.get(suite.name, ()):
                found = (f"{times:.3g}× at {where}" for where, times in pairs)
                won.append(f"* {suite.name}: {rival} takes {more}, {'; '.join(found)}.")
            if found := [f"{times:.3g}× at {where}" for where, times in pairs if times < 1]:
                lost.append(f"* {suite.name}: {rival} takes {less}, {'; '.join(found)}.")
    parts = ["## Answers", "\n".join(won)] if won else []
    parts += ["## Where somebody else is better", "\n".join(lost)] if lost else []
    return "\n\n".join(parts)


def section(suite: Suite, output: Path) -> str:
    """Tables, verdicts and picture of a suite's results; LookupError where there are none."""
    table, facts = load(suite, output)
    parts = [f"## {suite.name}", suite.question]
    timed = list(dict.fromkeys(row.part for row in table.rows if row.seconds))
    if not timed:
        raise LookupError(f"nothing of {suite.name} was timed")
    timed.sort(key=lambda part: part != "all")
    for shown in suite.shows:
        for part in timed if shown == "time" else timed[:1]:
            title = f"{part}: " if shown == "time" and len(timed) > 1 else ""
            parts += [f"{title}{SHOWN[shown][1]} (times ours)", _values(suite, table, part, shown)]
    notes: dict[tuple[str, str], list[str]] = {}
    for row in table.rows:
        if row.note:
            notes.setdefault((row.contestant, row.note), []).append(label(suite, row))
    lists = [f"* {name}, {'; '.join(at)}: {note}." for (name, note), at in notes.items()]
    parts += ["\n".join(lists)] if notes else []
    parts += ["\n".join(f"* {goal.verdict(table)}" for goal in suite.goals)] if suite.goals else []
    path = store.folder(output) / f"{suite.name}.svg"
    parts += picture.drawn(path, picture.lines, *_curves(suite, table), "log")
    if suite.name == "step":
        panels: dict[str, dict[str, float]] = {}
        for row in filter(lambda row: row.seconds, table.rows):
            title = f"{row.work.dendrites} dendrites × {row.work.somata} somata"
            panels.setdefault(title, {})[row.contestant] = row.time
        picture.drawn(output / "step.svg", picture.bars, panels, table.ours)
    return "\n\n".join([*parts, machine.lines(facts)])


def _ratio(shown: str, theirs: Row, ours: Row) -> float:
    """How many times ours they take."""
    value = SHOWN[shown][0]
    return ratio(theirs, ours) if shown == "time" else value(theirs) / value(ours)


def _values(suite: Suite, table: Table, part: str, shown: str) -> str:
    """A line a contestant, a column a work."""
    value, _, scale, form = SHOWN[shown]
    columns = [ours for _, ours in table.pairs(table.ours, part)]
    lines = []
    for name in table.contestants:
        cells = dict.fromkeys(columns, "")
        spreads = []
        for row, ours in table.pairs(name, part):
            times = _ratio(shown, row, ours)
            text = f"**{times:.3g}×**" if times < 1 else f"{times:.3g}×"
            cells[ours] = f"{value(row) * scale:{form}} ({text})"
            spreads.append((max(row.seconds) - min(row.seconds)) / row.time)
        if spreads:
            spread = [f"{median(spreads):.0%}"] if shown == "time" else []
            lines.append([name, *cells.values(), *spread])
    header = ["", *(label(suite, row) for row in columns)]
    return machine.table(header + ["spread"] * (shown == "time"), lines)


def _curves(suite: Suite, table: Table) -> tuple[dict[str, picture.Series], tuple[str, str], str]:
    """One for each contestant, of what the suite shows first, with the axes' names and ours."""
    value, unit, scale, _ = SHOWN[suite.shows[0]]
    title, place = suite.axis
    panels: dict[str, picture.Series] = {}
    for name in table.contestants:
        for row in table.timed(name):
            at, middle = float(place.format(w=row.work, threads=row.threads)), value(row)
            ends = (
                (min(row.seconds), max(row.seconds)) if suite.shows[0] == "time" else (middle,) * 2
            )
            point = (at, *(each * scale for each in (middle, *ends)))
            panel = panels.setdefault(suite.panel.format(w=row.work), {})
            panel.setdefault(name, []).append(point)
    return panels, (title, unit), table.ours
