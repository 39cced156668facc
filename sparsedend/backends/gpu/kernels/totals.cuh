// Sums over a block, in float64 and a fixed order.

// Sums of N numbers of each thread, which become those of every thread.
//
//   own      N numbers
//   partial  (N, THREADS), shared
template <int N>
__device__ inline void block_totals(double (&own)[N], double (*partial)[THREADS]) {
#pragma unroll
    for (int k = 0; k < N; ++k) partial[k][threadIdx.x] = own[k];
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x >= half) continue;
#pragma unroll
        for (int k = 0; k < N; ++k) partial[k][threadIdx.x] += partial[k][threadIdx.x + half];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < N; ++k) own[k] = partial[k][0];
}
