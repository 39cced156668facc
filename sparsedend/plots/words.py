"""Texts in pictures."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CONTROL

#: Letters of a name that a picture has room for.
LETTERS = 18


def name(text: str) -> str:
    """A name as Matplotlib shows it letter by letter: in one line, cut, no formula."""
    line = CONTROL.sub(" ", text)
    cut = line if len(line) <= LETTERS else f"{line[: LETTERS - 1]}…"
    return cut.replace("$", r"\$")


def part(what: str, shown: Sequence[int], total: int) -> str:
    """Which of all things of a kind are shown, counted from 0: ``somata 0 … 11 of 64``.

    One may be shown twice.
    """
    if len(shown) == total == len(set(shown)):
        return f"all {total:,} {what}"
    first, last = shown[0], shown[-1]
    if len(shown) > 2 and list(shown) == list(range(first, last + 1)):
        return f"{what} {first:,} … {last:,} of {total:,}"
    return f"{what} {', '.join(f'{each:,}' for each in shown)} of {total:,}"
