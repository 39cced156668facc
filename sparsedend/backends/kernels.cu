// Kernels of CupyBackend, compiled with -DREAL=double, or with -DREAL=float -DPIXELS, to which
// -DFLOAT16 may be added.
//
// Activations are feature-major, (features, width) in C order, with a width that is a multiple of
// 128 and padding that holds finite numbers. A lane owns 16 bytes of real numbers, so a warp
// reads a row of TILE samples in one coalesced sweep. Every sum is made by one thread or in a fixed
// order of threads: the same input gives the same bits, and there are no atomics. Nothing checks
// bounds: structures are checked where they enter the library.
//
// All blocks have THREADS threads; where a second launch bound is given, it lets the compiler take
// the registers that it would spill otherwise. Symbols: x input rows, w weights, b biases, c cable
// weights, s a soma, j a dendrite, k a synapse, t a lane's first sample.

typedef REAL real;
typedef long long int64;
// One byte of an image as bfloat16, which holds 0 ... 255 exactly in half the bytes of a float.
typedef unsigned short pixel;

// An activation as it lies in memory: a real number, or its float16. All arithmetic is real, and so
// are parameters and gradients, also those of activations: theirs would fall below float16's range.
// What is beyond it becomes its largest number, not infinite; NaN stays NaN.
#ifdef FLOAT16
struct stored {
    unsigned short bits;
};

__device__ inline real value(stored a) {
    real z;
    asm("cvt.f32.f16 %0, %1;" : "=f"(z) : "h"(a.bits));
    return z;
}

__device__ inline void put(stored* to, real z) {
    constexpr real largest = 65504;
    z = z > largest ? largest : z < -largest ? -largest : z;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(z));
}
#else
typedef real stored;
#endif

__device__ inline real value(real z) { return z; }
__device__ inline void put(real* to, real z) { *to = z; }

constexpr int WARP = 32;
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
constexpr unsigned ALL = 0xffffffffu;
// Samples of a lane, and of a warp.
constexpr int OWN = 16 / sizeof(real);
constexpr int TILE = WARP * OWN;
// Dot products that a warp makes at once.
constexpr int GROUP = 8;

struct alignas(16) Samples {
    real v[OWN];
};

__device__ inline int lane() { return threadIdx.x % WARP; }
__device__ inline int warp() { return threadIdx.x / WARP; }
// First sample of this lane in tile blockIdx.y.
__device__ inline int own_sample() { return blockIdx.y * TILE + lane() * OWN; }
// Element of an elementwise kernel.
__device__ inline int64 element() { return (int64)blockIdx.x * THREADS + threadIdx.x; }

__device__ inline Samples load(const real* row) { return *reinterpret_cast<const Samples*>(row); }

__device__ inline void store(real* row, Samples z) { *reinterpret_cast<Samples*>(row) = z; }

#ifdef FLOAT16
struct alignas(8) StoredSamples {
    stored v[OWN];
};

__device__ inline Samples load(const stored* row) {
    StoredSamples packed = *reinterpret_cast<const StoredSamples*>(row);
    Samples z;
#pragma unroll
    for (int i = 0; i < OWN; ++i) z.v[i] = value(packed.v[i]);
    return z;
}

__device__ inline void store(stored* row, Samples z) {
    StoredSamples packed;
#pragma unroll
    for (int i = 0; i < OWN; ++i) put(packed.v + i, z.v[i]);
    *reinterpret_cast<StoredSamples*>(row) = packed;
}
#endif

#ifdef PIXELS
// OWN of them.
struct alignas(8) PixelPairs {
    unsigned word[2];
};

__device__ inline Samples load(const pixel* row) {
    PixelPairs pairs = *reinterpret_cast<const PixelPairs*>(row);
    Samples z;
#pragma unroll
    for (int i = 0; i < OWN; ++i) {
        unsigned word = pairs.word[i / 2];
        z.v[i] = __uint_as_float(i % 2 ? word & 0xffff0000u : word << 16);
    }
    return z;
}
#endif

// What a loaded input is to be multiplied with.
__device__ inline real input_scale(const stored*) { return 1; }
__device__ inline real input_scale(const pixel*) { return real(1) / 255; }

__device__ inline Samples zeros() {
    Samples z;
#pragma unroll
    for (int i = 0; i < OWN; ++i) z.v[i] = 0;
    return z;
}

__device__ inline void add_scaled(Samples& sum, real factor, Samples z) {
#pragma unroll
    for (int i = 0; i < OWN; ++i) sum.v[i] += factor * z.v[i];
}

__device__ inline real dot(Samples a, Samples b) {
    real sum = 0;
#pragma unroll
    for (int i = 0; i < OWN; ++i) sum += a.v[i] * b.v[i];
    return sum;
}

__device__ inline real total(Samples a) {
    real sum = 0;
#pragma unroll
    for (int i = 0; i < OWN; ++i) sum += a.v[i];
    return sum;
}

__device__ inline real leaky(real z, real slope) { return z > 0 ? z : slope * z; }

// Sum over the warp, in every lane.
__device__ inline real warp_sum(real value) {
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(ALL, value, mask);
    return value;
}

// Add up pairs of lanes, each of which keeps half of the values: after fold<4>, <2> and <1> lane l
// holds, of GROUP values, the one of number l / 4, summed over the lanes that differ in bits 2 ... 4.
template <int HALF>
__device__ inline void fold(real (&values)[GROUP]) {
    constexpr int mask = HALF * (WARP / GROUP);
    bool upper = lane() & mask;
#pragma unroll
    for (int i = 0; i < HALF; ++i) {
        real kept = upper ? values[i + HALF] : values[i];
        real sent = upper ? values[i] : values[i + HALF];
        values[i] = kept + __shfl_xor_sync(ALL, sent, mask);
    }
}

// Sums over the warp of GROUP values; lane l gets that of number l / 4.
__device__ inline real group_sums(real (&values)[GROUP]) {
    fold<4>(values);
    fold<2>(values);
    fold<1>(values);
    real sum = values[0];
    sum += __shfl_xor_sync(ALL, sum, 2);
    sum += __shfl_xor_sync(ALL, sum, 1);
    return sum;
}

// Sum of a row of the warp's, in every lane.
template <class Row>
__device__ inline real row_sum(int width, Row row) {
    real sum = 0;
    for (int t = lane() * OWN; t < width; t += TILE) sum += total(row(t));
    return warp_sum(sum);
}

// Sum of w[k] x[column(k)] over the weights of a row, for the samples of this lane.
template <class Input, class Column>
__device__ inline Samples weighted_sum(const Input* __restrict__ x, const real* __restrict__ w,
                                       int64 start, int64 stop, int width, int t, Column column) {
    Samples sum = zeros();
#pragma unroll 8
    for (int64 k = start; k < stop; ++k) add_scaled(sum, w[k], load(x + (int64)column(k) * width + t));
    return sum;
}

// The dot products delta . x[column(k)] for the weights of a row, by one warp; one lane of it uses
// each.
template <class Input, class Column, class Row, class Use>
__device__ inline void row_dots(const Input* __restrict__ x, int64 start, int64 stop, int width,
                                Column column, Row delta, Use use) {
    for (int64 first = start; first < stop; first += GROUP) {
        int columns[GROUP];
        real dots[GROUP];
#pragma unroll
        for (int i = 0; i < GROUP; ++i) {
            int64 k = first + i;
            columns[i] = column(k < stop ? k : stop - 1);
            dots[i] = 0;
        }
        for (int t = lane() * OWN; t < width; t += TILE) {
            Samples d = delta(t);
#pragma unroll
            for (int i = 0; i < GROUP; ++i)
                dots[i] += dot(d, load(x + (int64)columns[i] * width + t));
        }
        real sum = group_sums(dots);
        int64 k = first + lane() / (WARP / GROUP);
        if (lane() % (WARP / GROUP) == 0 && k < stop) use(k, sum);
    }
}

// Sum over the block's warps, for the lanes of the first; `partial` is shared, [WARPS][WARP].
__device__ inline Samples block_sum(Samples own, Samples (*partial)[WARP]) {
    partial[warp()][lane()] = own;
    __syncthreads();
    if (warp() == 0)
        for (int i = 1; i < WARPS; ++i) add_scaled(own, 1, partial[i][lane()]);
    return own;
}

// Batches

// Copies what a step needs from the epoch's arrays, and moves the cursor, (first sample, step), on.
// One block.
extern "C" __global__ void next_batch(const int64* order, const int64* labels,
                                      const double* epoch_rates, int samples, int64* cursor,
                                      int64* batch, int64* batch_labels, double* rates) {
    int64 start = cursor[0], step = cursor[1];
    for (int i = threadIdx.x; i < samples; i += THREADS) {
        int64 image = order[start + i];
        batch[i] = image;
        batch_labels[i] = labels[image];
    }
    if (threadIdx.x < 2) rates[threadIdx.x] = epoch_rates[2 * step + threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
        cursor[0] = start + samples;
        cursor[1] = step + 1;
    }
}

constexpr int TILE_SAMPLES = 32;
constexpr int TILE_FEATURES = 64;

__device__ inline void put_input(stored* out, real input, real scale) { put(out, input * scale); }
__device__ inline void put_input(pixel* out, unsigned char input, real) {
    *out = __float_as_uint(float(input)) >> 16;
}

// out[:, i] = images[order[i]] * scale, zeros in the padding; a tile of images through `tile`.
template <class Value, class Out>
__device__ inline void take(const Value* images, const int64* order, int samples, int features,
                            int width, real scale, Out* out,
                            Value (*tile)[TILE_FEATURES + 1]) {
    int first_feature = blockIdx.x * TILE_FEATURES;
    int first_sample = blockIdx.y * TILE_SAMPLES;
    for (int i = warp(); i < TILE_SAMPLES; i += WARPS) {
        int sample = first_sample + i;
        int64 start = sample < samples ? order[sample] * features : 0;
        for (int f = lane(); f < TILE_FEATURES; f += WARP) {
            bool exists = sample < samples && first_feature + f < features;
            tile[i][f] = exists ? images[start + first_feature + f] : Value(0);
        }
    }
    __syncthreads();
    for (int f = warp(); f < TILE_FEATURES && first_feature + f < features; f += WARPS) {
        int64 row = (int64)(first_feature + f) * width;
        put_input(out + row + first_sample + lane(), tile[lane()][f], scale);
    }
}

#define TAKE(NAME, VALUE, OUT)                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS)                                   \
        NAME(const VALUE* images, const int64* order, int samples, int features, int width, \
             real scale, OUT* out) {                                                        \
        __shared__ VALUE tile[TILE_SAMPLES][TILE_FEATURES + 1];                             \
        take(images, order, samples, features, width, scale, out, tile);                    \
    }

TAKE(take_uint8, unsigned char, stored)
TAKE(take_float32, float, stored)
TAKE(take_float64, double, stored)
#ifdef PIXELS
TAKE(take_pixels, unsigned char, pixel)
#endif

// Sparse: one warp a row and, forward, a tile

template <class Input>
__device__ inline void sparse_forward_row(const Input* x, const int64* indptr, const int* indices,
                                          const real* w, const real* b, int rows, int width,
                                          stored* out) {
    int j = blockIdx.x * WARPS + warp(), t = own_sample();
    if (j >= rows) return;
    Samples sum = weighted_sum(x, w, indptr[j], indptr[j + 1], width, t,
                               [=](int64 k) { return indices[k]; });
    real scale = input_scale(x), bias = b[j];
#pragma unroll
    for (int i = 0; i < OWN; ++i) sum.v[i] = sum.v[i] * scale + bias;
    store(out + (int64)j * width + t, sum);
}

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
    extern "C" __global__ void __launch_bounds__(THREADS)                                    \
        FORWARD(const INPUT* x, const int64* indptr, const int* indices, const real* w,      \
                const real* b, int rows, int width, stored* out) {                           \
        sparse_forward_row(x, indptr, indices, w, b, rows, width, out);                      \
    }                                                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                                 \
        GRADIENT(const INPUT* x, const int64* indptr, const int* indices, const real* delta, \
                 int rows, int width, real* gw, real* gb) {                                  \
        sparse_gradient_row(x, indptr, indices, delta, rows, width, gw, gb);                 \
    }

SPARSE(sparse_forward, sparse_weight_gradient, stored)
#ifdef PIXELS
SPARSE(sparse_forward_pixels, sparse_weight_gradient_pixels, pixel)
#endif

// out = W^T delta over the transposed structure: one warp an input and tile.
extern "C" __global__ void __launch_bounds__(THREADS)
    sparse_input_gradient(const int64* indptr, const int* rows, const int* positions,
                          const real* w, const real* delta, int inputs, int width, real* out) {
    int i = blockIdx.x * WARPS + warp(), t = own_sample();
    if (i >= inputs) return;
    Samples sum = zeros();
    int64 stop = indptr[i + 1];
#pragma unroll 8
    for (int64 p = indptr[i]; p < stop; ++p)
        add_scaled(sum, w[positions[p]], load(delta + (int64)rows[p] * width + t));
    store(out + (int64)i * width + t, sum);
}

// Dendrites and somata: one block a soma and, forward, a tile; one warp a dendrite

// The signs of a lane's samples of a dendrite's pre-activation are one byte.
__device__ inline int64 sign_byte(int64 j, int width, int t) { return (j * width + t) / OWN; }

__device__ inline Samples slope_where_off(Samples d, unsigned signs, real slope) {
#pragma unroll
    for (int i = 0; i < OWN; ++i) d.v[i] = signs >> i & 1 ? d.v[i] : slope * d.v[i];
    return d;
}

// A dendrite's activation never leaves the registers: only its sign is kept, which is all that the
// backward pass needs.
template <class Input>
__device__ inline void soma_forward(const Input* x, const int64* indptr, const int* indices,
                                    const int64* cable_indptr, const real* w, const real* b,
                                    const real* c, const real* soma_b, real slope, int width,
                                    stored* out, unsigned char* signs, Samples (*partial)[WARP]) {
    int s = blockIdx.x, t = own_sample();
    real scale = input_scale(x);
    Samples soma = zeros();
    int64 stop = cable_indptr[s + 1];
    for (int64 j = cable_indptr[s] + warp(); j < stop; j += WARPS) {
        Samples z = weighted_sum(x, w, indptr[j], indptr[j + 1], width, t,
                                 [=](int64 k) { return indices[k]; });
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
        for (int i = 0; i < OWN; ++i) soma.v[i] = leaky(soma.v[i] + bias, slope);
        store(out + (int64)s * width + t, soma);
    }
}

// Gradients of all parameters; `delta` becomes that of the soma's pre-activation.
//
// A cable's gradient is the sum of delta * y with y the dendrite's activation. Leaky ReLU is
// positively homogeneous, so y = f'(z) z with z = sum of w[k] x[k] + b, and the sum is made of the
// dot products that the synapses' gradients need anyway: activations need not be stored.
template <class Input>
__device__ inline void soma_backward(const Input* x, const int64* indptr, const int* indices,
                                     const int64* cable_indptr, const real* w, const real* b,
                                     const real* c, real slope, int width, const stored* out,
                                     const unsigned char* signs, real* delta, real* gw, real* gb,
                                     real* gc, real* soma_gb) {
    int s = blockIdx.x;
    const stored* y = out + (int64)s * width;
    real* d_soma = delta + (int64)s * width;
    for (int i = threadIdx.x; i < width; i += THREADS)
        if (!(value(y[i]) > 0)) d_soma[i] *= slope;
    __syncthreads();
    if (warp() == 0) {
        real sum = row_sum(width, [=](int t) { return load(d_soma + t); });
        if (lane() == 0) soma_gb[s] = sum;
    }
    real scale = input_scale(x);
    int64 stop = cable_indptr[s + 1];
    for (int64 j = cable_indptr[s] + warp(); j < stop; j += WARPS) {
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

#define DENDRITIC(FORWARD, BACKWARD, INPUT)                                                   \
    extern "C" __global__ void __launch_bounds__(THREADS)                                     \
        FORWARD(const INPUT* x, const int64* indptr, const int* indices,                      \
                const int64* cable_indptr, const real* w, const real* b, const real* c,       \
                const real* soma_b, real slope, int width, stored* out,                       \
                unsigned char* signs) {                                                       \
        __shared__ Samples partial[WARPS][WARP];                                              \
        soma_forward(x, indptr, indices, cable_indptr, w, b, c, soma_b, slope, width, out,    \
                     signs, partial);                                                         \
    }                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 2)                                  \
        BACKWARD(const INPUT* x, const int64* indptr, const int* indices,                     \
                 const int64* cable_indptr, const real* w, const real* b, const real* c,      \
                 real slope, int width, const stored* out, const unsigned char* signs,        \
                 real* delta, real* gw, real* gb, real* gc, real* soma_gb) {                  \
        soma_backward(x, indptr, indices, cable_indptr, w, b, c, slope, width, out, signs,    \
                      delta, gw, gb, gc, soma_gb);                                            \
    }

DENDRITIC(dendritic_forward, dendritic_backward, stored)
#ifdef PIXELS
DENDRITIC(dendritic_forward_pixels, dendritic_backward_pixels, pixel)
#endif

// Gradient of the inputs from the somata's delta: one warp an input and tile.
extern "C" __global__ void __launch_bounds__(THREADS)
    dendritic_input_gradient(const int64* indptr, const int* rows, const int* positions,
                             const int* owners, const real* w, const real* c, real slope,
                             const unsigned char* signs, const real* delta, int inputs, int width,
                             real* out) {
    int i = blockIdx.x * WARPS + warp(), t = own_sample();
    if (i >= inputs) return;
    Samples sum = zeros();
    int64 stop = indptr[i + 1];
#pragma unroll 4
    for (int64 p = indptr[i]; p < stop; ++p) {
        int j = rows[p];
        Samples d = load(delta + (int64)owners[j] * width + t);
        d = slope_where_off(d, signs[sign_byte(j, width, t)], slope);
        add_scaled(sum, w[positions[p]] * c[j], d);
    }
    store(out + (int64)i * width + t, sum);
}

// Dense, few outputs

// One block an output and tile; the warps share the inputs.
extern "C" __global__ void __launch_bounds__(THREADS)
    dense_forward(const stored* x, const real* w, const real* b, int inputs, int width,
                  stored* out) {
    __shared__ Samples partial[WARPS][WARP];
    int o = blockIdx.x, t = own_sample();
    const real* row = w + (int64)o * inputs;
    Samples sum = zeros();
#pragma unroll 8
    for (int i = warp(); i < inputs; i += WARPS)
        add_scaled(sum, row[i], load(x + (int64)i * width + t));
    sum = block_sum(sum, partial);
    if (warp() == 0) {
        real bias = b[o];
#pragma unroll
        for (int i = 0; i < OWN; ++i) sum.v[i] += bias;
        store(out + (int64)o * width + t, sum);
    }
}

// One warp GROUP inputs of an output, blockIdx.y; the first does the bias too.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    dense_weight_gradient(const stored* x, const real* delta, int inputs, int width, real* gw,
                          real* gb) {
    int o = blockIdx.y;
    int64 first = (int64)(blockIdx.x * WARPS + warp()) * GROUP;
    if (first >= inputs) return;
    int64 row = (int64)o * inputs, stop = first + GROUP < inputs ? first + GROUP : inputs;
    auto d = [=](int t) { return load(delta + (int64)o * width + t); };
    row_dots(x, row + first, row + stop, width, [=](int64 k) { return int(k - row); }, d,
             [=](int64 k, real sum) { gw[k] = sum; });
    if (first == 0) {
        real sum = row_sum(width, d);
        if (lane() == 0) gb[o] = sum;
    }
}

// One warp an input and tile.
extern "C" __global__ void __launch_bounds__(THREADS)
    dense_input_gradient(const real* w, const real* delta, int outputs, int inputs, int width,
                         real* out) {
    int i = blockIdx.x * WARPS + warp(), t = own_sample();
    if (i >= inputs) return;
    Samples sum = zeros();
#pragma unroll 8
    for (int o = 0; o < outputs; ++o)
        add_scaled(sum, w[(int64)o * inputs + i], load(delta + (int64)o * width + t));
    store(out + (int64)i * width + t, sum);
}

// gb = sums of delta over the samples, beside `product`: one warp an output.
extern "C" __global__ void __launch_bounds__(THREADS)
    row_sums(const real* delta, int rows, int width, real* gb) {
    int o = blockIdx.x * WARPS + warp();
    if (o >= rows) return;
    real sum = row_sum(width, [=](int t) { return load(delta + (int64)o * width + t); });
    if (lane() == 0) gb[o] = sum;
}

// Dense, many outputs: tiles of both factors through shared memory

constexpr int SIDE = 64;
constexpr int DEPTH = 16;
constexpr int PATCH = 4;
typedef real (*SharedTile)[SIDE + PATCH];

// A tile of a matrix whose element (i, k) lies at i * i_stride + k * k_stride, one of which is 1:
// neighbouring threads read neighbouring elements.
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

// out = a b (+ bias), (rows, columns) in C order; element (i, k) of a and (k, j) of b by strides.
// One block SIDE x SIDE elements, one thread PATCH x PATCH. CuPy's cuBLAS cannot be captured.
template <class Number, class Out>
__device__ inline void product_tile(const real* a, int64 a_i, int64 a_k, const Number* b, int64 b_k,
                                    int64 b_j, const real* bias, int has_bias, int rows,
                                    int columns, int depth, Out* out, SharedTile a_tile,
                                    SharedTile b_tile) {
    int first_i = blockIdx.x * SIDE, first_j = blockIdx.y * SIDE;
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

// Elementwise: one thread an element

extern "C" __global__ void __launch_bounds__(THREADS)
    leaky_relu(const stored* x, real slope, stored* out, int64 size) {
    int64 i = element();
    if (i < size) put(out + i, leaky(value(x[i]), slope));
}

extern "C" __global__ void __launch_bounds__(THREADS)
    leaky_relu_backward(const stored* y, real slope, real* delta, int64 size) {
    int64 i = element();
    if (i < size && !(value(y[i]) > 0)) delta[i] *= slope;
}

// A number below 2**32 by Philox 4x32-10 (Salmon et al. 2011), a function of counter and key.
__device__ inline unsigned philox(uint4 counter, uint2 key) {
#pragma unroll
    for (int i = 0; i < 10; ++i) {
        unsigned low0 = 0xD2511F53u * counter.x, high0 = __umulhi(0xD2511F53u, counter.x);
        unsigned low1 = 0xCD9E8D57u * counter.z, high1 = __umulhi(0xCD9E8D57u, counter.z);
        counter = uint4{high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0};
        key = uint2{key.x + 0x9E3779B9u, key.y + 0xBB67AE85u};
    }
    return counter.x;
}

// x *= factors, which become 0 with probability `rate`, else `kept`. The random number of an element
// depends on the key, the cursor, which step of dropout it is, and the element alone.
extern "C" __global__ void __launch_bounds__(THREADS)
    dropout(const unsigned* key, const int64* cursor, int number, int samples, int width,
            real rate, real kept, stored* x, real* factors, int64 size) {
    int64 i = element();
    if (i >= size) return;
    real factor = 1;
    if (i % width < samples) {
        uint4 counter = {(unsigned)i, (unsigned)(i >> 32), (unsigned)cursor[0], (unsigned)number};
        double uniform = philox(counter, uint2{key[0], key[1]}) * (1.0 / 4294967296.0);
        factor = uniform >= rate ? kept : real(0);
    }
    factors[i] = factor;
    put(x + i, value(x[i]) * factor);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    dropout_backward(const real* factors, real* delta, int64 size) {
    int64 i = element();
    if (i < size) delta[i] *= factors[i];
}

// Loss and optimizer

// One block; one thread a sample. Adds to totals, (summed loss, number correct).
extern "C" __global__ void __launch_bounds__(THREADS)
    softmax_cross_entropy(const stored* logits, const int64* labels, int samples, int classes,
                          int width, real* delta, double* totals) {
    __shared__ double losses[THREADS];
    __shared__ int hits[THREADS];
    double loss = 0;
    int correct = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        if (i >= samples) {
            for (int k = 0; k < classes; ++k) delta[(int64)k * width + i] = 0;
            continue;
        }
        int best = 0;
        real top = value(logits[i]);
        for (int k = 1; k < classes; ++k) {
            real z = value(logits[(int64)k * width + i]);
            if (z > top) {
                top = z;
                best = k;
            }
        }
        real norm = 0;
        for (int k = 0; k < classes; ++k) {
            real e = exp(value(logits[(int64)k * width + i]) - top);
            delta[(int64)k * width + i] = e;
            norm += e;
        }
        int label = (int)labels[i];
        loss += log(norm) - (value(logits[(int64)label * width + i]) - top);
        correct += best == label;
        for (int k = 0; k < classes; ++k) {
            real share = delta[(int64)k * width + i] / norm;
            delta[(int64)k * width + i] = (share - real(k == label)) / real(samples);
        }
    }
    losses[threadIdx.x] = loss;
    hits[threadIdx.x] = correct;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            losses[threadIdx.x] += losses[threadIdx.x + half];
            hits[threadIdx.x] += hits[threadIdx.x + half];
        }
    }
    if (threadIdx.x == 0) {
        totals[0] += losses[0];
        totals[1] += hits[0];
    }
}

// One step of Adam; share1 is 1 - beta1, rates (rate with the bias corrections, decay).
extern "C" __global__ void __launch_bounds__(THREADS)
    adam(real* p, const real* g, real* m, real* v, const double* rates, real share1, real share2,
         real epsilon, int64 size) {
    int64 i = element();
    if (i >= size) return;
    real gradient = g[i], first = m[i], second = v[i], parameter = p[i];
    first += share1 * (gradient - first);
    second += share2 * (gradient * gradient - second);
    m[i] = first;
    v[i] = second;
    real rate = real(rates[0]), decay = real(rates[1]);
    p[i] = parameter - (rate * first / (sqrt(second) + epsilon) + decay * parameter);
}
