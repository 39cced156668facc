"""Dense layers: loops for few weights, BLAS for many."""

import numpy as np

from ..compilation import inlined, kernel
from ..simd import SUMS, dot, dots, item, load, muladd, row, splat, store, total


@kernel
def forward(first, last, tile, x, w, b, out):
    """``out = w x + b`` for few weights, one output after the other."""
    inputs, width = x.shape
    for o in range(first, last):
        for t in range(0, width, tile.lanes):
            z = splat(item(b, o), tile)
            for i in range(inputs):
                weight = splat(item(w, row(o, inputs, i)), tile)
                z = muladd(weight, load(x, row(i, width, t), tile), z)
            store(out, row(o, width, t), z)


@kernel
def weight_gradient(first, last, tile, x, delta, gw, gb):
    """``gw = delta xᵀ`` and ``gb = sum of delta over samples``, for few weights, by output."""
    inputs, width = x.shape
    for o in range(first, last):
        gb[o] = 0
        for t in range(0, width, tile.lanes):
            d = load(delta, row(o, width, t), tile)
            gb[o] += total(d)
            i = 0
            while i + SUMS <= inputs:
                g = dots(
                    d,
                    load(x, row(i, width, t), tile),
                    load(x, row(i + 1, width, t), tile),
                    load(x, row(i + 2, width, t), tile),
                    load(x, row(i + 3, width, t), tile),
                )
                here = row(o, inputs, i)
                if t > 0:
                    g = muladd(g, splat(gw.dtype.type(1), SUMS), load(gw, here, SUMS))
                store(gw, here, g)
                i += SUMS
            while i < inputs:
                g1 = dot(d, load(x, row(i, width, t), tile))
                gw[o, i] = g1 if t == 0 else gw[o, i] + g1
                i += 1


@kernel
def input_gradient(first, last, tile, w, delta, out):
    """``out = wᵀ delta`` for few weights, one input after the other."""
    outputs, width = delta.shape
    inputs = w.shape[1]
    for i in range(first, last):
        for t in range(0, width, tile.lanes):
            sums = splat(w.dtype.type(0), tile)
            for o in range(outputs):
                weight = splat(item(w, row(o, inputs, i)), tile)
                sums = muladd(weight, load(delta, row(o, width, t), tile), sums)
            store(out, row(i, width, t), sums)


@inlined
def share(total, parts, part):
    """First and last (exclusive) of the part's share of `total` rows."""
    return total * part // parts, total * (part + 1) // parts


@kernel
def forward_blas(first, last, x, w, b, parts, out):
    """``out = w x + b`` for many weights: a product by single-threaded BLAS for each of `parts`.

    BLAS's own threads and ours would take the cores from each other.
    """
    for part in range(first, last):
        start, stop = share(out.shape[0], parts, part)
        np.dot(w[start:stop], x, out[start:stop])
        for o in range(start, stop):
            out[o] += b[o]


@kernel
def weight_gradient_blas(first, last, x, delta, parts, gw, gb):
    """``gw = delta xᵀ`` and ``gb = sum of delta over samples``, for many weights."""
    for part in range(first, last):
        start, stop = share(gw.shape[0], parts, part)
        np.dot(delta[start:stop], x.T, gw[start:stop])
        for o in range(start, stop):
            gb[o] = np.sum(delta[o])


@kernel
def input_gradient_blas(first, last, w, delta, parts, out):
    """``out = wᵀ delta`` for many weights."""
    for part in range(first, last):
        start, stop = share(out.shape[0], parts, part)
        # BLAS takes contiguous matrices here; the copy is 1/width of the product's work.
        columns = np.ascontiguousarray(w[:, start:stop])
        np.dot(columns.T, delta, out[start:stop])
