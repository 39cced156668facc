// Softmax and cross-entropy of a batch. One block.
//
//   logits ... delta   as `softmax` has them
//   totals             (3,), gets added to it what Scores says
extern "C" __global__ void __launch_bounds__(THREADS, 1)
    softmax_cross_entropy(const stored* logits, const int64* labels, const int64* order,
                          const real* weights, int weighted, int samples, int classes, int width,
                          real* delta, double* totals) {
    __shared__ double partial[3][THREADS];
    Scores own = {};
    softmax(logits, labels, order, weights, weighted, samples, classes, width, delta, own);
    add_scores(own, partial, totals);
}
