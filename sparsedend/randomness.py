"""Independent random streams of one seed."""

from __future__ import annotations

import numpy as np

from .errors import InputError

STREAMS = ("split", "connectivity", "weights", "shuffle", "noise", "dropout")


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose, independent of those for any other.

    Parameters
    ----------
    seed : int
        From 0 to 2**63 - 1; an integer of NumPy's gives the same numbers.
    name : {"split", "connectivity", "weights", "shuffle", "noise", "dropout"}

    Raises
    ------
    InputError
        Where the seed is none.
    """
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool | np.timedelta64)
    if not whole or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed}: give a whole number from 0 to 2**63 - 1")
    sequence = np.random.SeedSequence(int(seed), spawn_key=(STREAMS.index(name),))
    return np.random.default_rng(sequence)
