"""The page of results: what is measured anew takes the place of its own section."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .. import machine

HEAD = """# Reliability

What is broken here on purpose, and what comes of it; each section names its command, and its seed,
by which every case is repeated.
"""


class Section(NamedTuple):
    """What one kind of breaking came to.

    Attributes
    ----------
    title : str
    lines : list of str
        In Markdown.
    bad : list of str
        Each case that went wrong, with what repeats it.
    """

    title: str
    lines: list[str]
    bad: list[str]


def table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    """Lines of a table of numbers, after a first column of names."""
    header = [str(each) for each in header]
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def write(path: Path, found: Iterable[Section], command: str, order: Iterable[str]) -> str:
    """Write the sections that were found, and keep those of the page that were not.

    Parameters
    ----------
    path : Path
        Of the page, which need not exist.
    found : iterable of Section
    command : str
        That found them.
    order : iterable of str
        Titles of all sections there may be.

    Returns
    -------
    str
        The page.
    """
    parts = _parts(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for each in found:
        wrong = [f"Wrong: {len(each.bad)}.", *(f"* {case}" for case in each.bad)]
        said = [f"## {each.title}", "", f"`{command}`, commit {machine.commit()}.", ""]
        parts[each.title] = "\n".join([*said, *each.lines, "", *wrong, ""])
    text = "\n".join([HEAD, *(parts[title] for title in order if title in parts)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text


def _parts(text: str) -> dict[str, str]:
    """Sections of a page by their titles."""
    parts = [f"## {part}" for part in text.split("\n## ")[1:]]
    return {part[3:].partition("\n")[0]: part.rstrip("\n") + "\n" for part in parts}
