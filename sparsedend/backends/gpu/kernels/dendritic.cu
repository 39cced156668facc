// Dendrites and somata: one block a soma and, forward, a tile; one warp a dendrite.

__device__ inline real leaky(real z, real slope) { return z > 0 ? z : slope * z; }

// The signs of a lane's samples of a dendrite's pre-activation are one byte.
__device__ inline int64 sign_byte(int64 j, int width, int t) { return (j * width + t) / OWN; }

__device__ inline Samples slope_where_off(Samples d, unsigned signs, real slope) {
#pragma unroll
    for (int i = 0; i < OWN; ++i) d.v[i] = signs >> i & 1 ? d.v[i] : slope * d.v[i];
    return d;
}

// out = g(C f(W x + b) + a), f and g leaky ReLU. A dendrite's activation never leaves the
// registers: only its sign is kept, which is all that the backward pass needs.
//
//   x              (inputs, width)
//   indptr         (dendrites + 1,), and indices (nnz,): the synapses', W, as CSR
//   cable_indptr   (somata + 1,): dendrites of each soma
//   w              (nnz,), weights of the synapses
//   b              (dendrites,), biases
//   c              (dendrites,), weights of the cables
//   soma_b         (somata,), biases, a
//   slope          of f, and soma_slope of g, where negative; 1 is the identity
//   out            (somata, width)
//   signs          (dendrites, width / OWN), out: a bit is 1 where the pre-activation is above 0
//   partial        shared
template <class Input>
__device__ inline void soma_forward(const Input* x, const int64* indptr, const int* indices,
                                    const int64* cable_indptr, const real* w, const real* b,
                                    const real* c, const real* soma_b, real slope, real soma_slope,
                                    int width, stored* out, unsigned char* signs,
                                    Samples (*partial)[WARP]) {
    int s = blockIdx.x, t = own_sample();
    real scale = input_scale(x);
    Samples soma = zeros();
    int stop = (int)cable_indptr[s + 1];
    for (int j = (int)cable_indptr[s] + warp(); j < stop; j += WARPS) {
        Samples z = weighted_sum<GROUP>(
            indptr[j], indptr[j + 1], [=](int64 k) { return w[k]; },
            [=](int64 k) { return load(row_at(x + t, indices[k], width)); });
        real bias = b[j];
        unsigned on = 0;
#pragma unroll
        for (int i = 0; i < OWN; ++i) {
            z.v[i] = z.v[i] * scale + bias;
            on |= (z.v[i] > 0 ? 1u : 0u) << i;
            z.v[i] = leaky(z.v[i], slope);
        }
        signs[sign_byte(j, width, t)] = (unsigned char)on;
        add_scaled(soma, c[j], z);
    }
    soma = block_sum(soma, partial);
    if (warp() == 0) {
        real bias = soma_b[s];
#pragma unroll
        for (int i = 0; i < OWN; ++i) soma.v[i] = leaky(soma.v[i] + bias, soma_slope);
        store(out + (int64)s * width + t, soma);
    }
}

// Gradients of all parameters.
//
// A cable's gradient is the sum of delta * y with y the dendrite's activation. Leaky ReLU is
// positively homogeneous, so y = f'(z) z with z = sum of w[k] x[k] + b, and the sum is made of the
// dot products that the synapses' gradients need anyway: activations need not be stored.
//
//   x ... soma_slope   as forward
//   out                (somata, width), and signs: from the forward pass
//   delta              (somata, width), gradient of out; becomes that of the pre-activations
//   gw, gb, gc         (nnz,), (dendrites,), (dendrites,), out: gradients of w, b and c
//   soma_gb            (somata,), out
template <class Input>
__device__ inline void soma_backward(const Input* x, const int64* indptr, const int* indices,
                                     const int64* cable_indptr, const real* w, const real* b,
                                     const real* c, real slope, real soma_slope, int width,
                                     const stored* out, const unsigned char* signs, real* delta,
                                     real* gw, real* gb, real* gc, real* soma_gb) {
    int s = blockIdx.x;
    const stored* y = out + (int64)s * width;
    real* d_soma = delta + (int64)s * width;
    for (int i = threadIdx.x; i < width; i += THREADS)
        if (!(value(y[i]) > 0)) d_soma[i] *= soma_slope;
    __syncthreads();
    if (warp() == 0) {
        real sum = row_sum(width, [=](int t) { return load(d_soma + t); });
        if (lane() == 0) soma_gb[s] = sum;
    }
    real scale = input_scale(x);
    int stop = (int)cable_indptr[s + 1];
    for (int j = (int)cable_indptr[s] + warp(); j < stop; j += WARPS) {
        auto d = [=](int t) {
            return slope_where_off(load(d_soma + t), signs[sign_byte(j, width, t)], slope);
        };
        real cable = c[j], factor = cable * scale, weighted = 0;
        row_dots(x, indptr[j], indptr[j + 1], width, [=](int64 k) { return indices[k]; }, d,
                 [=, &weighted](int64 k, real sum) {
                     gw[k] = factor * sum;
                     weighted += w[k] * sum;
                 });
        real dot_wx = warp_sum(weighted), sum = row_sum(width, d);
        if (lane() == 0) {
            gb[j] = cable * sum;
            gc[j] = scale * dot_wx + b[j] * sum;
        }
    }
}

// `dense_` backward does that of a dense layer of few outputs upon the somata first, of which a soma
// is an input.
//
//   dense_w                (outputs, somata)
//   dense_delta            (outputs, width)
//   dense_gw, dense_gb     (outputs, somata), (outputs,), out
//
// `softmax_dense_` backward does the loss of the dense layer's outputs before, as `softmax_of_tile`.
#define DENDRITIC(FORWARD, BACKWARD, INPUT)                                                \
    extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)                        \
        FORWARD(const INPUT* x, const int64* indptr, const int* indices,                   \
                const int64* cable_indptr, const real* w, const real* b, const real* c,    \
                const real* soma_b, real slope, real soma_slope, int width, stored* out,   \
                unsigned char* signs) {                                                    \
        __shared__ Samples partial[WARPS][WARP];                                           \
        soma_forward(x, indptr, indices, cable_indptr, w, b, c, soma_b, slope, soma_slope, \
                     width, out, signs, partial);                                          \
    }                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)                   \
        BACKWARD(const INPUT* x, const int64* indptr, const int* indices,                  \
                 const int64* cable_indptr, const real* w, const real* b, const real* c,   \
                 real slope, real soma_slope, int width, const stored* out,                \
                 const unsigned char* signs, real* delta, real* gw, real* gb, real* gc,    \
                 real* soma_gb) {                                                          \
        soma_backward(x, indptr, indices, cable_indptr, w, b, c, slope, soma_slope, width, \
                      out, signs, delta, gw, gb, gc, soma_gb);                             \
    }                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)                   \
        dense_##BACKWARD(                                                                  \
            const INPUT* x, const int64* indptr, const int* indices,                       \
            const int64* cable_indptr, const real* w, const real* b, const real* c,        \
            real slope, real soma_slope, int width, const stored* out,                     \
            const unsigned char* signs, real* delta, real* gw, real* gb, real* gc,         \
            real* soma_gb, const real* dense_w, const real* dense_delta, int outputs,      \
            int somata, real* dense_gw, real* dense_gb) {                                  \
        backward_of_input(blockIdx.x, out, dense_w, dense_delta, outputs, somata, width,   \
                          delta, dense_gw, dense_gb);                                      \
        __syncthreads();                                                                   \
        soma_backward(x, indptr, indices, cable_indptr, w, b, c, slope, soma_slope, width, \
                      out, signs, delta, gw, gb, gc, soma_gb);                             \
    }                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)                   \
        softmax_dense_##BACKWARD(                                                          \
            const INPUT* x, const int64* indptr, const int* indices,                       \
            const int64* cable_indptr, const real* w, const real* b, const real* c,        \
            real slope, real soma_slope, int width, const stored* out,                     \
            const unsigned char* signs, real* delta, real* gw, real* gb, real* gc,         \
            real* soma_gb, const real* dense_w, real* dense_delta, int outputs,            \
            int somata, real* dense_gw, real* dense_gb, const stored* logits,              \
            const int64* labels, const int64* order, const real* weights, int weighted,    \
            int samples, double* totals) {                                                 \
        alignas(16) __shared__ real tile[MOST_CLASSES * TILE];                             \
        __shared__ double partial[3][THREADS];                                             \
        softmax_of_tile(logits, labels, order, weights, weighted, samples, outputs,        \
                        dense_delta, totals, tile, partial);                               \
        backward_of_input(blockIdx.x, out, dense_w, tile, outputs, somata, width, delta,   \
                          dense_gw, dense_gb);                                             \
        __syncthreads();                                                                   \
        soma_backward(x, indptr, indices, cable_indptr, w, b, c, slope, soma_slope, width, \
                      out, signs, delta, gw, gb, gc, soma_gb);                             \
    }

DENDRITIC(dendritic_forward, dendritic_backward, stored)
#ifdef PIXELS
DENDRITIC(dendritic_forward_pixels, dendritic_backward_pixels, pixel)
#endif

// Gradient of the inputs: one warp an input and tile; `_shared`, for inputs of many synapses, one
// block.
//
//   indptr      (inputs + 1,): synapses of an input among the next two
//   rows        (nnz,): dendrite
//   positions   (nnz,): where its weight stands in w
//   owners      (dendrites,): soma of each
//   w, c        (nnz,), (dendrites,)
//   slope       of the dendrites
//   signs       from the forward pass
//   delta       (somata, width), as the backward pass left it
//   out         (inputs, width)
#define DENDRITIC_INPUTS(NAME, SHARED)                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)                            \
        NAME(const int64* indptr, const int* rows, const int* positions, const int* owners,    \
             const real* w, const real* c, real slope, const unsigned char* signs,             \
             const real* delta, int inputs, int width, real* out) {                            \
        __shared__ Samples partial[WARPS][WARP];                                               \
        int t = own_sample();                                                                  \
        gather<SHARED, GROUP / 2>(                                                             \
            indptr, inputs, width, out, [=](int64 p) { return w[positions[p]] * c[rows[p]]; }, \
            [=](int64 p) {                                                                     \
                int j = rows[p];                                                               \
                Samples d = load(row_at(delta + t, owners[j], width));                         \
                return slope_where_off(d, signs[sign_byte(j, width, t)], slope);               \
            },                                                                                 \
            partial);                                                                          \
    }

DENDRITIC_INPUTS(dendritic_input_gradient, false)
DENDRITIC_INPUTS(dendritic_input_gradient_shared, true)
