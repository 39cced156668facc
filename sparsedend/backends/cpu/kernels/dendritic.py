"""Loops of dendritic layers: the dendrites and the somata that own them in one sweep."""

from ..compilation import inlined, kernel
from ..simd import (
    item,
    load,
    load_mask,
    mul,
    muladd,
    positive,
    row,
    select,
    splat,
    store,
    store_mask,
    total,
)
from .rows import four_rows, input_scale, signs_of, synapse_gradients, with_synapses


@inlined
def with_dendrite(tile, j, z, soma, scale, f, width, t, b, c, signs):
    """The soma's sum with the dendrite j, whose synapses' is z; its sign is kept."""
    z = muladd(z, splat(scale, tile), splat(item(b, j), tile))
    on = positive(z)
    store_mask(signs, signs_of(j, width, t), on)
    z = select(on, z, mul(z, splat(f, tile)))
    return muladd(splat(item(c, j), tile), z, soma)


@kernel
def forward(
    first,
    last,
    tile,
    x,
    indptr,
    indices,
    cable_indptr,
    w,
    b,
    c,
    soma_b,
    slope,
    soma_slope,
    out,
    signs,
):
    """Dendrites and the soma that owns them in one sweep, soma after soma.

    A dendrite's activation never leaves the registers: only its sign is kept, one bit a sample,
    which is all that `backward` needs.
    """
    width = x.shape[1]
    scale = input_scale(x, w)
    f, g = w.dtype.type(slope), w.dtype.type(soma_slope)
    for s in range(first, last):
        for t in range(0, width, tile.lanes):
            soma = splat(item(soma_b, s), tile)
            for j in range(item(cable_indptr, s), item(cable_indptr, s + 1)):
                z = splat(w.dtype.type(0), tile)
                z = with_synapses(
                    tile, item(indptr, j), item(indptr, j + 1), z, x, indices, width, t, w
                )
                soma = with_dendrite(tile, j, z, soma, scale, f, width, t, b, c, signs)
            soma = select(positive(soma), soma, mul(soma, splat(g, tile)))
            store(out, row(s, width, t), soma)


@kernel
def forward_few(
    first,
    last,
    tile,
    x,
    indptr,
    indices,
    cable_indptr,
    w,
    b,
    c,
    soma_b,
    slope,
    soma_slope,
    out,
    signs,
):
    """`forward` where all samples are one tile of few registers: four dendrites side by side."""
    lanes = tile.lanes
    scale = input_scale(x, w)
    f, g = w.dtype.type(slope), w.dtype.type(soma_slope)
    for s in range(first, last):
        soma = splat(item(soma_b, s), tile)
        j, stop = item(cable_indptr, s), item(cable_indptr, s + 1)
        while j + 4 <= stop:
            z0, z1, z2, z3 = four_rows(tile, j, x, indptr, indices, w)
            soma = with_dendrite(tile, j, z0, soma, scale, f, lanes, 0, b, c, signs)
            soma = with_dendrite(tile, j + 1, z1, soma, scale, f, lanes, 0, b, c, signs)
            soma = with_dendrite(tile, j + 2, z2, soma, scale, f, lanes, 0, b, c, signs)
            soma = with_dendrite(tile, j + 3, z3, soma, scale, f, lanes, 0, b, c, signs)
            j += 4
        while j < stop:
            z = splat(w.dtype.type(0), tile)
            z = with_synapses(
                tile, item(indptr, j), item(indptr, j + 1), z, x, indices, lanes, 0, w
            )
            soma = with_dendrite(tile, j, z, soma, scale, f, lanes, 0, b, c, signs)
            j += 1
        soma = select(positive(soma), soma, mul(soma, splat(g, tile)))
        store(out, row(s, lanes, 0), soma)


@kernel
def backward(
    first,
    last,
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
    """Gradients of all parameters, soma after soma; `delta` becomes their pre-activations'.

    A cable's gradient is ``Σ delta · y`` with y the dendrite's activation. Leaky ReLU is positively
    homogeneous, so ``y = f'(z) z`` with ``z = Σ w[k] x[k] + b``, and the sum is made of the dot
    products that the synapses' gradients need anyway: activations need not be stored.
    """
    width = x.shape[1]
    scale = input_scale(x, w)
    f, g = w.dtype.type(slope), w.dtype.type(soma_slope)
    for s in range(first, last):
        of_soma = w.dtype.type(0)
        for t in range(0, width, tile.lanes):
            here = row(s, width, t)
            d_soma = load(delta, here, tile)
            inactive = mul(d_soma, splat(g, tile))
            d_soma = select(positive(load(out, here, tile)), d_soma, inactive)
            store(delta, here, d_soma)
            of_soma += total(d_soma)
            inactive = mul(d_soma, splat(f, tile))
            for j in range(item(cable_indptr, s), item(cable_indptr, s + 1)):
                d = select(load_mask(signs, signs_of(j, width, t), tile), d_soma, inactive)
                cable = item(c, j)
                start, stop = item(indptr, j), item(indptr, j + 1)
                factor = cable * scale
                dot_wx = synapse_gradients(
                    tile, d, x, indices, start, stop, width, t, w, factor, gw
                )
                sum_d = total(d)
                cable_gradient = scale * dot_wx + item(b, j) * sum_d
                gb[j] = cable * sum_d if t == 0 else gb[j] + cable * sum_d
                gc[j] = cable_gradient if t == 0 else gc[j] + cable_gradient
        soma_gb[s] = of_soma


@kernel
def input_gradient(
    first, last, tile, indptr, rows, positions, owners, w, c, slope, signs, delta, out
):
    """Gradient of the inputs, one after the other, from the `delta` that `backward` left."""
    width = delta.shape[1]
    f = w.dtype.type(slope)
    for i in range(first, last):
        for t in range(0, width, tile.lanes):
            sums = splat(w.dtype.type(0), tile)
            for p in range(item(indptr, i), item(indptr, i + 1)):
                j = item(rows, p)
                d = load(delta, row(item(owners, j), width, t), tile)
                on = load_mask(signs, signs_of(j, width, t), tile)
                d = select(on, d, mul(d, splat(f, tile)))
                sums = muladd(splat(item(w, item(positions, p)) * item(c, j), tile), d, sums)
            store(out, row(i, width, t), sums)
