// Dense layers of many outputs: products by tiles of both factors through shared memory.

constexpr int DEPTH = 16;
constexpr int PATCH = 4;
static_assert((SIDE / PATCH) * (SIDE / PATCH) == THREADS, "one patch a thread");
typedef real (*SharedTile)[SIDE + PATCH];

// A tile of a matrix whose element (i, k) lies at i * i_stride + k * k_stride, one of which is 1:
// neighbouring threads read neighbouring elements. Zeros beyond (i_size, k_size).
template <class Number>
__device__ inline void load_tile(const Number* a, int64 i_stride, int64 k_stride, int i_size,
                                 int k_size, int first_i, int first_k, SharedTile tile) {
    for (int n = threadIdx.x; n < SIDE * DEPTH; n += THREADS) {
        int i = k_stride == 1 ? n / DEPTH : n % SIDE;
        int k = k_stride == 1 ? n % DEPTH : n / SIDE;
        bool exists = first_i + i < i_size && first_k + k < k_size;
        tile[k][i] =
            exists ? value(a[(first_i + i) * i_stride + (first_k + k) * k_stride]) : real(0);
    }
}

// out = a b (+ bias). One block SIDE x SIDE elements, counted row by row of such tiles; one thread
// PATCH x PATCH. CuPy's cuBLAS cannot be captured.
//
//   a         element (i, k) at i * a_i + k * a_k
//   b         element (k, j) at k * b_k + j * b_j
//   bias      (rows,); not read where has_bias is 0
//   depth     columns of a, rows of b
//   out       (rows, columns) in C order
//   a_tile    shared, as is b_tile
template <class Number, class Out>
__device__ inline void product_tile(const real* a, int64 a_i, int64 a_k, const Number* b, int64 b_k,
                                    int64 b_j, const real* bias, int has_bias, int rows,
                                    int columns, int depth, Out* out, SharedTile a_tile,
                                    SharedTile b_tile) {
    int across = (columns + SIDE - 1) / SIDE;
    int first_i = blockIdx.x / across * SIDE, first_j = blockIdx.x % across * SIDE;
    int i = threadIdx.x / (SIDE / PATCH) * PATCH, j = threadIdx.x % (SIDE / PATCH) * PATCH;
    real sums[PATCH][PATCH] = {};
    for (int first_k = 0; first_k < depth; first_k += DEPTH) {
        load_tile(a, a_i, a_k, rows, depth, first_i, first_k, a_tile);
        load_tile(b, b_j, b_k, columns, depth, first_j, first_k, b_tile);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < DEPTH; ++k)
#pragma unroll
            for (int p = 0; p < PATCH; ++p)
#pragma unroll
                for (int q = 0; q < PATCH; ++q) sums[p][q] += a_tile[k][i + p] * b_tile[k][j + q];
        __syncthreads();
    }
#pragma unroll
    for (int p = 0; p < PATCH; ++p) {
        int row = first_i + i + p;
        if (row >= rows) return;
        real add = has_bias ? bias[row] : real(0);
#pragma unroll
        for (int q = 0; q < PATCH; ++q) {
            int column = first_j + j + q;
            if (column < columns) put(out + (int64)row * columns + column, sums[p][q] + add);
        }
    }
}

#define PRODUCT(NAME, NUMBER, OUT)                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS)                                         \
        NAME(const real* a, int64 a_i, int64 a_k, const NUMBER* b, int64 b_k, int64 b_j,          \
             const real* bias, int has_bias, int rows, int columns, int depth, OUT* out) {        \
        alignas(16) __shared__ real a_tile[DEPTH][SIDE + PATCH];                                  \
        alignas(16) __shared__ real b_tile[DEPTH][SIDE + PATCH];                                  \
        product_tile(a, a_i, a_k, b, b_k, b_j, bias, has_bias, rows, columns, depth, out, a_tile, \
                     b_tile);                                                                     \
    }

PRODUCT(product, real, real)
#ifdef FLOAT16
PRODUCT(product_forward, stored, stored)
PRODUCT(product_weight_gradient, stored, real)
#endif
