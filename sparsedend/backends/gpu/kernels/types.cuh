// Types of numbers, and where a thread stands: what every kernel is made of.
//
// Compiled with -DREAL=double, or with -DREAL=float -DPIXELS, to which -DFLOAT16 may be added,
// after the constants of program.py: THREADS of a block, WARP, WARPS, and the sides of tiles.
//
// Activations are feature-major, (features, width) in C order, with a width that is a multiple of
// 128 and padding that holds finite numbers. Every sum is made by one thread or in a fixed order of
// threads: the same input gives the same bits, and there are no atomics. Nothing checks bounds:
// structures are checked where they enter the library. All blocks have THREADS threads. Kernels
// that read rows are bound to RESIDENT blocks a multiprocessor: that many registers, and no fewer,
// are what the loads in flight need.

typedef REAL real;
typedef long long int64;
typedef unsigned long long uint64;
// One byte of an image as bfloat16, which holds 0 ... 255 exactly in half the bytes of a float.
typedef unsigned short pixel;

// An activation as it lies in memory: a real number, or its float16. All arithmetic is real, and so
// are parameters and gradients, also those of activations: theirs would fall below float16's range.
// What is beyond it becomes its largest number, not infinite; NaN stays NaN.
#ifdef FLOAT16
struct stored {
    unsigned short bits;
};

__device__ inline real value(stored a) {
    real z;
    asm("cvt.f32.f16 %0, %1;" : "=f"(z) : "h"(a.bits));
    return z;
}

__device__ inline void put(stored* to, real z) {
    constexpr real largest = 65504;
    z = z > largest ? largest : z < -largest ? -largest : z;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to->bits) : "f"(z));
}
#else
typedef real stored;
#endif

__device__ inline real value(real z) { return z; }
__device__ inline void put(real* to, real z) { *to = z; }

__device__ inline int lane() { return threadIdx.x % WARP; }
__device__ inline int warp() { return threadIdx.x / WARP; }
// Element of an elementwise kernel.
__device__ inline int64 element() { return (int64)blockIdx.x * THREADS + threadIdx.x; }
