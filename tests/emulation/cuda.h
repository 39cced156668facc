// CUDA C++ on a CPU, for tests: what kernels use of the language. Their blocks are run by fibers.cc.

// Warnings are wanted of the kernels, not of this.
#pragma GCC system_header

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "fibers.h"

#define __global__
// As on a device, where each call has an address of its own then.
#define __device__ __attribute__((always_inline))
#define __launch_bounds__(...)

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

#define SHIM inline __attribute__((always_inline))

SHIM void __syncthreads() { fibers::barrier(); }
SHIM void __syncwarp(unsigned mask = 0xffffffffu) { fibers::warp_barrier(mask); }

template <class T>
SHIM T __shfl_sync(unsigned mask, T value, int source) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "what CUDA shuffles");
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    word = fibers::exchange(mask, word, source % 32);
    std::memcpy(&value, &word, sizeof value);
    return value;
}

template <class T>
SHIM T __shfl_xor_sync(unsigned mask, T value, int lane_mask) {
    return __shfl_sync(mask, value, threadIdx.x % 32 ^ lane_mask);
}

template <class T>
SHIM T __shfl_down_sync(unsigned mask, T value, unsigned delta) {
    unsigned lane = threadIdx.x % 32;
    return __shfl_sync(mask, value, lane + delta < 32 ? lane + delta : lane);
}

namespace fibers {

template <class... A, size_t... I>
const char* launch(void (*kernel)(A...), void** arguments, int grid_x, int grid_y, int block,
                   bool flush, std::index_sequence<I...>) {
    return run([=] { kernel(*static_cast<A*>(arguments[I])...); }, grid_x, grid_y, block, flush);
}

template <class... A>
const char* launch(void (*kernel)(A...), void** arguments, int grid_x, int grid_y, int block,
                   bool flush) {
    return launch(kernel, arguments, grid_x, grid_y, block, flush, std::index_sequence_for<A...>());
}

}  // namespace fibers
