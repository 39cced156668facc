"""Loops of dendritic layers: the dendrites and the somata that own them in one sweep."""

from numba import prange

from ..compilation import kernel
from ..simd import (
    item,
    load,
    load_mask,
    mul,
    muladd,
    positive,
    select,
    splat,
    store,
    store_mask,
    total,
)
from .rows import input_scale, row, synapse_gradients


@kernel
def forward(tile, x, indptr, indices, cable_indptr, w, b, c, soma_b, slope, soma_slope, out, signs):
    """Dendrites and the soma that owns them in one sweep.

    A dendrite's activation never leaves the registers: only its sign is kept, one bit a sample,
    which is all that `backward` needs.
    """
    width = x.shape[1]
    xs, outs, bits = x.reshape(-1), out.reshape(-1), signs.reshape(-1)
    scale = input_scale(x, w)
    f, g = w.dtype.type(slope), w.dtype.type(soma_slope)
    for s in prange(out.shape[0]):
        for t in range(0, width, tile.lanes):
            soma = splat(item(soma_b, s), tile)
            for j in range(item(cable_indptr, s), item(cable_indptr, s + 1)):
                z = splat(w.dtype.type(0), tile)
                for k in range(item(indptr, j), item(indptr, j + 1)):
                    xk = load(xs, row(item(indices, k), width, t), tile)
                    z = muladd(splat(item(w, k), tile), xk, z)
                z = muladd(z, splat(scale, tile), splat(item(b, j), tile))
                on = positive(z)
                store_mask(bits, row(j, width, t) // 8, on)
                z = select(on, z, mul(z, splat(f, tile)))
                soma = muladd(splat(item(c, j), tile), z, soma)
            soma = select(positive(soma), soma, mul(soma, splat(g, tile)))
            store(outs, row(s, width, t), soma)


@kernel
def backward(
    tile,
    x,
    indptr,
    indices,
    cable_indptr,
    w,
    b,
    c,
    slope,
    soma_slope,
    out,
    signs,
    delta,
    gw,
    gb,
    gc,
    soma_gb,
):
    """Gradients of all parameters; `delta` becomes that of the somata's pre-activations.

    A cable's gradient is ``Σ delta · y`` with y the dendrite's activation. Leaky ReLU is positively
    homogeneous, so ``y = f'(z) z`` with ``z = Σ w[k] x[k] + b``, and the sum is made of the dot
    products that the synapses' gradients need anyway: activations need not be stored.
    """
    width = x.shape[1]
    xs, outs, deltas, bits = x.reshape(-1), out.reshape(-1), delta.reshape(-1), signs.reshape(-1)
    scale = input_scale(x, w)
    f, g = w.dtype.type(slope), w.dtype.type(soma_slope)
    for s in prange(out.shape[0]):
        soma_gb[s] = 0
        for t in range(0, width, tile.lanes):
            here = row(s, width, t)
            d_soma = load(deltas, here, tile)
            inactive = mul(d_soma, splat(g, tile))
            d_soma = select(positive(load(outs, here, tile)), d_soma, inactive)
            store(deltas, here, d_soma)
            soma_gb[s] += total(d_soma)
            inactive = mul(d_soma, splat(f, tile))
            for j in range(item(cable_indptr, s), item(cable_indptr, s + 1)):
                d = select(load_mask(bits, row(j, width, t) // 8, tile), d_soma, inactive)
                cable = item(c, j)
                start, stop = item(indptr, j), item(indptr, j + 1)
                factor = cable * scale
                dot_wx = synapse_gradients(
                    tile, d, xs, indices, start, stop, width, t, w, factor, gw
                )
                sum_d = total(d)
                cable_gradient = scale * dot_wx + item(b, j) * sum_d
                gb[j] = cable * sum_d if t == 0 else gb[j] + cable * sum_d
                gc[j] = cable_gradient if t == 0 else gc[j] + cable_gradient


@kernel
def input_gradient(tile, indptr, rows, positions, owners, w, c, slope, signs, delta, out):
    """Gradient of the inputs, from the somata's `delta` that `backward` left."""
    width = delta.shape[1]
    deltas, outs, bits = delta.reshape(-1), out.reshape(-1), signs.reshape(-1)
    f = w.dtype.type(slope)
    for i in prange(out.shape[0]):
        for t in range(0, width, tile.lanes):
            sums = splat(w.dtype.type(0), tile)
            for p in range(item(indptr, i), item(indptr, i + 1)):
                j = item(rows, p)
                d = load(deltas, row(item(owners, j), width, t), tile)
                on = load_mask(bits, row(j, width, t) // 8, tile)
                d = select(on, d, mul(d, splat(f, tile)))
                sums = muladd(splat(item(w, item(positions, p)) * item(c, j), tile), d, sums)
            store(outs, row(i, width, t), sums)
