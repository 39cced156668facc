"""How all kernels read rows of activations."""

import numpy as np
from numba import types
from numba.extending import overload

from ..compilation import inlined
from ..simd import SUMS, dot, dots, item, load, mul, muladd, row, splat, store, total

#: Samples whose signs lie in one byte.
BYTE = 8


def input_scale(x: np.ndarray, w: np.ndarray) -> float:
    """What a loaded input is to be multiplied with: pixels (uint16) are kept as 0 … 255."""
    return 1 / 255 if x.dtype == np.uint16 else 1.0


@overload(input_scale, inline="always")
def _input_scale(x, w):
    scale = w.dtype(1 / 255 if x.dtype == types.uint16 else 1)
    return lambda x, w: scale


@inlined
def signs_of(index, width, t):
    """Offset of the signs of sample t and those after it; of one sample alone they take a byte."""
    return index * ((width + BYTE - 1) // BYTE) + t // BYTE


@inlined
def with_synapse(tile, k, z, xs, indices, width, t, w):
    """``z + w[k] · x[indices[k]]``."""
    return muladd(splat(item(w, k), tile), load(xs, row(item(indices, k), width, t), tile), z)


@inlined
def with_synapses(tile, start, stop, z, xs, indices, width, t, w):
    """The same with one synapse after the other."""
    for k in range(start, stop):
        z = with_synapse(tile, k, z, xs, indices, width, t, w)
    return z


@inlined
def four_rows(tile, j, xs, indptr, indices, w):
    """``W x`` of the rows j … j + 3, where all samples are one tile.

    Each sum waits for its own last addition, the next one's are done meanwhile: of few samples a
    sum is a single register. Each is added up as `with_synapses` does it.
    """
    lanes = tile.lanes
    k0, k1, k2, k3 = item(indptr, j), item(indptr, j + 1), item(indptr, j + 2), item(indptr, j + 3)
    end = item(indptr, j + 4)
    z0 = z1 = z2 = z3 = splat(w.dtype.type(0), tile)
    together = min(min(k1 - k0, k2 - k1), min(k3 - k2, end - k3))
    for k in range(together):
        z0 = with_synapse(tile, k0 + k, z0, xs, indices, lanes, 0, w)
        z1 = with_synapse(tile, k1 + k, z1, xs, indices, lanes, 0, w)
        z2 = with_synapse(tile, k2 + k, z2, xs, indices, lanes, 0, w)
        z3 = with_synapse(tile, k3 + k, z3, xs, indices, lanes, 0, w)
    z0 = with_synapses(tile, k0 + together, k1, z0, xs, indices, lanes, 0, w)
    z1 = with_synapses(tile, k1 + together, k2, z1, xs, indices, lanes, 0, w)
    z2 = with_synapses(tile, k2 + together, k3, z2, xs, indices, lanes, 0, w)
    z3 = with_synapses(tile, k3 + together, end, z3, xs, indices, lanes, 0, w)
    return z0, z1, z2, z3


@inlined
def synapse_gradients(tile, d, xs, indices, start, stop, width, t, w, factor, gw):
    """Gradients of one row's weights from the samples of one tile: ``gw[k] (+)= factor · d · x``.

    Returns the row's ``sum(w[k] · (d · x[k]))``, which is ``d · (W x)``. The first tile sets, the
    later ones add.
    """
    weighted = splat(w.dtype.type(0), SUMS)
    k = start
    while k + SUMS <= stop:
        g = dots(
            d,
            load(xs, row(item(indices, k), width, t), tile),
            load(xs, row(item(indices, k + 1), width, t), tile),
            load(xs, row(item(indices, k + 2), width, t), tile),
            load(xs, row(item(indices, k + 3), width, t), tile),
        )
        weighted = muladd(g, load(w, k, SUMS), weighted)
        if t == 0:
            store(gw, k, mul(g, splat(factor, SUMS)))
        else:
            store(gw, k, muladd(g, splat(factor, SUMS), load(gw, k, SUMS)))
        k += SUMS
    result = total(weighted)
    while k < stop:
        g1 = dot(d, load(xs, row(item(indices, k), width, t), tile))
        result += item(w, k) * g1
        gw[k] = factor * g1 if t == 0 else gw[k] + factor * g1
        k += 1
    return result
