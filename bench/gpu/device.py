"""The device: what it is, how fast it moves bytes, and how time is taken on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import cupy

#: Reads an array over and over; each thread 16 bytes at a time.
READ = r"""
extern "C" __global__ void read(const float4* data, long long size, int repeats, float* sums) {
    long long threads = (long long)gridDim.x * blockDim.x;
    long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int r = 0; r < repeats; ++r)
#pragma unroll 8
        for (long long i = first; i < size; i += threads) {
            float4 value = __ldcg(data + i);
            sum += value.x + value.y + value.z + value.w;
        }
    sums[first] = sum;
}
"""
THREADS = 512
#: Less than any L2 cache of a data centre's GPU of today; far more than all L1 caches keep.
L2_BYTES = 16 * 2**20
COPY_BYTES = 2**31


class Ceilings(NamedTuple):
    """Bytes a second: read from the L2 cache, and copied in memory (read and written)."""

    l2: float
    memory: float


def describe() -> str:
    """Device, driver and versions, as Markdown lines."""
    facts = cupy.cuda.runtime.getDeviceProperties(0)
    major, minor = divmod(cupy.cuda.runtime.driverGetVersion() // 10, 100)
    return (
        f"* device: {facts['name'].decode()}, {facts['multiProcessorCount']} multiprocessors, "
        f"{facts['totalGlobalMem'] / 1e9:.0f} GB, L2 cache {facts['l2CacheSize'] / 1e6:.0f} MB\n"
        f"* CuPy {cupy.__version__}, CUDA of the driver {major}.{minor}"
    )


def ceilings(bytes_: int = COPY_BYTES) -> Ceilings:
    """Measure the two."""
    blocks = 4 * cupy.cuda.runtime.getDeviceProperties(0)["multiProcessorCount"]
    data = cupy.zeros(L2_BYTES // 4, cupy.float32)
    sums = cupy.zeros(blocks * THREADS, cupy.float32)
    read = cupy.RawModule(code=READ).get_function("read")
    repeats = 200
    arguments = (data, cupy.int64(data.size // 4), cupy.int32(repeats), sums)
    seconds = event_seconds(lambda: read((blocks,), (THREADS,), arguments))
    source = cupy.zeros(bytes_ // 4, cupy.float32)
    target = cupy.empty_like(source)
    copied = event_seconds(lambda: cupy.copyto(target, source))
    return Ceilings(repeats * L2_BYTES / seconds, 2 * bytes_ / copied)


def event_seconds(queue: Callable[[], Any], rounds: int = 9) -> float:
    """Seconds of what `queue` queues on the current stream, by the device's events: the median."""
    queue()
    times = []
    for _ in range(rounds):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        queue()
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(start, end) / 1e3)
    return median(times)


def wall_seconds(steps: Callable[[int], Any], count: int) -> float:
    """Seconds of one of `count` steps, from before the first is queued until the last is done."""
    began = time.perf_counter()
    steps(count)
    return (time.perf_counter() - began) / count
