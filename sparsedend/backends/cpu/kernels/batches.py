"""Images gathered into the rows of a batch."""

import numpy as np
from numba import njit

from ..compilation import kernel
from ..simd import BLOCK, transpose, transpose_pixels

BFLOAT16 = np.arange(256, dtype=np.float32).view(np.uint32) >> np.uint32(16)


@njit(inline="always")
def image_starts(order, features, width):
    """Where each column's image begins in the flat images.

    Padding repeats the last image: any finite values do, their gradient is zero.
    """
    starts = np.empty(width, np.int64)
    for sample in range(width):
        starts[sample] = order[min(sample, order.size - 1)] * features
    return starts


@kernel
def take_pixels(first, last, tile, images, order, out):
    """Gather uint8 images (images, features) as pairs of bfloat16, which hold 0 … 255 exactly.

    Half the bytes of float32 rows: the sparse loops are bound by the L2 cache, where a batch lies.
    Of the loop over blocks of features.
    """
    features, width = out.shape
    pixels, pairs = images.reshape(-1), out.view(np.uint32)
    starts = image_starts(order, features, width)
    half = tile.lanes // 2
    for part in range(first, last):
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


@kernel
def take_floats(first, last, images, order, scale, out):
    """Gather images (images, features), multiplied with `scale`, as rows of `out`.

    Of the loop over blocks of features; the width is a whole number of blocks.
    """
    features, width = out.shape
    values = images.reshape(-1)
    starts = image_starts(order, features, width)
    for part in range(first, last):
        column = part * BLOCK
        for sample in range(0, width, BLOCK):
            if column + BLOCK <= features:
                transpose(values, starts, sample, column, out.dtype.type(scale), out)
                continue
            for c in range(column, features):
                for i in range(sample, sample + BLOCK):
                    out[c, i] = values[starts[i] + c] * out.dtype.type(scale)


@kernel
def take_few(first, last, images, order, scale, out):
    """`take_floats` of fewer images than a block has, feature after feature."""
    features, width = out.shape
    values = images.reshape(-1)
    starts = image_starts(order, features, width)
    for c in range(first, last):
        for i in range(width):
            out[c, i] = values[starts[i] + c] * out.dtype.type(scale)


@kernel
def take_sparse(first, last, indptr, indices, values, order, out):
    """Gather rows (indptr, indices, values) of a CSR matrix as dense columns of `out`.

    Of the loop over blocks of columns, so that no two threads write into one cache line.
    """
    for part in range(first, last):
        start, stop = part * BLOCK, min((part + 1) * BLOCK, out.shape[1])
        out[:, start:stop] = 0
        for column in range(start, min(stop, order.size)):
            row = order[column]
            for k in range(indptr[row], indptr[row + 1]):
                out[indices[k], column] = values[k]
