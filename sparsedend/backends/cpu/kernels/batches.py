"""Images gathered into the rows of a batch."""

import numpy as np
from numba import njit, prange

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
def take_pixels(tile, images, order, out):
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


@kernel
def take_floats(images, order, scale, out):
    """Gather images (images, features), multiplied with `scale`, as rows of `out`."""
    features, width = out.shape
    values = images.reshape(-1)
    starts = image_starts(order, features, width)
    for part in prange((features + BLOCK - 1) // BLOCK):
        column = part * BLOCK
        for first in range(0, width, BLOCK):
            if column + BLOCK <= features and first + BLOCK <= width:
                transpose(values, starts, first, column, out.dtype.type(scale), out)
                continue
            for c in range(column, min(column + BLOCK, features)):
                for i in range(first, min(first + BLOCK, width)):
                    out[c, i] = values[starts[i] + c] * out.dtype.type(scale)


@kernel
def take_sparse(indptr, indices, values, order, out):
    """Gather rows (indptr, indices, values) of a CSR matrix as dense columns of `out`.

    Each thread has blocks of columns of its own, so that no two write into one cache line.
    """
    features, width = out.shape
    for feature in prange(features):
        out[feature] = 0
    for part in prange((width + BLOCK - 1) // BLOCK):
        first = part * BLOCK
        for column in range(first, min(first + BLOCK, order.size)):
            row = order[column]
            for k in range(indptr[row], indptr[row + 1]):
                out[indices[k], column] = values[k]
