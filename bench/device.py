"""The GPU: what it is, how fast it moves bytes, and how time is taken on it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import cupy

from sparsedend.backends.gpu.device import capture

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


def memory() -> int:
    """Bytes of the device."""
    return _properties()["totalGlobalMem"]


def facts() -> dict[str, str]:
    """Device, driver and versions."""
    found = _properties()
    major, minor = divmod(cupy.cuda.runtime.driverGetVersion() // 10, 100)
    return {
        "device": f"{found['name'].decode()}, {found['multiProcessorCount']} multiprocessors, "
        f"{memory() / 1e9:.0f} GB, L2 cache {found['l2CacheSize'] / 1e6:.0f} MB",
        "CuPy": f"{cupy.__version__}, CUDA of the driver {major}.{minor}",
    }


def ceilings() -> dict[str, float]:
    """Bytes a second: read from the L2 cache, and copied in memory (read and written)."""
    blocks = 4 * _properties()["multiProcessorCount"]
    data = cupy.zeros(L2_BYTES // 4, cupy.float32)
    sums = cupy.zeros(blocks * THREADS, cupy.float32)
    read = cupy.RawModule(code=READ).get_function("read")
    repeats = 200
    arguments = (data, cupy.int64(data.size // 4), cupy.int32(repeats), sums)
    seconds = _event_seconds(lambda: read((blocks,), (THREADS,), arguments))
    source = cupy.zeros(COPY_BYTES // 4, cupy.float32)
    target = cupy.empty_like(source)
    copied = _event_seconds(lambda: cupy.copyto(target, source))
    return {"bytes": repeats * L2_BYTES / seconds, "memory_bytes": 2 * COPY_BYTES / copied}


def in_memory(size: int) -> bool:
    """Whether so many bytes are more than the L2 cache holds."""
    return size > _properties()["l2CacheSize"]


def seconds(queue: Callable[[], Any], repeats: int) -> float:
    """Seconds of what `queue` queues once, inside `Backend.limited`, from a graph of so many."""

    def many() -> None:
        for _ in range(repeats):
            queue()

    queue()
    return _event_seconds(capture(many)) / repeats


def _event_seconds(queue: Callable[[], Any], rounds: int = 9) -> float:
    """Seconds of what is queued on the current stream, by the device's events: the median."""
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


def _properties() -> dict[str, Any]:
    return cupy.cuda.runtime.getDeviceProperties(0)
