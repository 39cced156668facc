// Losses: one block; one thread a sample.

// What a thread adds up over its samples: weight * loss, the weight of those that are right, and
// the weight of all.
struct Scores {
    double v[3];
};

__device__ inline void add_sample(Scores& own, real weight, real loss, bool right) {
    own.v[0] += weight * loss;
    own.v[1] += right ? weight : real(0);
    own.v[2] += weight;
}

// Adds the scores of all threads to totals, (3,); `partial` is shared.
__device__ inline void add_scores(Scores& own, double (*partial)[THREADS], double* totals) {
    block_totals(own.v, partial);
    if (threadIdx.x == 0)
        for (int k = 0; k < 3; ++k) totals[k] += own.v[k];
}

// A column of the padding has no gradient.
__device__ inline void no_gradient(real* delta, int rows, int width, int column) {
    for (int k = 0; k < rows; ++k) delta[(int64)k * width + column] = 0;
}

// Softmax and cross-entropy.
//
//   logits    (classes, width)
//   labels    (images,)
//   order     (samples,), image of each column
//   weights   (images,); where `weighted` is 0 all weigh 1, and it is not read
//   delta     (classes, width), becomes weight / samples times the gradient, 0 in the padding
//   own       gets this thread's samples added
__device__ inline void softmax(const stored* logits, const int64* labels, const int64* order,
                               const real* weights, int weighted, int samples, int classes,
                               int width, real* delta, Scores& own) {
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
}

// What a formula finds of one output: its loss, the derivative by the output, whether it is right.
struct Judgement {
    real loss, gradient;
    bool right;
};

// A loss that compares each output with a target of its own.
//
//   outputs   (rows, width)
//   targets   (images, rows)
//   order     (samples,), image of each column
//   weights   (images,); where `weighted` is 0 all weigh 1, and it is not read
//   delta     (rows, width), becomes weight / (samples * rows) * gradient, 0 in the padding
//   partial   (3, THREADS), shared
//   totals    (3,), gets added to it what Scores says, a sample's loss being the mean over its rows
//   formula   (output, target) -> Judgement
template <class Formula>
__device__ inline void judge(const stored* outputs, const real* targets, const int64* order,
                             const real* weights, int weighted, int samples, int rows, int width,
                             real* delta, double (*partial)[THREADS], double* totals,
                             Formula formula) {
    Scores own = {};
    for (int i = threadIdx.x; i < width; i += THREADS) {
        if (i >= samples) {
            no_gradient(delta, rows, width, i);
            continue;
        }
        int64 image = order[i];
        real weight = weighted ? weights[image] : real(1), loss = 0;
        bool right = true;
        for (int k = 0; k < rows; ++k) {
            int64 at = (int64)k * width + i;
            Judgement found = formula(value(outputs[at]), targets[image * rows + k]);
            loss += found.loss;
            right = right && found.right;
            delta[at] = found.gradient / real((int64)samples * rows) * weight;
        }
        add_sample(own, weight, loss / real(rows), right);
    }
    add_scores(own, partial, totals);
}
