// What kernels, compiled for the host, ask of the block that they run in: see fibers.cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

struct Position {
    unsigned x, y, z;
};
extern Position threadIdx, blockIdx, blockDim, gridDim;

namespace fibers {

// Memory of the block for one declaration, the same for all of its threads: guards stand around it,
// and it holds NaN when a block begins.
void* shared_bytes(const void* declaration, size_t size);

template <class T>
T& shared(const void* declaration) {
    return *static_cast<T*>(shared_bytes(declaration, sizeof(T)));
}

// Wait for all threads of the block.
void barrier();

// Wait for the lanes of the mask, and get what lane `source` of them gives.
uint64_t exchange(unsigned mask, uint64_t given, int source);

// Wait for the lanes of the mask, and see what they have written.
void warp_barrier(unsigned mask);

// Run a kernel, block after block; what went wrong, or null. `flush`: denormals are zeros.
const char* run(const std::function<void()>& kernel, unsigned grid_x, unsigned grid_y,
                unsigned block, bool flush);

}  // namespace fibers
