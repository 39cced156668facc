"""How all kernels read rows of activations."""

import numpy as np
from numba import njit, types
from numba.extending import overload

from ..simd import SUMS, dot, dots, item, load, mul, muladd, splat, store, total


def input_scale(x: np.ndarray, w: np.ndarray) -> float:
    """What a loaded input is to be multiplied with: pixels (uint16) are kept as 0 … 255."""
    return 1 / 255 if x.dtype == np.uint16 else 1.0


@overload(input_scale, inline="always")
def _input_scale(x, w):
    scale = w.dtype(1 / 255 if x.dtype == types.uint16 else 1)
    return lambda x, w: scale


@njit(inline="always")
def row(index, width, t):
    """Offset of sample t in a row of a flat array."""
    return np.int64(index) * width + t


@njit(inline="always")
def synapse_gradients(tile, d, xs, indices, start, stop, width, t, w, factor, gw):
    """Gradients of one row's weights from the samples of one tile: ``gw[k] (+)= factor · d · x``.

    Returns the row's ``sum(w[k] · (d · x[k]))``, which is ``d · (W x)``. The first tile sets, the
    later ones add.
    """
    weighted = splat(w.dtype.type(0), SUMS)
    k = np.int64(start)
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
