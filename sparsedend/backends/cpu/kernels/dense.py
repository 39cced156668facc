"""Dense layers: loops for few weights, BLAS for many."""

import numpy as np
from numba import njit, prange

from ..compilation import kernel
from ..simd import SUMS, dot, dots, item, load, muladd, splat, store, total
from .rows import row


@kernel
def forward(tile, x, w, b, out):
    """``out = w x + b`` for few weights."""
    inputs, width = x.shape
    xs, ws, outs = x.reshape(-1), w.reshape(-1), out.reshape(-1)
    for o in prange(out.shape[0]):
        for t in range(0, width, tile.lanes):
            z = splat(item(b, o), tile)
            for i in range(inputs):
                z = muladd(
                    splat(item(ws, row(o, inputs, i)), tile), load(xs, row(i, width, t), tile), z
                )
            store(outs, row(o, width, t), z)


@kernel
def weight_gradient(tile, x, delta, gw, gb):
    """``gw = delta xᵀ`` and ``gb = sum of delta over samples``, for few weights."""
    inputs, width = x.shape
    xs, deltas, gws = x.reshape(-1), delta.reshape(-1), gw.reshape(-1)
    for o in prange(delta.shape[0]):
        gb[o] = 0
        for t in range(0, width, tile.lanes):
            d = load(deltas, row(o, width, t), tile)
            gb[o] += total(d)
            i = 0
            while i + SUMS <= inputs:
                g = dots(
                    d,
                    load(xs, row(i, width, t), tile),
                    load(xs, row(i + 1, width, t), tile),
                    load(xs, row(i + 2, width, t), tile),
                    load(xs, row(i + 3, width, t), tile),
                )
                here = row(o, inputs, i)
                if t > 0:
                    g = muladd(g, splat(gw.dtype.type(1), SUMS), load(gws, here, SUMS))
                store(gws, here, g)
                i += SUMS
            while i < inputs:
                g1 = dot(d, load(xs, row(i, width, t), tile))
                gw[o, i] = g1 if t == 0 else gw[o, i] + g1
                i += 1


@kernel
def input_gradient(tile, w, delta, out):
    """``out = wᵀ delta`` for few weights."""
    outputs, width = delta.shape
    ws, deltas, outs = w.reshape(-1), delta.reshape(-1), out.reshape(-1)
    inputs = w.shape[1]
    for i in prange(inputs):
        for t in range(0, width, tile.lanes):
            sums = splat(w.dtype.type(0), tile)
            for o in range(outputs):
                sums = muladd(
                    splat(item(ws, row(o, inputs, i)), tile),
                    load(deltas, row(o, width, t), tile),
                    sums,
                )
            store(outs, row(i, width, t), sums)


@njit(inline="always")
def share(total, parts, part):
    """First and last (exclusive) of the part's share of `total` rows."""
    return total * part // parts, total * (part + 1) // parts


@kernel
def forward_blas(x, w, b, threads, out):
    """``out = w x + b`` for many weights: every thread one product by single-threaded BLAS.

    BLAS's own threads and ours would take the cores from each other.
    """
    for part in prange(threads):
        start, stop = share(out.shape[0], threads, part)
        np.dot(w[start:stop], x, out[start:stop])
        for o in range(start, stop):
            out[o] += b[o]


@kernel
def weight_gradient_blas(x, delta, threads, gw, gb):
    """``gw = delta xᵀ`` and ``gb = sum of delta over samples``, for many weights."""
    for part in prange(threads):
        start, stop = share(gw.shape[0], threads, part)
        np.dot(delta[start:stop], x.T, gw[start:stop])
        for o in range(start, stop):
            gb[o] = np.sum(delta[o])


@kernel
def input_gradient_blas(w, delta, threads, out):
    """``out = wᵀ delta`` for many weights."""
    for part in prange(threads):
        start, stop = share(out.shape[0], threads, part)
        # BLAS takes contiguous matrices here; the copy is 1/width of the product's work.
        columns = np.ascontiguousarray(w[:, start:stop])
        np.dot(columns.T, delta, out[start:stop])
