"""Random numbers on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Array
from .device import cupy


@dataclass(eq=False)
class DeviceRandom:
    """Random numbers of a step, which kernels make from a key, a position and a number.

    Attributes
    ----------
    key : (2,) uint32
    position : (1,) int64
        Which differs from step to step of an epoch.
    used : int
        Times that the step has taken random numbers.
    """

    key: Array
    position: Array
    used: int = 0

    def next_number(self) -> int:
        """Number of one more use within the step, from 0 on."""
        self.used += 1
        return self.used - 1


def key_of(generator: np.random.Generator) -> NDArray:
    """Draw a key, (2,) uint32, from a generator of the host."""
    return generator.integers(2**32, size=2, dtype=np.uint32)


def once(generator: np.random.Generator) -> DeviceRandom:
    """Random numbers for a single use, from a key of their own."""
    return DeviceRandom(cupy.array(key_of(generator)), cupy.zeros(1, np.int64))
