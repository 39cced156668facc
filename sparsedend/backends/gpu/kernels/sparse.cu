// Sparse layers: one warp a row and, forward, a tile.

// out = W x + b.
//
//   x         (inputs, width)
//   indptr    (rows + 1,), and indices (nnz,): W's, as CSR
//   w         (nnz,)
//   b         (rows,)
//   out       (rows, width)
template <class Input>
__device__ inline void sparse_forward_row(const Input* x, const int64* indptr, const int* indices,
                                          const real* w, const real* b, int rows, int width,
                                          stored* out) {
    int j = blockIdx.x * WARPS + warp(), t = own_sample();
    if (j >= rows) return;
    Samples sum = weighted_sum<GROUP>(
        indptr[j], indptr[j + 1], [=](int64 k) { return w[k]; },
        [=](int64 k) { return load(row_at(x + t, indices[k], width)); });
    real scale = input_scale(x), bias = b[j];
#pragma unroll
    for (int i = 0; i < OWN; ++i) sum.v[i] = sum.v[i] * scale + bias;
    store(out + (int64)j * width + t, sum);
}

// Gradients of the weights that exist, and of the biases.
//
//   x         (inputs, width)
//   indptr    (rows + 1,), and indices (nnz,): W's, as CSR
//   delta     (rows, width), gradient of the outputs
//   gw        (nnz,), out: delta[row] . x[column]
//   gb        (rows,), out: sums of delta
template <class Input>
__device__ inline void sparse_gradient_row(const Input* x, const int64* indptr, const int* indices,
                                           const real* delta, int rows, int width, real* gw,
                                           real* gb) {
    int j = blockIdx.x * WARPS + warp();
    if (j >= rows) return;
    auto row = [=](int t) { return load(delta + (int64)j * width + t); };
    real scale = input_scale(x);
    row_dots(x, indptr[j], indptr[j + 1], width, [=](int64 k) { return indices[k]; }, row,
             [=](int64 k, real sum) { gw[k] = scale * sum; });
    real sum = row_sum(width, row);
    if (lane() == 0) gb[j] = sum;
}

#define SPARSE(FORWARD, GRADIENT, INPUT)                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)                          \
        FORWARD(const INPUT* x, const int64* indptr, const int* indices, const real* w,      \
                const real* b, int rows, int width, stored* out) {                           \
        sparse_forward_row(x, indptr, indices, w, b, rows, width, out);                      \
    }                                                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)                     \
        GRADIENT(const INPUT* x, const int64* indptr, const int* indices, const real* delta, \
                 int rows, int width, real* gw, real* gb) {                                  \
        sparse_gradient_row(x, indptr, indices, delta, rows, width, gw, gb);                 \
    }

SPARSE(sparse_forward, sparse_weight_gradient, stored)
#ifdef PIXELS
SPARSE(sparse_forward_pixels, sparse_weight_gradient_pixels, pixel)
#endif

// out = W^T delta over the transposed structure: one warp an input and tile; `_shared`, for inputs
// of many entries, one block.
//
//   indptr      (inputs + 1,): entries of an input among the next two
//   rows        (nnz,): row of W
//   positions   (nnz,): where its weight stands in w
//   w           (nnz,)
//   delta       (rows of W, width)
//   out         (inputs, width)
#define SPARSE_INPUTS(NAME, SHARED)                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)                     \
        NAME(const int64* indptr, const int* rows, const int* positions, const real* w, \
             const real* delta, int inputs, int width, real* out) {                     \
        __shared__ Samples partial[WARPS][WARP];                                        \
        const real* d = delta + own_sample();                                           \
        gather<SHARED, GROUP>(                                                          \
            indptr, inputs, width, out, [=](int64 p) { return w[positions[p]]; },       \
            [=](int64 p) { return load(row_at(d, rows[p], width)); }, partial);         \
    }

SPARSE_INPUTS(sparse_input_gradient, false)
SPARSE_INPUTS(sparse_input_gradient_shared, true)
