"""Threads of a block: barriers, shuffles, shared memory."""

import numpy as np
import pytest

from tests.emulation import library, streams

CODE = r"""
constexpr unsigned ALL = 0xffffffffu;

extern "C" __global__ void some_never_come(float* out) {
    out[threadIdx.x] = 1;
    if (threadIdx.x < 32) __syncthreads();
}

extern "C" __global__ void two_barriers(float* out) {
    if (threadIdx.x < 32) {
        out[threadIdx.x] = 1;
        __syncthreads();
        out[threadIdx.x] = 2;
    } else {
        __syncthreads();
    }
}

extern "C" __global__ void unnamed(float* out) {
    out[threadIdx.x] = __shfl_sync(0x7fffffffu, float(threadIdx.x), 0);
}

extern "C" __global__ void two_shuffles(float* out) {
    float value = threadIdx.x;
    if (threadIdx.x < 16)
        value = 2 * __shfl_xor_sync(ALL, value, 1);
    else
        value = 3 + __shfl_xor_sync(ALL, value, 1);
    out[threadIdx.x] = value;
}

extern "C" __global__ void two_masks(float* out) {
    unsigned mask = threadIdx.x < 16 ? ALL : 0xfffffffeu;
    out[threadIdx.x] = __shfl_xor_sync(mask, float(threadIdx.x), 1);
}

extern "C" __global__ void asks_outside(float* out) {
    if (threadIdx.x >= 16) return;
    out[threadIdx.x] = __shfl_sync(0xffffu, float(threadIdx.x), 16);
}

extern "C" __global__ void one_has_gone(float* out) {
    if (threadIdx.x == 5) return;
    out[threadIdx.x] = __shfl_xor_sync(ALL, float(threadIdx.x), 1);
}

extern "C" __global__ void overrun(float* out, int to) {
    __shared__ float tile[3];
    __shared__ double others[3];
    if (threadIdx.x == 0) {
        tile[to] = 1;
        others[0] = 1;
    }
    __syncthreads();
    out[threadIdx.x] = tile[threadIdx.x % 3];
}

extern "C" __global__ void unwritten(float* out) {
    __shared__ float tile[8];
    if (blockIdx.x == 0) tile[threadIdx.x % 8] = 1;
    __syncthreads();
    out[blockIdx.x * 32 + threadIdx.x] = tile[threadIdx.x % 9];
}

extern "C" __global__ void by_halves(const long long* given, long long* out) {
    int lane = threadIdx.x;
    long long value = given[lane];
    if (lane < 16)
        value = __shfl_xor_sync(0xffffu, value, 1);
    else
        value = __shfl_down_sync(0xffff0000u, value, 2);
    __syncwarp();
    out[lane] = __shfl_sync(ALL, value, lane / 16 * 16 + 15);
    out[32 + lane] = value;
}
"""


@pytest.mark.parametrize(
    ("name", "threads", "message"),
    [
        ("some_never_come", 64, "some threads wait for others that never come"),
        ("two_barriers", 64, "waits at another barrier than the first"),
        ("unnamed", 32, r"thread 31 of block \(0, 0\) gives a mask that does not name it"),
        ("two_shuffles", 32, "name each other in different places"),
        ("two_masks", 32, "name different masks"),
        ("asks_outside", 32, "asks lane 16, which its mask does not name"),
        ("one_has_gone", 32, "waits for lane 5, which has come to its end"),
    ],
)
def test_what_threads_may_not_do(kernels, name, threads, message):
    kernels(name)(library.zeros(threads, np.float32), block=(threads,))
    with pytest.raises(AssertionError, match=f"{name}: .*{message}"):
        streams.finish()


def test_shuffles_among_some_lanes(kernels):
    """Of whole numbers that no double holds."""
    given = np.arange(32) + 2**60 + 1
    out = library.zeros(64, np.int64)
    kernels("by_halves")(library.array(given), out)
    lanes = np.arange(32)
    sources = np.where(lanes < 16, lanes ^ 1, np.where(lanes < 30, lanes + 2, lanes))
    np.testing.assert_array_equal(out.get()[32:], given[sources])
    np.testing.assert_array_equal(out.get()[:32], given[sources][lanes // 16 * 16 + 15])


@pytest.mark.parametrize("to", [-1, 3, 4])
def test_writing_beyond_shared_memory(kernels, to):
    kernels("overrun")(library.zeros(32, np.float32), 2)
    streams.finish()
    kernels("overrun")(library.zeros(32, np.float32), to)
    with pytest.raises(AssertionError, match="beyond the ends of shared memory"):
        streams.finish()


def test_shared_memory_is_nan_until_it_is_written(kernels):
    """In each block anew, and beyond its end."""
    out = library.zeros(64, np.float32)
    kernels("unwritten")(out, grid=(2,))
    first, second = out.get().reshape(2, 32)
    np.testing.assert_array_equal(np.isnan(first), np.arange(32) % 9 == 8)
    assert np.isnan(second).all()
