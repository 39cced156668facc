"""Images gathered into the rows of a batch."""

import numpy as np

from ..compilation import inlined, kernel
from ..simd import BLOCK, item, put, transpose, transpose_pixels

BFLOAT16 = np.arange(256, dtype=np.float32).view(np.uint32) >> np.uint32(16)


@inlined
def image_start(order, features, sample):
    """Where a column's image begins in the flat images.

    Padding repeats the last image: any finite values do, their gradient is zero.
    """
    return item(order, min(sample, order.size - 1)) * features


@inlined
def image_starts(order, features, width):
    """Those of all columns."""
    starts = np.empty(width, np.int64)
    for sample in range(width):
        put(starts, sample, image_start(order, features, sample))
    return starts


@kernel
def take_pixels(first, last, tile, images, order, pairs):
    """Gather uint8 images (images, features) as pairs of bfloat16, which hold 0 … 255 exactly.

    Half the bytes of float32 rows: the sparse loops are bound by the L2 cache, where a batch lies.
    Of the loop over blocks of features.
    """
    features, words = pairs.shape
    starts = image_starts(order, features, 2 * words)
    half = tile.lanes // 2
    for part in range(first, last):
        pixel = part * BLOCK
        for word in range(0, words, BLOCK):
            low = word // half * tile.lanes + word % half
            high = low + half
            if pixel + BLOCK <= features:
                transpose_pixels(images, starts, low, high, pixel, word, pairs)
                continue
            for p in range(pixel, features):
                for i in range(BLOCK):
                    a = BFLOAT16[item(images, item(starts, low + i) + p)]
                    b = BFLOAT16[item(images, item(starts, high + i) + p)]
                    put(pairs, p * words + word + i, a | b << np.uint32(16))


@kernel
def take_floats(first, last, images, order, scale, out):
    """Gather images (images, features), multiplied with `scale`, as rows of `out`.

    Of the loop over blocks of features; the width is a whole number of blocks.
    """
    features, width = out.shape
    starts = image_starts(order, features, width)
    factor = out.dtype.type(scale)
    for part in range(first, last):
        column = part * BLOCK
        for sample in range(0, width, BLOCK):
            if column + BLOCK <= features:
                transpose(images, starts, sample, column, factor, out)
                continue
            for c in range(column, features):
                for i in range(sample, sample + BLOCK):
                    put(out, c * width + i, item(images, item(starts, i) + c) * factor)


@kernel
def take_few(first, last, images, order, scale, out):
    """`take_floats` of fewer images than a block has, over features."""
    features, width = out.shape
    factor = out.dtype.type(scale)
    for i in range(width):
        start = image_start(order, features, i)
        for c in range(first, last):
            put(out, c * width + i, item(images, start + c) * factor)


@kernel
def take_sparse(first, last, indptr, indices, values, order, out):
    """Gather rows (indptr, indices, values) of a CSR matrix as dense columns of `out`.

    Of the loop over blocks of columns, so that no two threads write into one cache line.
    """
    features, width = out.shape
    for part in range(first, last):
        start, stop = part * BLOCK, min((part + 1) * BLOCK, width)
        for feature in range(features):
            for column in range(start, stop):
                out[feature, column] = 0
        for column in range(start, min(stop, order.size)):
            row = order[column]
            for k in range(indptr[row], indptr[row + 1]):
                out[indices[k], column] = values[k]
