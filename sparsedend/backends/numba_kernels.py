"""The fused loops of `NumbaBackend`, compiled on first use and kept in Numba's cache.

Arrays are feature-major, ``(features, width)`` in C order, and the width is a whole number of the
tiles given; kernels see them flat. Every parameter's gradient is summed by one thread in a fixed
order, so the result does not depend on the number of threads. Nothing here checks bounds:
structures are checked where they enter the library (`connectivity.checked`).

Symbols: x input rows, w synaptic weights, b biases, c cable weights, s a soma, j a dendrite,
k a synapse, t the first sample of a tile.
"""

import numpy as np
from numba import njit, prange, types
from numba.extending import overload

from .simd import (
    BLOCK,
    SUMS,
    dot,
    dots,
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
    transpose,
    transpose_pixels,
)

#: Samples that the loops of a sparse layer take before they turn to the next. Of more, the inputs'
#: rows would leave the caches between two outputs that read them: at density .05 and 2,048 samples
#: PyTorch dense took 1.6 times as long as all at once, and takes 4.4 times as long as so
#: (bench/results/scaling.md, srigl-layer, of commit 5ff6d0b and since).
PANEL = 512

BFLOAT16 = np.arange(256, dtype=np.float32).view(np.uint32) >> np.uint32(16)


def input_scale(x: np.ndarray, w: np.ndarray) -> float:
    """What a loaded input is to be multiplied with: pixels (uint16) are kept as 0 … 255."""
    return 1 / 255 if x.dtype == np.uint16 else 1.0


@overload(input_scale, inline="always")
def _input_scale(x, w):  # type: ignore[no-untyped-def]
    scale = w.dtype(1 / 255 if x.dtype == types.uint16 else 1)
    return lambda x, w: scale


@njit(inline="always")
def row(index, width, t):  # type: ignore[no-untyped-def]
    """Offset of sample t in a row of a flat array."""
    return np.int64(index) * width + t


@njit(inline="always")
def image_starts(order, features, width):  # type: ignore[no-untyped-def]
    """Where each column's image begins in the flat images.

    Padding repeats the last image: any finite values do, their gradient is zero.
    """
    starts = np.empty(width, np.int64)
    for sample in range(width):
        starts[sample] = order[min(sample, order.size - 1)] * features
    return starts


@njit(cache=True, parallel=True)
def take_pixels(tile, images, order, out):  # type: ignore[no-untyped-def]
    """Gather uint8 images (images, features) as pairs of bfloat16, which hold 0 … 255 exactly.

    Half the bytes of float32 rows: the sparse loops are bound by the L2 cache, where a batch lies.
    """
    features, width = out.shape
    pixels, pairs = images.reshape(-1), out.view(np.uint32)
    starts = image_starts(order, features, width)
    half = tile.lanes // 2
    for part in prange((features + BLOCK - 1) // BLOCK):
        pixel = part * BLOCK
        for word in range(0, width // 2, BLOCK):
            low = word // half * tile.lanes + word % half
            high = low + half
            if pixel + BLOCK <= features:
                transpose_pixels(pixels, starts, low, high, pixel, word, pairs)
                continue
            for p in range(pixel, features):
                for i in range(BLOCK):
                    a = BFLOAT16[pixels[starts[low + i] + p]]
                    b = BFLOAT16[pixels[starts[high + i] + p]]
                    pairs[p, word + i] = a | b << np.uint32(16)


@njit(cache=True, parallel=True)
def take_floats(images, order, scale, out):  # type: ignore[no-untyped-def]
    """Gather images (images, features), multiplied with `scale`, as rows of `out`."""
    features, width = out.shape
    values = images.reshape(-1)
    starts = image_starts(order, features, width)
    for part in prange((features + BLOCK - 1) // BLOCK):
        column = part * BLOCK
        for first in range(0, width, BLOCK):
            if column + BLOCK <= features:
                transpose(values, starts, first, column, scale, out)
                continue
            for c in range(column, features):
                for i in range(first, first + BLOCK):
                    out[c, i] = values[starts[i] + c] * scale


@njit(cache=True, parallel=True)
def sparse_forward(tile, x, indptr, indices, w, b, out):  # type: ignore[no-untyped-def]
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


@njit(inline="always")
def synapse_gradients(tile, d, xs, indices, start, stop, width, t, w, factor, gw):  # type: ignore[no-untyped-def]
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


@njit(cache=True, parallel=True)
def sparse_weight_gradient(tile, x, indptr, indices, w, delta, gw, gb):  # type: ignore[no-untyped-def]
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


@njit(cache=True, parallel=True)
def sparse_input_gradient(tile, indptr, rows, positions, w, delta, out):  # type: ignore[no-untyped-def]
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


@njit(cache=True, parallel=True)
def dendritic_forward(  # type: ignore[no-untyped-def]
    tile, x, indptr, indices, cable_indptr, w, b, c, soma_b, slope, out, signs
):
    """Dendrites and the soma that owns them in one sweep.

    A dendrite's activation never leaves the registers: only its sign is kept, one bit a sample,
    which is all that `dendritic_backward` needs.
    """
    width = x.shape[1]
    xs, outs, bits = x.reshape(-1), out.reshape(-1), signs.reshape(-1)
    scale = input_scale(x, w)
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
                z = select(on, z, mul(z, splat(slope, tile)))
                soma = muladd(splat(item(c, j), tile), z, soma)
            soma = select(positive(soma), soma, mul(soma, splat(slope, tile)))
            store(outs, row(s, width, t), soma)


@njit(cache=True, parallel=True)
def dendritic_backward(  # type: ignore[no-untyped-def]
    tile, x, indptr, indices, cable_indptr, w, b, c, slope, out, signs, delta, gw, gb, gc, soma_gb
):
    """Gradients of all parameters; `delta` becomes that of the somata's pre-activations.

    A cable's gradient is ``Σ delta · y`` with y the dendrite's activation. Leaky ReLU is positively
    homogeneous, so ``y = f'(z) z`` with ``z = Σ w[k] x[k] + b``, and the sum is made of the dot
    products that the synapses' gradients need anyway: activations need not be stored.
    """
    width = x.shape[1]
    xs, outs, deltas, bits = x.reshape(-1), out.reshape(-1), delta.reshape(-1), signs.reshape(-1)
    scale = input_scale(x, w)
    for s in prange(out.shape[0]):
        soma_gb[s] = 0
        for t in range(0, width, tile.lanes):
            here = row(s, width, t)
            d_soma = load(deltas, here, tile)
            inactive = mul(d_soma, splat(slope, tile))
            d_soma = select(positive(load(outs, here, tile)), d_soma, inactive)
            store(deltas, here, d_soma)
            soma_gb[s] += total(d_soma)
            inactive = mul(d_soma, splat(slope, tile))
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


@njit(cache=True, parallel=True)
def dendritic_input_gradient(  # type: ignore[no-untyped-def]
    tile, indptr, rows, positions, owners, w, c, slope, signs, delta, out
):
    """Gradient of the inputs, from the somata's `delta` that `dendritic_backward` left."""
    width = delta.shape[1]
    deltas, outs, bits = delta.reshape(-1), out.reshape(-1), signs.reshape(-1)
    for i in prange(out.shape[0]):
        for t in range(0, width, tile.lanes):
            sums = splat(w.dtype.type(0), tile)
            for p in range(item(indptr, i), item(indptr, i + 1)):
                j = item(rows, p)
                d = load(deltas, row(item(owners, j), width, t), tile)
                on = load_mask(bits, row(j, width, t) // 8, tile)
                d = select(on, d, mul(d, splat(slope, tile)))
                sums = muladd(splat(item(w, item(positions, p)) * item(c, j), tile), d, sums)
            store(outs, row(i, width, t), sums)


@njit(cache=True, parallel=True)
def dense_forward(tile, x, w, b, out):  # type: ignore[no-untyped-def]
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


@njit(cache=True, parallel=True)
def dense_weight_gradient(tile, x, delta, gw, gb):  # type: ignore[no-untyped-def]
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


@njit(cache=True, parallel=True)
def dense_input_gradient(tile, w, delta, out):  # type: ignore[no-untyped-def]
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
def share(total, parts, part):  # type: ignore[no-untyped-def]
    """First and last (exclusive) of the part's share of `total` rows."""
    return total * part // parts, total * (part + 1) // parts


@njit(cache=True, parallel=True)
def dense_forward_blas(x, w, b, threads, out):  # type: ignore[no-untyped-def]
    """``out = w x + b`` for many weights: every thread one product by single-threaded BLAS.

    BLAS's own threads and ours would take the cores from each other.
    """
    for part in prange(threads):
        start, stop = share(out.shape[0], threads, part)
        np.dot(w[start:stop], x, out[start:stop])
        for o in range(start, stop):
            out[o] += b[o]


@njit(cache=True, parallel=True)
def dense_weight_gradient_blas(x, delta, threads, gw, gb):  # type: ignore[no-untyped-def]
    """``gw = delta xᵀ`` and ``gb = sum of delta over samples``, for many weights."""
    for part in prange(threads):
        start, stop = share(gw.shape[0], threads, part)
        np.dot(delta[start:stop], x.T, gw[start:stop])
        for o in range(start, stop):
            gb[o] = np.sum(delta[o])


@njit(cache=True, parallel=True)
def dense_input_gradient_blas(w, delta, threads, out):  # type: ignore[no-untyped-def]
    """``out = wᵀ delta`` for many weights."""
    for part in prange(threads):
        start, stop = share(out.shape[0], threads, part)
        # BLAS takes contiguous matrices here; the copy is 1/width of the product's work.
        columns = np.ascontiguousarray(w[:, start:stop])
        np.dot(columns.T, delta, out[start:stop])


@njit(cache=True, parallel=True)
def leaky_relu(x, slope, out):  # type: ignore[no-untyped-def]
    """``out = x where x > 0 else slope · x``."""
    xs, outs = x.reshape(-1), out.reshape(-1)
    for i in prange(xs.size):
        outs[i] = xs[i] if xs[i] > 0 else slope * xs[i]


@njit(cache=True, parallel=True)
def leaky_relu_backward(y, slope, delta):  # type: ignore[no-untyped-def]
    """``delta *= 1 where y > 0 else slope``; y may be input or output, their signs agree."""
    ys, deltas = y.reshape(-1), delta.reshape(-1)
    for i in prange(ys.size):
        deltas[i] = deltas[i] if ys[i] > 0 else slope * deltas[i]


@njit(cache=True)
def softmax_cross_entropy(logits, labels, delta, totals):  # type: ignore[no-untyped-def]
    """Add to (summed loss, number correct); `delta` gets the mean loss's gradient."""
    classes = logits.shape[0]
    samples = labels.size
    loss = 0.0
    correct = 0
    for i in range(samples):
        best = 0
        for k in range(1, classes):
            if logits[k, i] > logits[best, i]:
                best = k
        top = logits[best, i]
        norm = logits.dtype.type(0)
        for k in range(classes):
            e = np.exp(logits[k, i] - top)
            delta[k, i] = e
            norm += e
        label = labels[i]
        loss += np.log(norm) - (logits[label, i] - top)
        correct += best == label
        for k in range(classes):
            delta[k, i] /= norm * samples
        delta[label, i] -= logits.dtype.type(1) / samples
    delta[:, samples:] = 0
    totals[0] += loss
    totals[1] += correct


@njit(cache=True, parallel=True)
def adam(p, g, m, v, rate, share1, share2, epsilon, decay):  # type: ignore[no-untyped-def]
    """One step of Adam with the bias corrections inside `rate`; share1 is 1 - beta1.

    `decay` is the share of each parameter that is taken off it besides.
    """
    for i in prange(p.size):
        m[i] += share1 * (g[i] - m[i])
        v[i] += share2 * (g[i] * g[i] - v[i])
        p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon) + decay * p[i]
