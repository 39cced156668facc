"""Numbers from the caller, checked, as Python's own: NumPy's could not be written as JSON later."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

from .errors import InputError

#: The largest that a file holds.
INT64_MAX = 2**63 - 1
#: Of a whole number that a message writes in digits.
BITS = 256


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number in a range.

    Raises
    ------
    InputError
        Where it is none, or outside of `least` … `most`.
    """
    limits = f"of {least} or more" if most is None else f"from {least} to {most}"
    try:
        found = operator.index(value)
    except TypeError:
        found = None
    if found is None or isinstance(value, bool):
        raise InputError(f"{name} is {value!r}: give a whole number {limits}")
    if found < least or (most is not None and found > most):
        # Python writes no number of more than some thousand digits.
        shown = f"{found}" if found.bit_length() <= BITS else f"of {found.bit_length():,} bits"
        raise InputError(f"{name} is {shown}: give a whole number {limits}")
    return found


def real(
    name: str, value: Any, least: float, below: float = math.inf, *, above: bool = False
) -> float:
    """A finite real number from `least` up to, not including, `below`.

    Parameters
    ----------
    above : bool
        Whether `least` itself is out of range.

    Raises
    ------
    InputError
        Where it is none, or out of range.
    """
    words = f"above {least:g}" if above else f"of {least:g} or more"
    if below < math.inf:
        first = f"above {least:g}" if above else f"from {least:g}"
        words = f"{first} up to, not including, {below:g}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise InputError(f"{name} is {value!r}: give a finite number {words}")
    try:
        found = float(value)
    except OverflowError:  # An integer beyond all floating-point numbers.
        found = math.inf
    if not (math.isfinite(found) and least <= found < below) or (above and found == least):
        raise InputError(f"{name} is {found:g}: give a finite number {words}")
    return found
