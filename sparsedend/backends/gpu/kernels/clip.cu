// The Euclidean norm of a vector, and keeping it below a limit. Both kernels have as many blocks,
// SUMS at most, by the vector's size alone: the same bits on every device.

__device__ inline int64 stride() { return (int64)gridDim.x * THREADS; }

// Sums of squares, to be added up by `clip`.
//
//   vector   (size,)
//   sums     (SUMS,), becomes that of the elements of each block
extern "C" __global__ void __launch_bounds__(THREADS)
    square_sums(const real* vector, double* sums, int64 size) {
    __shared__ double partial[1][THREADS];
    double own[1] = {};
#pragma unroll 4
    for (int64 i = element(); i < size; i += stride()) {
        double z = vector[i];
        own[0] += z * z;
    }
    block_totals(own, partial);
    if (threadIdx.x == 0) sums[blockIdx.x] = own[0];
}

// Multiplies the vector by limit / norm where its norm is larger, and finite.
//
//   vector   (size,), changed in place
//   sums     (SUMS,), from `square_sums`; every block adds them up
extern "C" __global__ void __launch_bounds__(THREADS)
    clip(real* vector, const double* sums, double limit, int64 size) {
    static_assert(SUMS == THREADS, "one sum a thread");
    __shared__ double partial[1][THREADS];
    double own[1] = {threadIdx.x < gridDim.x ? sums[threadIdx.x] : 0.0};
    block_totals(own, partial);
    double norm = sqrt(own[0]);
    if (!(norm > limit && isfinite(norm))) return;
    real factor = real(limit / norm);
#pragma unroll 4
    for (int64 i = element(); i < size; i += stride()) vector[i] *= factor;
}
