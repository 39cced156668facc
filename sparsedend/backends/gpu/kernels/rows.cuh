// Loads of activations, and sums along the rows of matrices.
//
// A lane owns 16 bytes of real numbers, so a warp reads a row of TILE samples in one coalesced
// sweep. A row comes from far away, so a warp asks for GROUP of them before it uses the first: what
// keeps that from happening, registers above all, is looked for in the machine code by
// ``bench/machine_code.py``. Symbols: x input rows, w weights, b biases, c cable weights, s a soma,
// j a dendrite, k a synapse, t a lane's first sample.

constexpr unsigned ALL = 0xffffffffu;
// Samples of a lane, and of a warp.
constexpr int OWN = 16 / sizeof(real);
constexpr int TILE = WARP * OWN;

struct alignas(16) Samples {
    real v[OWN];
};

// The same number, of which the compiler does not know that it is. What it can make of one that does
// not change in a loop, or changes by steps, it would rather keep from turn to turn, in registers
// that loads in flight need.
__device__ inline int anew(int number) {
    asm volatile("" : "+r"(number));
    return number;
}

// Row `index` of rows of `width` numbers; `first` stands in row 0, at a lane's samples. The address
// is one multiply-add, of two 32-bit factors and a 64-bit base, which reaches through arrays of any
// size: were a factor kept in 64 bits, it would take four.
template <class Number>
__device__ inline const Number* row_at(const Number* first, int index, int width) {
    unsigned bytes = anew(width) * (unsigned)sizeof(Number);
    const char* start = reinterpret_cast<const char*>(first);
    return reinterpret_cast<const Number*>(start + (uint64)(unsigned)index * bytes);
}

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
#pragma unroll 1  // A batch has few tiles.
    for (int t = lane() * OWN; t < width; t += TILE) sum += total(row(t));
    return warp_sum(sum);
}

// Adds factor(k) * row(k) to the sum for `count` entries k from `first` on, ROWS at most. Where
// there are fewer, the last is loaded again instead of the others: so all loads stand side by side,
// none behind a branch. It is not added again, also not times nothing: it may be infinite.
template <int ROWS, class Factor, class Row>
__device__ inline void add_group(Samples& sum, int64 first, int count, Factor factor, Row row) {
    real factors[ROWS];
    Samples rows[ROWS];
#pragma unroll
    for (int i = 0; i < ROWS; ++i) {
        int64 k = first + (i < count ? i : count - 1);
        factors[i] = factor(k);
        rows[i] = row(k);
    }
#pragma unroll
    for (int i = 0; i < ROWS; ++i)
        if (i < count) add_scaled(sum, factors[i], rows[i]);
}

// Sum of factor(k) * row(k) over the entries start <= k < stop, for the samples of this lane.
//
//   factor   k -> real number
//   row      k -> the lane's Samples of the row that belongs to it
//   ROWS     how many are loaded before the first is used
template <int ROWS, class Factor, class Row>
__device__ inline Samples weighted_sum(int64 start, int64 stop, Factor factor, Row row) {
    Samples sum = zeros();
    int64 k = start;
    for (; k + ROWS <= stop; k += ROWS) add_group<ROWS>(sum, k, ROWS, factor, row);
    if (k < stop) add_group<ROWS>(sum, k, int(stop - k), factor, row);
    return sum;
}

// The dot products delta . x[column(k)] for the weights of a row, by one warp; one lane of it uses
// each.
//
//   column   k -> row of x
//   delta    t -> the lane's Samples of delta
//   use      called with k and its dot product
template <class Input, class Column, class Row, class Use>
__device__ inline void row_dots(const Input* x, int64 start, int64 stop, int width, Column column,
                                Row delta, Use use) {
    for (int64 first = start; first < stop; first += GROUP) {
        int columns[GROUP];
        real dots[GROUP];
#pragma unroll
        for (int i = 0; i < GROUP; ++i) {
            int64 k = first + i;
            columns[i] = column(k < stop ? k : stop - 1);
            dots[i] = 0;
        }
        for (int own = lane() * OWN; own < width; own += TILE) {
            int t = anew(own);
            Samples d = delta(t);
#pragma unroll
            for (int i = 0; i < GROUP; ++i)
                dots[i] += dot(d, load(row_at(x + t, columns[i], width)));
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

// Narrows the entries start <= k < stop to those of this warp, where the block shares them: whole
// groups to each warp as long as there are some.
__device__ inline void take_part(int64& start, int64& stop) {
    constexpr int all = WARPS * GROUP;
    int64 each = (stop - start + all - 1) / all * GROUP;
    start += warp() * each;
    if (start + each < stop) stop = start + each;
}

// out[i] = sum of factor(p) * row(p) over the entries of row i of a matrix: one warp a row and tile
// or, where SHARED, one block, of which each warp adds up a part.
//
//   indptr        (rows + 1,): entries of a row among the next two
//   out           (rows, width)
//   factor, row   as `weighted_sum` has them, and ROWS
//   partial       shared, [WARPS][WARP]
template <bool SHARED, int ROWS, class Factor, class Row>
__device__ inline void gather(const int64* indptr, int rows, int width, real* out, Factor factor,
                              Row row, Samples (*partial)[WARP]) {
    int i = SHARED ? blockIdx.x : blockIdx.x * WARPS + warp();
    if (i >= rows) return;
    int64 start = indptr[i], stop = indptr[i + 1];
    if constexpr (SHARED) take_part(start, stop);
    Samples sum = weighted_sum<ROWS>(start, stop, factor, row);
    if constexpr (SHARED) sum = block_sum(sum, partial);
    if (!SHARED || warp() == 0) store(out + (int64)i * width + own_sample(), sum);
}
