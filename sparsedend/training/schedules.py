"""How the learning rate changes over the epochs: factors of it, by the number of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import InputError

#: (epoch, counted from 0; epochs in all) -> factor of the learning rate.
Schedule = Callable[[int, int], float]


def constant(epoch: int, epochs: int) -> float:
    """Always 1."""
    return 1.0


def step(epoch: int, epochs: int) -> float:
    """A tenth from the middle on, a hundredth in the last quarter (He et al. 2016, section 4.2)."""
    return 0.1 ** ((2 * epoch >= epochs) + (4 * epoch >= 3 * epochs))


def cosine(epoch: int, epochs: int) -> float:
    """Half a cosine from 1 towards 0 (Loshchilov & Hutter 2017, eq. 5, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * epoch / epochs))


SCHEDULES: dict[str, Schedule] = {"constant": constant, "step": step, "cosine": cosine}


def named(schedule: str | Schedule) -> Schedule:
    """Schedule of that name, or the function itself.

    Raises
    ------
    InputError
        Where there is none.
    """
    if callable(schedule):
        return schedule
    if schedule not in SCHEDULES:
        raise InputError(
            f"unknown schedule '{schedule}': choose one of {', '.join(SCHEDULES)}, or give a "
            "function of the epoch and the number of epochs"
        )
    return SCHEDULES[schedule]


def name_of(schedule: Schedule) -> str:
    """Name of a schedule, for a file.

    Raises
    ------
    InputError
        Where it has none.
    """
    for name, known in SCHEDULES.items():
        if known is schedule:
            return name
    raise InputError(
        f"the schedule {getattr(schedule, '__name__', schedule)!r} has no name that a file could "
        "keep: enter it in schedules.SCHEDULES first"
    )
