// Batches of images: one block a tile of TILE_SAMPLES x TILE_FEATURES.

__device__ inline void put_input(stored* out, real input, real scale) { put(out, input * scale); }
__device__ inline void put_input(pixel* out, unsigned char input, real) {
    *out = __float_as_uint(float(input)) >> 16;
}

// out[:, i] = images[order[i]] * scale, zeros in the padding. Blocks count the tiles of samples,
// row by row of features: of either there may be more than a grid has rows.
//
//   images   (images, features)
//   order    (samples,)
//   scale    of what is read; pixels take none
//   out      (features, width)
//   tile     shared
template <class Value, class Out>
__device__ inline void take(const Value* images, const int64* order, int samples, int features,
                            int width, real scale, Out* out, Value (*tile)[TILE_FEATURES + 1]) {
    int across = width / TILE_SAMPLES;
    int first_sample = blockIdx.x % across * TILE_SAMPLES;
    int first_feature = blockIdx.x / across * TILE_FEATURES;
    for (int i = warp(); i < TILE_SAMPLES; i += WARPS) {
        int sample = first_sample + i;
        int64 start = sample < samples ? order[sample] * features : 0;
        for (int f = lane(); f < TILE_FEATURES; f += WARP) {
            bool exists = sample < samples && first_feature + f < features;
            tile[i][f] = exists ? images[start + first_feature + f] : Value(0);
        }
    }
    __syncthreads();
    static_assert(TILE_SAMPLES == WARP, "one sample a lane");
    for (int f = warp(); f < TILE_FEATURES && first_feature + f < features; f += WARPS) {
        int64 row = (int64)(first_feature + f) * width;
        put_input(out + row + first_sample + lane(), tile[lane()][f], scale);
    }
}

#define TAKE(NAME, VALUE, OUT)                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS)                                   \
        NAME(const VALUE* images, const int64* order, int samples, int features, int width, \
             real scale, OUT* out) {                                                        \
        __shared__ VALUE tile[TILE_SAMPLES][TILE_FEATURES + 1];                             \
        take(images, order, samples, features, width, scale, out, tile);                    \
    }

TAKE(take_uint8, unsigned char, stored)
TAKE(take_float32, float, stored)
TAKE(take_float64, double, stored)
#ifdef PIXELS
TAKE(take_pixels, unsigned char, pixel)
#endif
