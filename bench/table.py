"""Results as rows, and what can be asked of them."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from .works import Dendritic, Work


class Row(NamedTuple):
    """One part of what one contestant did of one work.

    Attributes
    ----------
    work, threads, contestant
    part : str
        "all" is the sum of several.
    note : str
        Why there are no times; empty where there are.
    seconds : tuple of float
        Per call, one of each round.
    first : float
        Seconds of the proof that it does the same work and of the first call of all parts, with
        all compilation.
    build : float
        Seconds from the imports until the contestant was ready.
    base, peak, device : int
        Bytes after the imports and at most, and at most on a GPU.
    """

    work: Work
    threads: int
    contestant: str
    part: str = ""
    note: str = ""
    seconds: tuple[float, ...] = ()
    first: float = 0.0
    build: float = 0.0
    base: int = 0
    peak: int = 0
    device: int = 0

    @property
    def time(self) -> float:
        """Median seconds."""
        return median(self.seconds)

    @property
    def whole(self) -> bool:
        """Whether it has the times of a whole work, not of a part of one."""
        parts = getattr(self.work, "backward", False)
        return bool(self.seconds) and (self.part == "all" or not parts)

    @property
    def memory(self) -> int:
        """Bytes beyond the imports, and those on a GPU."""
        return self.peak - self.base + self.device


class Table:
    """Rows of one suite, and the name of the contestant that the others are compared with."""

    def __init__(self, rows: list[Row], ours: str) -> None:
        self.rows, self.ours = rows, ours

    @property
    def works(self) -> list[tuple[Work, int]]:
        """Works and threads, in order, once each."""
        return list(dict.fromkeys((row.work, row.threads) for row in self.rows))

    @property
    def contestants(self) -> list[str]:
        """Names, ours first."""
        return list(dict.fromkeys([self.ours, *(row.contestant for row in self.rows)]))

    def timed(self, contestant: str, **fields: Any) -> list[Row]:
        """Rows with times of whole works whose fields are these."""
        return [
            row
            for row in self.rows
            if row.contestant == contestant
            and row.whole
            and all(getattr(row.work, name) == value for name, value in fields.items())
        ]

    def pairs(self, contestant: str, part: str | None = None) -> list[tuple[Row, Row]]:
        """Its row and ours for each work that both did: of whole works, or of that part."""

        def found(name: str) -> dict[tuple[Work, int], Row]:
            return {
                (row.work, row.threads): row
                for row in self.rows
                if row.contestant == name
                and (row.whole if part is None else row.seconds and row.part == part)
            }

        theirs, ours = found(contestant), found(self.ours)
        return [(theirs[key], ours[key]) for key in ours if key in theirs]

    def one(self, contestant: str, **fields: Any) -> Row:
        """The first of `timed`; LookupError where there is none."""
        return self.timed(contestant, **fields)[0]

    def ratio(self, rival: str, **fields: Any) -> float:
        """Times that the rival takes what we take: the median over the rounds."""
        return ratio(self.one(rival, **fields), self.one(self.ours, **fields))

    def fastest(self, **fields: Any) -> float:
        """The least of all rivals' ratios; LookupError where there is no rival."""
        found = [self.ratio(n, **fields) for n in self.contestants[1:] if self.timed(n, **fields)]
        if not found:
            raise LookupError("there are no rivals")
        return min(found)

    def memory_ratio(self, rival: str, **fields: Any) -> float:
        """Times our memory on a GPU that the rival takes."""
        return self.one(rival, **fields).device / self.one(self.ours, **fields).device

    def slope(self) -> float:
        """Of our time against the connections, fitted on logarithmic axes."""
        return _slope([(row.work.connections, row.time) for row in self.timed(self.ours)])

    def memory_slope(self) -> float:
        """Of our memory beyond that of the smallest work against the connections."""
        found = self.timed(self.ours)
        least = found[0].peak
        return _slope([(row.work.connections, row.peak - least) for row in found[2:]])

    def bytes_per_synapse(self, **fields: Any) -> float:
        """Our memory beyond that of the smallest work and the activations, by connections."""
        row, least = self.one(self.ours, **fields), self.timed(self.ours)[0]
        return (row.peak - least.peak - activations(row.work)) / row.work.connections

    def break_even(self, rival: str) -> float:
        """Density at which we take as long as a rival, between those measured (log axes).

        Where we are faster at all of them, the largest.
        """
        found = [(ours.work.density, ratio(theirs, ours)) for theirs, ours in self.pairs(rival)]
        for (low, before), (high, after) in pairwise(found):
            if before >= 1 > after:
                share = np.log(before) / (np.log(before) - np.log(after))
                return float(low * (high / low) ** share)
        return found[-1][0] if found[-1][1] >= 1 else found[0][0]


def ratio(rival: Row, ours: Row) -> float:
    """Median over the rounds of how many times our time the rival took."""
    return median(other / own for own, other in zip(ours.seconds, rival.seconds, strict=True))


def activations(work: Work) -> int:
    """Bytes that ours keeps of a batch: somata's outputs and gradients, dendrites' signs."""
    assert isinstance(work, Dendritic)
    return work.batch * (2 * 4 * work.somata + work.size // 8)


def _slope(points: list[tuple[float, float]]) -> float:
    if len(points) < 2:
        raise LookupError("a slope needs two sizes")
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])
