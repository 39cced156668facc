// Dense layers of few outputs. Symbols as everywhere; w (outputs, inputs), x (inputs, width), delta
// (outputs, width).

// out = w x + b. One block an output and tile; the warps share the inputs.
//
//   b     (outputs,)
//   out   (outputs, width)
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

// gw = delta x^T and gb the sums of delta. One warp GROUP inputs of output blockIdx.y; the first
// does the bias too.
//
//   gw    (outputs, inputs), out
//   gb    (outputs,), out
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

// out = w^T delta: one warp an input and tile.
//
//   out   (inputs, width)
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
