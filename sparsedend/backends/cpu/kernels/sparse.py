"""Loops of sparse layers."""

from ..compilation import kernel
from ..simd import item, load, muladd, row, splat, store, total
from .rows import four_rows, input_scale, synapse_gradients, with_synapses

#: Samples that the loops of a sparse layer take before they turn to the next. Of more, the inputs'
#: rows would leave the caches between two outputs that read them: at density .05 and 2,048 samples
#: PyTorch dense took 1.6 times as long as all at once, and takes 4.4 times as long as so
#: (bench/results/scaling.md, srigl-layer, of commit 5ff6d0b and since).
PANEL = 512


@kernel
def forward(first, last, tile, x, indptr, indices, w, b, out):
    """``out = W x + b``, row after row."""
    width = x.shape[1]
    scale = input_scale(x, w)
    for panel in range(0, width, PANEL):
        for j in range(first, last):
            for t in range(panel, min(panel + PANEL, width), tile.lanes):
                z = splat(w.dtype.type(0), tile)
                z = with_synapses(
                    tile, item(indptr, j), item(indptr, j + 1), z, x, indices, width, t, w
                )
                z = muladd(z, splat(scale, tile), splat(item(b, j), tile))
                store(out, row(j, width, t), z)


@kernel
def forward_few(first, last, tile, x, indptr, indices, w, b, out):
    """`forward` where all samples are one tile of few registers: four rows side by side."""
    lanes = tile.lanes
    scale = splat(input_scale(x, w), tile)
    j = first
    while j + 4 <= last:
        z0, z1, z2, z3 = four_rows(tile, j, x, indptr, indices, w)
        store(out, row(j, lanes, 0), muladd(z0, scale, splat(item(b, j), tile)))
        store(out, row(j + 1, lanes, 0), muladd(z1, scale, splat(item(b, j + 1), tile)))
        store(out, row(j + 2, lanes, 0), muladd(z2, scale, splat(item(b, j + 2), tile)))
        store(out, row(j + 3, lanes, 0), muladd(z3, scale, splat(item(b, j + 3), tile)))
        j += 4
    while j < last:
        z = splat(w.dtype.type(0), tile)
        z = with_synapses(tile, item(indptr, j), item(indptr, j + 1), z, x, indices, lanes, 0, w)
        store(out, row(j, lanes, 0), muladd(z, scale, splat(item(b, j), tile)))
        j += 1


@kernel
def weight_gradient(first, last, tile, x, indptr, indices, w, delta, gw, gb):
    """``gw[k] = delta[row of k] · x[indices[k]]``, ``gb = sum of delta over samples``, by row."""
    width = x.shape[1]
    scale = input_scale(x, w)
    for panel in range(0, width, PANEL):
        for j in range(first, last):
            if panel == 0:
                gb[j] = 0
            for t in range(panel, min(panel + PANEL, width), tile.lanes):
                d = load(delta, row(j, width, t), tile)
                gb[j] += total(d)
                start, stop = item(indptr, j), item(indptr, j + 1)
                synapse_gradients(tile, d, x, indices, start, stop, width, t, w, scale, gw)


@kernel
def input_gradient(first, last, tile, indptr, rows, positions, w, delta, out):
    """``out = Wᵀ delta`` over the transposed structure, one input after the other."""
    width = delta.shape[1]
    for panel in range(0, width, PANEL):
        for i in range(first, last):
            for t in range(panel, min(panel + PANEL, width), tile.lanes):
                sums = splat(w.dtype.type(0), tile)
                for p in range(item(indptr, i), item(indptr, i + 1)):
                    weight = splat(item(w, item(positions, p)), tile)
                    sums = muladd(weight, load(delta, row(item(rows, p), width, t), tile), sums)
                store(out, row(i, width, t), sums)
