// Softmax and cross-entropy. One block; one thread a sample.
//
//   logits    (classes, width)
//   labels    (images,)
//   order     (samples,), image of each column
//   weights   (images,); where `weighted` is 0 all weigh 1, and it is not read
//   delta     (classes, width), becomes weight / samples times the gradient, 0 in the padding
//   totals    (3,), gets added to it what Scores says
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    softmax_cross_entropy(const stored* logits, const int64* labels, const int64* order,
                          const real* weights, int weighted, int samples, int classes, int width,
                          real* delta, double* totals) {
    __shared__ double partial[3][THREADS];
    Scores own = {};
    for (int i = threadIdx.x; i < width; i += THREADS) {
        if (i >= samples) {
            no_gradient(delta, classes, width, i);
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
        int64 image = order[i];
        int label = (int)labels[image];
        real weight = weighted ? weights[image] : real(1);
        real loss = log(norm) - (value(logits[(int64)label * width + i]) - top);
        add_sample(own, weight, loss, best == label);
        for (int k = 0; k < classes; ++k) {
            real share = delta[(int64)k * width + i] / norm;
            delta[(int64)k * width + i] = (share - real(k == label)) / real(samples) * weight;
        }
    }
    add_scores(own, partial, totals);
}
