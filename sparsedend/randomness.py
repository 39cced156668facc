"""Independent random streams of one seed."""

from __future__ import annotations

import numpy as np

from .numbers import INT64_MAX, whole

SEED_MAX = INT64_MAX
STREAMS = ("split", "connectivity", "weights", "shuffle", "noise", "dropout", "augmentation")


def stream(seed: int, name: str, *part: int) -> np.random.Generator:
    """Random numbers for one purpose, independent of those for any other.

    Parameters
    ----------
    seed : int
        From 0 to `SEED_MAX`.
    name : one of `STREAMS`
    part : int
        Such as the number of an epoch; each has numbers of its own.

    Raises
    ------
    InputError
        Where the seed is another number or none.
    """
    seed = whole("seed", seed, 0, SEED_MAX)
    sequence = np.random.SeedSequence(seed, spawn_key=(STREAMS.index(name), *part))
    return np.random.default_rng(sequence)
