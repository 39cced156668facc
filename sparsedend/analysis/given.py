"""What a caller gives, as arrays that can be counted and summed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.arrays import as_host_array
from ..errors import InputError

#: Share of the greatest value by which values may differ that are equal but for rounding; SciPy
#: warns of moments where they differ by half as much.
ROUNDING = 2e-14


def numbers(what: str, given: Any) -> NDArray:
    """Finite numbers in float64, in their shape.

    Raises
    ------
    InputError
        Where they are none, or make no array.
    """
    values = as_host_array(given)
    if values.dtype.kind not in "fiub":
        raise InputError(f"{what} is of {values.dtype}: give numbers")
    values = values.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise InputError(f"{what} holds {values.flat[at]} at {at}: give finite numbers")
    return values


def levels(what: str, given: Any) -> NDArray:
    """Number of each one's level, (n,) int64, counted from 0 as they first occur.

    Levels are of any kind that has a hash, and of several: 1 and "1" are two. NaN, which differs
    from itself, is one like None.

    Raises
    ------
    InputError
        Where they are no vector of such.
    """
    found: dict[Any, int] = {}
    try:
        each_of = given.tolist() if hasattr(given, "tolist") else list(given)
        keys = [each if each == each else None for each in each_of]
        return np.array([found.setdefault(key, len(found)) for key in keys], np.int64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what} are no vector of names or numbers ({error}): give one for each value"
        ) from None


def alike(values: NDArray) -> bool:
    """Whether finite numbers, of which there are some, are equal but for rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())
