// Copies what the next steps need from the epoch's arrays, and moves the cursor on. One block.
//
//   order         (images,), of the whole epoch
//   epoch_rates   (batches, numbers)
//   steps         how many
//   samples       of each of their batches
//   numbers       rates of a batch
//   cursor        (2,): first sample, and number, of the next batch; becomes that of the one after
//   batches       (steps, samples), out
//   rates         (steps, numbers), out
//   positions     (steps,), out: first sample after each batch
extern "C" __global__ void __launch_bounds__(THREADS)
    next_batches(const int64* order, const double* epoch_rates, int steps, int samples, int numbers,
                 int64* cursor, int64* batches, double* rates, int64* positions) {
    int64 start = cursor[0], step = cursor[1], taken = (int64)steps * samples;
#pragma unroll 4
    for (int64 i = threadIdx.x; i < taken; i += THREADS) batches[i] = order[start + i];
    for (int i = threadIdx.x; i < steps * numbers; i += THREADS)
        rates[i] = epoch_rates[numbers * step + i];
    for (int i = threadIdx.x; i < steps; i += THREADS) positions[i] = start + (i + 1LL) * samples;
    __syncthreads();
    if (threadIdx.x == 0) {
        cursor[0] = start + taken;
        cursor[1] = step + steps;
    }
}
