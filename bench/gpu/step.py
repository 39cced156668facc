"""A whole training step: take a batch, forward, backward, Adam. 784 inputs, batch 128.

Every contestant first has to start from the same loss and to lower it as far in four steps. Then
all take turns, 200 steps each; figures are medians over the rounds, of wall time, the device idle
before and after.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from statistics import median
from typing import Any

from .. import machine
from .contestants import Ours, Problem, Torch, check_equal
from .device import wall_seconds

SIZES = ((4, 128), (16, 256), (64, 512))
STEPS, ROUNDS = 200, 5
WAYS = ("eager", "compiled", "graph")
#: The least ratio to PyTorch eager and to PyTorch's fastest that the project promises.
GOALS = {(16, 256): (10, 2), (64, 512): (1, 4)}


def report(
    sizes: Sequence[tuple[int, int]] = SIZES, steps: int = STEPS, ways: Sequence[str] = ()
) -> str:
    """Measure, and return Markdown."""
    parts = [f"# A step on a GPU\n\n{__doc__}"]
    for dendrites, somata in sizes:
        chosen = ways or (WAYS if (dendrites, somata) in GOALS else ("eager", "graph"))
        contestants = prepared(Problem(784, dendrites, somata, 128), chosen)
        times: dict[str, list[float]] = {each.name: [] for each in contestants}
        for _ in range(ROUNDS):
            for each in contestants:
                times[each.name].append(wall_seconds(each.steps, steps))
        parts.append(f"## {dendrites} dendrites × {somata} somata")
        parts.append(_table(times))
        if (dendrites, somata) in GOALS and len(times) > 1:
            parts.append(_verdict(times, *GOALS[dendrites, somata]))
        contestants.clear()
        gc.collect()
    return "\n\n".join(parts)


def prepared(problem: Problem, ways: Sequence[str]) -> list[Any]:
    """Ours and PyTorch's in so many ways, each found to do the same from the same start."""
    contestants: list[Any] = [Ours(problem)]
    for how in ways:
        for tf32 in (False, True):
            try:
                rival = Torch(problem, how, tf32)
                check_equal([Ours(problem), rival])
            except RuntimeError as error:  # torch.compile wants compilers that may not be there.
                print(f"PyTorch {how}, TF32 {tf32}, is left out: {type(error).__name__}: {error}")
            else:
                contestants.append(rival)
    for each in contestants:
        each.steps(20)
    return contestants


def _table(times: dict[str, list[float]]) -> str:
    ours = median(next(iter(times.values())))
    rows = [
        [
            name,
            f"{median(seconds) * 1e6:,.1f}",
            f"{min(seconds) * 1e6:,.1f} … {max(seconds) * 1e6:,.1f}",
            f"{median(seconds) / ours:.2f}",
        ]
        for name, seconds in times.items()
    ]
    return machine.table(["", "µs per step", "least … most", "times ours"], rows)


def _verdict(times: dict[str, list[float]], eager_goal: float, fastest_goal: float) -> str:
    ours, *theirs = (median(seconds) for seconds in times.values())
    to_eager, to_fastest = theirs[0] / ours, min(theirs) / ours
    reached = to_eager >= eager_goal and to_fastest >= fastest_goal
    return (
        f"{to_eager:.1f}× PyTorch eager (goal {eager_goal}), {to_fastest:.1f}× PyTorch's fastest "
        f"(goal {fastest_goal}): {'reached' if reached else 'MISSED'}."
    )
