"""What a claim is checked by, and what came of it."""

from __future__ import annotations

from typing import NamedTuple

#: Models of which there are claims, each beside the vANN.
DANNS = ("dann-r", "dann-lrf", "dann-grf")


class Check(NamedTuple):
    """One comparison: whether it comes out as claimed, and its numbers."""

    holds: bool
    numbers: str


class Finding(NamedTuple):
    """A claim with all that was found of it.

    Attributes
    ----------
    claim, where : str
        What the paper says, and in which figure.
    checks : list of Check
        None where it was not measured.
    """

    claim: str
    where: str
    checks: list[Check]

    @property
    def verdict(self) -> str:
        """Whether it is borne out."""
        held = sum(check.holds for check in self.checks)
        if not self.checks:
            return "not measured"
        if held == len(self.checks):
            return "**borne out**"
        return f"**borne out in {held} of {len(self.checks)}**" if held else "**not borne out**"
