// Functions of a formula that CUDA has in another sense, or under none: as NumPy has them.

// NaN where either is.
__device__ inline real maximum(real a, real b) { return a > b || a != a ? a : b; }
__device__ inline real minimum(real a, real b) { return a < b || a != a ? a : b; }

__device__ inline real sign(real a) { return a > 0 ? real(1) : a < 0 ? real(-1) : a; }
