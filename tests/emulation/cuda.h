// CUDA C++ on a CPU, for tests: the threads of a block are fibers, run in a random order.
//
// A kernel runs one block after the other. Shared memory holds garbage when a block begins. Barriers
// want every thread of the block, shuffles every lane of the warp; where one never comes, the launch
// fails instead of hanging.

// Warnings are wanted of the kernels, not of this.
#pragma GCC system_header

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("cuda_shared")))

using std::exp;
using std::expm1;
using std::fabs;
using std::isfinite;
using std::log;
using std::log1p;
using std::pow;
using std::sqrt;
using std::tanh;

struct uint2 {
    unsigned x, y;
};
struct uint4 {
    unsigned x, y, z, w;
};
struct float4 {
    float x, y, z, w;
};

inline float4 __ldcg(const float4* from) { return *from; }

inline unsigned __umulhi(unsigned a, unsigned b) { return (uint64_t)a * b >> 32; }

inline float __uint_as_float(unsigned word) {
    float value;
    std::memcpy(&value, &word, sizeof value);
    return value;
}

inline unsigned __float_as_uint(float value) {
    unsigned word;
    std::memcpy(&word, &value, sizeof word);
    return word;
}

inline float f32_of_f16(unsigned short bits) {
    _Float16 value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline unsigned short f16_of_f32(float value) {
    _Float16 rounded = value;
    unsigned short bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    return bits;
}

extern char __start_cuda_shared[], __stop_cuda_shared[];
// The section exists where no kernel shares anything, too.
__attribute__((used)) __shared__ char nothing_shared;

static struct {
    unsigned x, y;
} threadIdx, blockIdx, blockDim, gridDim;

namespace fibers {

constexpr size_t STACK = 1 << 17;
enum State { READY, AT_BARRIER, AT_SHUFFLE, DONE };

struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(STACK);
    State state;
    int shuffles;
};

struct Warp {
    double values[2][32];
};

static std::vector<Fiber> threads;
static std::vector<Warp> warps;
static ucontext_t scheduler;
static std::function<void()> body;

static void wait(State state) {
    unsigned self = threadIdx.x;
    threads[self].state = state;
    swapcontext(&threads[self].context, &scheduler);
}

static void enter() {
    body();
    threads[threadIdx.x].state = DONE;
}

// Let the threads of [first, last) go on if all of them wait in that state.
static void release(size_t first, size_t last, State state) {
    for (size_t i = first; i < last; ++i)
        if (threads[i].state != state) return;
    for (size_t i = first; i < last; ++i) threads[i].state = READY;
}

// Whether all threads of the block came to their end.
static bool run_block(std::mt19937& rng) {
    std::vector<unsigned> order(threads.size());
    for (size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
        Fiber& fiber = threads[i];
        fiber.state = READY;
        fiber.shuffles = 0;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, enter, 0);
    }
    std::shuffle(order.begin(), order.end(), rng);
    for (;;) {
        bool ran = false;
        for (unsigned i : order) {
            if (threads[i].state != READY) continue;
            ran = true;
            threadIdx.x = i;
            swapcontext(&scheduler, &threads[i].context);
        }
        if (!ran)
            return std::all_of(threads.begin(), threads.end(),
                               [](const Fiber& fiber) { return fiber.state == DONE; });
        for (size_t i = 0; i < threads.size(); i += 32) release(i, i + 32, AT_SHUFFLE);
        release(0, threads.size(), AT_BARRIER);
    }
}

template <class... A, size_t... I>
int launch(void (*kernel)(A...), void** arguments, int grid_x, int grid_y, int block,
           std::index_sequence<I...>) {
    static std::mt19937 rng(1);
    blockDim = {unsigned(block), 1};
    gridDim = {unsigned(grid_x), unsigned(grid_y)};
    threads.resize(block);
    warps.resize(block / 32);
    body = [=] { kernel(*static_cast<A*>(arguments[I])...); };
    for (int y = 0; y < grid_y; ++y)
        for (int x = 0; x < grid_x; ++x) {
            blockIdx.x = x;
            blockIdx.y = y;
            std::memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
            if (!run_block(rng)) return 1;
        }
    return 0;
}

template <class... A>
int launch(void (*kernel)(A...), void** arguments, int grid_x, int grid_y, int block) {
    return launch(kernel, arguments, grid_x, grid_y, block, std::index_sequence_for<A...>());
}

}  // namespace fibers

inline void __syncthreads() { fibers::wait(fibers::AT_BARRIER); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int lane_mask) {
    fibers::Warp& warp = fibers::warps[threadIdx.x / 32];
    int turn = fibers::threads[threadIdx.x].shuffles++ % 2, lane = threadIdx.x % 32;
    warp.values[turn][lane] = value;
    fibers::wait(fibers::AT_SHUFFLE);
    return (T)warp.values[turn][lane ^ lane_mask];
}
