"""What this machine can do at most: reading from the L2 cache, and multiplying and adding."""

from __future__ import annotations

import time
from statistics import median
from typing import NamedTuple

import numba
import numpy as np
from numba import njit, prange

from sparsedend.backends import NumpyBackend
from sparsedend.backends.simd import TILE, load, muladd, splat, total

#: Bytes each thread reads over and over: less than an L2 cache, far more than an L1 cache.
L2_BYTES = 400 * 1024


class Ceilings(NamedTuple):
    """Rates of all threads together."""

    l2_bytes_per_second: float
    fma_lanes_per_second: float


@njit(parallel=True)
def _read(data, sums, repeats):  # type: ignore[no-untyped-def]
    for part in prange(sums.size):
        row = data[part]
        one = splat(np.float32(1), TILE)
        acc = splat(np.float32(0), TILE)
        for _ in range(repeats):
            for start in range(0, row.size, TILE):
                acc = muladd(one, load(row, start, TILE), acc)
        sums[part] = total(acc)


@njit(parallel=True)
def _multiply(factors, sums, repeats):  # type: ignore[no-untyped-def]
    for part in prange(sums.size):
        a = splat(factors[part], TILE)
        acc = splat(factors[part], TILE)
        for _ in range(repeats):
            acc = muladd(acc, a, a)
        sums[part] = total(acc)


def measure(threads: int, rounds: int = 9) -> Ceilings:
    """Medians over `rounds`."""
    backend = NumpyBackend()
    lanes = L2_BYTES // 4 // TILE * TILE
    data = backend.zeros((threads, lanes), np.float32)
    sums = backend.zeros(threads, np.float32)
    factors = np.full(threads, 0.5, np.float32)
    numba.set_num_threads(threads)
    reads, multiplications = 200, 200_000
    l2, fma = [], []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        _read(data, sums, reads)
        middle = time.perf_counter()
        _multiply(factors, sums, multiplications)
        ended = time.perf_counter()
        l2.append(threads * reads * lanes * 4 / (middle - began))
        fma.append(threads * multiplications * TILE / (ended - middle))
    return Ceilings(median(l2[1:]), median(fma[1:]))
