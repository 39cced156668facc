// Loads of activations, and sums along the rows of matrices.
//
// A lane owns 16 bytes of real numbers, so a warp reads a row of TILE samples in one coalesced
// sweep. Symbols: x input rows, w weights, b biases, c cable weights, s a soma, j a dendrite, k a
// synapse, t a lane's first sample.

constexpr unsigned ALL = 0xffffffffu;
// Samples of a lane, and of a warp.
constexpr int OWN = 16 / sizeof(real);
constexpr int TILE = WARP * OWN;

struct alignas(16) Samples {
    real v[OWN];
};

// First sample of this lane in tile blockIdx.y.
__device__ inline int own_sample() { return blockIdx.y * TILE + lane() * OWN; }

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

// Sum over the warp, in every lane.
__device__ inline real warp_sum(real value) {
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) value += __shfl_xor_sync(ALL, value, mask);
    return value;
}

// Add up pairs of lanes, each of which keeps half of the values: after fold<4>, <2> and <1> lane l
// holds, of GROUP values, the one of number l / 4, summed over the lanes that differ in bits
// 2 ... 4.
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
    static_assert(GROUP == 8, "folded three times");
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
    for (int64 k = start; k < stop; ++k)
        add_scaled(sum, w[k], load(x + (int64)column(k) * width + t));
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
