"""Kernels that ThreadSanitizer and AddressSanitizer watch: what is reported, and what is not."""

import re

from tests.conftest import child
from tests.emulation import builds

CODE = r"""
constexpr unsigned ALL = 0xffffffffu;

// Neighbours' numbers through shared memory. MEETS is what makes it right.
#define NEIGHBOUR(NAME, MEETS)                                     \
    extern "C" __global__ void NAME(float* out) {                  \
        __shared__ float tile[64];                                 \
        tile[threadIdx.x] = threadIdx.x;                           \
        MEETS;                                                     \
        out[threadIdx.x] = tile[threadIdx.x ^ 1];                  \
    }
NEIGHBOUR(with_barrier, __syncthreads())
NEIGHBOUR(without_barrier, (void)0)
NEIGHBOUR(with_warp_barrier, __syncwarp())
NEIGHBOUR(with_shuffle, __shfl_xor_sync(ALL, 1, 1))

// Read and written again in turns: each turn needs both barriers.
#define TURNS(NAME, MEETS)                                         \
    extern "C" __global__ void NAME(float* out) {                  \
        __shared__ float tile[64];                                 \
        float sum = 0;                                             \
        for (int turn = 0; turn < 3; ++turn) {                     \
            tile[threadIdx.x] = turn;                              \
            __syncthreads();                                       \
            sum += tile[63 - threadIdx.x];                         \
            MEETS;                                                 \
        }                                                          \
        out[threadIdx.x] = sum;                                    \
    }
TURNS(with_both_barriers, __syncthreads())
TURNS(without_the_second, (void)0)

extern "C" __global__ void warps_without_barrier(float* out) {
    __shared__ float tile[64];
    tile[threadIdx.x] = 1;
    __syncwarp();
    out[threadIdx.x] = tile[63 - threadIdx.x];
}

// Blocks are in no order.
extern "C" __global__ void blocks_apart(float* out) {
    __shared__ float tile[64];
    tile[threadIdx.x] = 1;
    __syncthreads();
    float local[8];
    for (int i = 0; i < 8; ++i) local[i] = tile[(threadIdx.x + i) % 64];
    out[blockIdx.x * 64 + threadIdx.x] = local[threadIdx.x % 8];
}
extern "C" __global__ void blocks_that_meet(float* out) {
    __syncthreads();
    if (threadIdx.x == 0) out[0] += blockIdx.x;
}

extern "C" __global__ void reads_beyond(const float* x, float* out, int size) {
    float value = x[threadIdx.x];
    out[threadIdx.x] = int(threadIdx.x) < size ? value : 0;
}
extern "C" __global__ void reads_inside(const float* x, float* out, int size) {
    out[threadIdx.x] = int(threadIdx.x) < size ? x[threadIdx.x] : 0;
}
extern "C" __global__ void shared_beyond(float* out, int from) {
    __shared__ float tile[64];
    tile[threadIdx.x] = 1;
    out[threadIdx.x] = threadIdx.x ? tile[threadIdx.x] : tile[from];
}
"""
#: Lines for a process: what each kernel is reported for follows its name.
RUN = """
    import sys
    import numpy as np
    from tests.emulation import library, streams
    from tests.emulation.test_sanitizers import CODE

    module = library.RawModule(code=CODE)

    def run(name, *arguments, grid=(4,)):
        print("==", name, file=sys.stderr, flush=True)
        module.get_function(name)(grid, (64,), arguments)
        streams.finish()
"""
RACES = """
    for name in {names!r}:
        out = library.zeros(256, np.float32)
        run(name, out, grid=(4,) if "blocks" in name else (1,))
"""


def reports(lines, variables):
    """What a process with these variables writes to its standard error output, by kernel."""
    try:
        child(RUN + lines + "\n    sys.exit(1)\n", timeout=300, **variables)
    except AssertionError as error:
        parts = re.split(r"^ *== (\w+)$", str(error), flags=re.M)
        return dict(zip(parts[1::2], parts[2::2], strict=True))
    raise AssertionError("it did not come to its end")


RIGHT = ("with_barrier", "with_warp_barrier", "with_both_barriers", "blocks_apart")
RACING = {
    "without_barrier": r"(Read|Write) of size 4",
    "with_shuffle": r"(Read|Write) of size 4",
    "without_the_second": r"(Read|Write) of size 4",
    "warps_without_barrier": r"(Read|Write) of size 4",
    "blocks_that_meet": r"(Read|Write) of size 4",
}


def test_a_missing_barrier_is_a_race():
    """A shuffle is none, a warp's orders a warp, and blocks are in no order."""
    found = reports(RACES.format(names=(*RIGHT, *RACING)), builds.environment("races"))
    for name in RIGHT:
        assert "ThreadSanitizer" not in found[name], found[name]
    for name, message in RACING.items():
        assert "WARNING: ThreadSanitizer: data race" in found[name], name
        assert re.search(rf"{message}.*\n +#0 {name} ", found[name]), found[name]


BEYOND = """
    x, out = library.zeros(63, np.float32), library.zeros(64, np.float32)
    run("reads_inside", x, out, np.int32(63), grid=(1,))
    run("reads_beyond", x, out, np.int32(63), grid=(1,))
    run("shared_beyond", out, np.int32(64), grid=(1,))
"""


def test_what_is_read_beyond_an_array_and_not_used():
    """It goes on after a report here, while a suite would end."""
    build = builds.environment("bounds")
    options = build.pop("ASAN_OPTIONS") + ":halt_on_error=0"
    found = reports(BEYOND, build | {"ASAN_OPTIONS": options})
    assert "ERROR" not in found["reads_inside"]
    for name in ("reads_beyond", "shared_beyond"):
        assert "ERROR: AddressSanitizer: use-after-poison" in found[name], name
        assert re.search(rf"#0 0x\w+ in {name} ", found[name]), found[name]
