"""What a CPU can do at most: reading from the L2 cache, and multiplying and adding."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numba
import numpy as np
from numba import njit, prange

from sparsedend.backends import NumpyBackend
from sparsedend.backends.cpu.simd import TILE, load, muladd, splat, total

#: Bytes each thread reads over and over: less than an L2 cache, far more than an L1 cache.
L2_BYTES = 400 * 1024


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


def ceilings(threads: int) -> dict[str, float]:
    """Multiply-adds of float32, and bytes read from the L2 cache, a second, by all threads."""
    backend = NumpyBackend()
    lanes = L2_BYTES // 4 // TILE * TILE
    data = backend.zeros((threads, lanes), np.float32)
    sums = backend.zeros(threads, np.float32)
    factors = np.full(threads, 0.5, np.float32)
    numba.set_num_threads(threads)
    reads, multiplications = 200, 200_000
    multiplied = seconds(lambda: _multiply(factors, sums, multiplications), 10)
    read = seconds(lambda: _read(data, sums, reads), 10)
    return {
        "multiply_adds": threads * multiplications * TILE / multiplied,
        "bytes": threads * reads * lanes * 4 / read,
    }


def seconds(action: Callable[[], Any], repeats: int) -> float:
    """Seconds of a call: the median, once it is compiled."""
    action()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return median(times)
