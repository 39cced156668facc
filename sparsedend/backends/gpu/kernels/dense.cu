// Dense layers of few outputs. Symbols as everywhere; w (outputs, inputs), x (inputs, width), delta
// (outputs, width).

// Sum of row[i] * x[i] over the inputs start <= i < stop, which the block's warps share: for the
// lanes of the first, in tile blockIdx.y.
//
//   row       (inputs,): an output's weights
//   partial   shared, [WARPS][WARP]
__device__ inline Samples sum_of_inputs(const stored* x, const real* row, int64 start, int64 stop,
                                        int width, Samples (*partial)[WARP]) {
    const stored* x_t = x + own_sample();
    take_part(start, stop);
    Samples sum = weighted_sum<GROUP>(
        start, stop, [=](int64 i) { return row[i]; },
        [=](int64 i) { return load(row_at(x_t, int(i), width)); });
    return block_sum(sum, partial);
}

// out = w x + b. One block an output and tile.
//
//   b     (outputs,)
//   out   (outputs, width)
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    dense_forward(const stored* x, const real* w, const real* b, int inputs, int width,
                  stored* out) {
    __shared__ Samples partial[WARPS][WARP];
    int o = blockIdx.x;
    Samples sum = sum_of_inputs(x, w + (int64)o * inputs, 0, inputs, width, partial);
    if (warp() == 0) {
        real bias = b[o];
#pragma unroll
        for (int i = 0; i < OWN; ++i) sum.v[i] += bias;
        store(out + (int64)o * width + own_sample(), sum);
    }
}

// Of many inputs: sums of w x over `slice` of them each, to be added up by `dense_total`. One block
// an output, slice and tile, those of a slice, which read the same, beside each other.
//
//   sums   (slices, outputs, width), out
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    dense_slices(const stored* x, const real* w, int outputs, int inputs, int slice, int width,
                 real* sums) {
    __shared__ Samples partial[WARPS][WARP];
    int o = blockIdx.x % outputs;
    int64 start = (int64)(blockIdx.x / outputs) * slice;
    int64 stop = start + slice < inputs ? start + slice : inputs;
    Samples sum = sum_of_inputs(x, w + (int64)o * inputs, start, stop, width, partial);
    if (warp() == 0) store(sums + (int64)blockIdx.x * width + own_sample(), sum);
}

// out = the sum of the slices' sums, and b: one thread an element.
extern "C" __global__ void __launch_bounds__(THREADS)
    dense_total(const real* sums, const real* b, int slices, int width, stored* out, int64 size) {
    int64 i = element();
    if (i >= size) return;
    real sum = 0;
#pragma unroll 8
    for (int s = 0; s < slices; ++s) sum += sums[s * size + i];
    put(out + i, sum + b[i / width]);
}

// gw = delta x^T and gb the sums of delta. One warp GROUP inputs of output blockIdx.y; the first
// does the bias too.
//
//   gw    (outputs, inputs), out
//   gb    (outputs,), out
extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)
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

// out = w^T delta: one warp an input and tile.
//
//   out   (inputs, width)
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    dense_input_gradient(const real* w, const real* delta, int outputs, int inputs, int width,
                         real* out) {
    int i = blockIdx.x * WARPS + warp(), t = own_sample();
    if (i >= inputs) return;
    Samples sum = weighted_sum<GROUP>(
        0, outputs, [=](int64 o) { return w[o * inputs + i]; },
        [=](int64 o) { return load(row_at(delta + t, int(o), width)); });
    store(out + (int64)i * width + t, sum);
}

// Of input i, by one block: its row of w^T delta, and the gradients of its weights. Each warp does
// tiles of the one and groups of the others; the last one does every `inputs`-th bias, from i on.
//
//   w       (outputs, inputs)
//   delta   (outputs, width), which may be shared
//   out     (inputs, width), out
//   gw      (outputs, inputs), out
//   gb      (outputs,), out
__device__ inline void backward_of_input(int i, const stored* x, const real* w, const real* delta,
                                         int outputs, int inputs, int width, real* out, real* gw,
                                         real* gb) {
    int tiles = width / TILE, groups = (outputs + GROUP - 1) / GROUP;
    for (int n = warp(); n < tiles + groups; n += WARPS) {
        if (n < tiles) {
            int t = n * TILE + lane() * OWN;
            Samples sum = weighted_sum<GROUP>(
                0, outputs, [=](int64 o) { return w[o * inputs + i]; },
                [=](int64 o) { return load(row_at(delta + t, int(o), width)); });
            store(out + (int64)i * width + t, sum);
        } else {
            int first = (n - tiles) * GROUP, stop = first + GROUP < outputs ? first + GROUP : outputs;
            const stored* x_i = x + (int64)i * width;
            row_dots(delta, first, stop, width, [](int64 o) { return int(o); },
                     [=](int t) { return load(x_i + t); },
                     [=](int64 o, real sum) { gw[o * inputs + i] = sum; });
        }
    }
    if (warp() < WARPS - 1) return;
    for (int o = i; o < outputs; o += inputs) {
        real sum = row_sum(width, [=](int t) { return load(delta + (int64)o * width + t); });
        if (lane() == 0) gb[o] = sum;
    }
}

// All of it: one block an input.
extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)
    dense_backward(const stored* x, const real* w, const real* delta, int outputs, int inputs,
                   int width, real* out, real* gw, real* gb) {
    backward_of_input(blockIdx.x, x, w, delta, outputs, inputs, width, out, gw, gb);
}

// Softmax and cross-entropy of a batch of one tile, by every block for itself: to wait for one that
// does it for all takes longer. The first leaves delta and totals in memory.
//
//   logits ... totals   as `softmax_cross_entropy` has them
//   tile                (MOST_CLASSES, TILE), shared, becomes delta
//   partial             (3, THREADS), shared
__device__ inline void softmax_of_tile(const stored* logits, const int64* labels,
                                       const int64* order, const real* weights, int weighted,
                                       int samples, int classes, real* delta, double* totals,
                                       real* tile, double (*partial)[THREADS]) {
    Scores own = {};
    softmax(logits, labels, order, weights, weighted, samples, classes, TILE, tile, own);
    if (blockIdx.x == 0) add_scores(own, partial, totals);
    __syncthreads();
    if (blockIdx.x > 0) return;
    for (int n = threadIdx.x; n < classes * TILE; n += THREADS) delta[n] = tile[n];
}

// Both: one block an input.
extern "C" __global__ void __launch_bounds__(THREADS, DOTS_RESIDENT)
    softmax_dense_backward(const stored* x, const real* w, real* delta, int outputs, int inputs,
                           int width, real* out, real* gw, real* gb, const stored* logits,
                           const int64* labels, const int64* order, const real* weights,
                           int weighted, int samples, double* totals) {
    alignas(16) __shared__ real tile[MOST_CLASSES * TILE];
    __shared__ double partial[3][THREADS];
    softmax_of_tile(logits, labels, order, weights, weighted, samples, outputs, delta, totals, tile,
                    partial);
    backward_of_input(blockIdx.x, x, w, tile, outputs, inputs, width, out, gw, gb);
}

// gb = sums of delta over the samples, beside `product`: one warp an output.
//
//   delta   (rows, width)
//   gb      (rows,), out
extern "C" __global__ void __launch_bounds__(THREADS)
    row_sums(const real* delta, int rows, int width, real* gb) {
    int o = blockIdx.x * WARPS + warp();
    if (o >= rows) return;
    real sum = row_sum(width, [=](int t) { return load(delta + (int64)o * width + t); });
    if (lane() == 0) gb[o] = sum;
}
