"""Loops of sparse layers."""

from numba import prange

from ..compilation import kernel
from ..simd import item, load, muladd, splat, store, total
from .rows import input_scale, row, synapse_gradients

#: Samples that the loops of a sparse layer take before they turn to the next. Of more, the inputs'
#: rows would leave the caches between two outputs that read them: at density .05 and 2,048 samples
#: PyTorch dense took 1.6 times as long as all at once, and takes 4.4 times as long as so
#: (bench/results/scaling.md, srigl-layer, of commit 5ff6d0b and since).
PANEL = 512


@kernel
def forward(tile, x, indptr, indices, w, b, out):
    """``out = W x + b``."""
    width = x.shape[1]
    xs, outs = x.reshape(-1), out.reshape(-1)
    scale = input_scale(x, w)
    for first in range(0, width, PANEL):
        for j in prange(out.shape[0]):
            for t in range(first, min(first + PANEL, width), tile.lanes):
                z = splat(w.dtype.type(0), tile)
                for k in range(item(indptr, j), item(indptr, j + 1)):
                    z = muladd(
                        splat(item(w, k), tile), load(xs, row(item(indices, k), width, t), tile), z
                    )
                z = muladd(z, splat(scale, tile), splat(item(b, j), tile))
                store(outs, row(j, width, t), z)


@kernel
def weight_gradient(tile, x, indptr, indices, w, delta, gw, gb):
    """``gw[k] = delta[row of k] · x[indices[k]]``, ``gb = sum of delta over samples``."""
    width = x.shape[1]
    xs, deltas = x.reshape(-1), delta.reshape(-1)
    scale = input_scale(x, w)
    for first in range(0, width, PANEL):
        for j in prange(delta.shape[0]):
            if first == 0:
                gb[j] = 0
            for t in range(first, min(first + PANEL, width), tile.lanes):
                d = load(deltas, row(j, width, t), tile)
                gb[j] += total(d)
                start, stop = item(indptr, j), item(indptr, j + 1)
                synapse_gradients(tile, d, xs, indices, start, stop, width, t, w, scale, gw)


@kernel
def input_gradient(tile, indptr, rows, positions, w, delta, out):
    """``out = Wᵀ delta`` over the transposed structure."""
    width = delta.shape[1]
    deltas, outs = delta.reshape(-1), out.reshape(-1)
    for first in range(0, width, PANEL):
        for i in prange(out.shape[0]):
            for t in range(first, min(first + PANEL, width), tile.lanes):
                sums = splat(w.dtype.type(0), tile)
                for p in range(item(indptr, i), item(indptr, i + 1)):
                    weight = splat(item(w, item(positions, p)), tile)
                    sums = muladd(weight, load(deltas, row(item(rows, p), width, t), tile), sums)
                store(outs, row(i, width, t), sums)
