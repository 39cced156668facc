// Copies what a step needs from the epoch's arrays, and moves the cursor on. One block.
//
//   order         (images,), of the whole epoch
//   epoch_rates   (batches, numbers)
//   samples       of the batch
//   numbers       rates of a batch
//   cursor        (2,): first sample, and number, of the batch; becomes that of the next
//   batch         (samples,), out
//   rates         (numbers,), out
extern "C" __global__ void __launch_bounds__(THREADS)
    next_batch(const int64* order, const double* epoch_rates, int samples, int numbers,
               int64* cursor, int64* batch, double* rates) {
    int64 start = cursor[0], step = cursor[1];
    for (int i = threadIdx.x; i < samples; i += THREADS) batch[i] = order[start + i];
    for (int i = threadIdx.x; i < numbers; i += THREADS) rates[i] = epoch_rates[numbers * step + i];
    __syncthreads();
    if (threadIdx.x == 0) {
        cursor[0] = start + samples;
        cursor[1] = step + 1;
    }
}
