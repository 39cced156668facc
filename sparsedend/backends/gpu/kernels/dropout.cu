// Dropout: one thread an element.

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

// x *= factors, which become 0 with probability `rate`, else `kept`. The random number of an
// element depends on the key, the position, which dropout of the step it is, and the element alone.
//
//   key       (2,)
//   position  (1,), which differs from step to step of an epoch
//   number    of this dropout among those of a step
//   samples   columns that are no padding, where factors become 1
//   x         (features, width), changed in place
//   factors   (features, width), out
extern "C" __global__ void __launch_bounds__(THREADS)
    dropout(const unsigned* key, const int64* position, int number, int samples, int width,
            real rate, real kept, stored* x, real* factors, int64 size) {
    int64 i = element();
    if (i >= size) return;
    real factor = 1;
    if (i % width < samples) {
        uint4 counter = {(unsigned)i, (unsigned)(i >> 32), (unsigned)position[0], (unsigned)number};
        double uniform = philox(counter, uint2{key[0], key[1]}) * (1.0 / 4294967296.0);
        factor = uniform >= rate ? kept : real(0);
    }
    factors[i] = factor;
    put(x + i, value(x[i]) * factor);
}
