"""Independent random streams of one seed."""

import numpy as np

STREAMS = ("split", "connectivity", "weights", "shuffle", "noise", "dropout")


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose, independent of those for any other.

    Parameters
    ----------
    seed : int
        Not negative.
    name : {"split", "connectivity", "weights", "shuffle", "noise", "dropout"}
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(STREAMS.index(name),))
    return np.random.default_rng(sequence)
