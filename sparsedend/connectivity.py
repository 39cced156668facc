"""Who connects to whom: CSR structures, drawn as pure functions of a random generator.

Rows are dendrites (or somata), columns their inputs; dendrite ``s·D + d`` belongs to soma s. The
rules are those of Chavlis & Poirazi (Nature Communications 16:943, 2025, Methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .numbers import whole
from .structure import INT32_MAX, Structure, Transposed, from_csr

__all__ = [
    "INT32_MAX",
    "Structure",
    "Transposed",
    "from_csr",
    "global_",
    "grid_shape",
    "local",
    "random",
    "sample_positions",
    "tree",
]

ImageShape = tuple[int, ...]

#: Centres whose neighbourhoods are drawn at once, to bound memory. Part of what a seed means.
CHUNK = 65_536


def sample_positions(rng: np.random.Generator, rows: int, columns: int, total: int) -> Structure:
    """`total` positions without replacement from all rows × columns; a row may have none.

    The authors' rule for random synapses and random cables. Nothing of size rows × columns is made
    unless more than half of it is asked for.

    Raises
    ------
    InputError
        Where there are fewer positions than asked for.
    """
    rows, columns = _counts(rows=rows, columns=columns)
    total = whole("total", total)
    cells = rows * columns
    if total > cells:
        raise InputError(f"{total} connections in {rows} × {columns} positions: ask for fewer")
    if total > cells // 2:
        absent = _distinct(rng, cells, cells - total)
        present = np.ones(cells, bool)
        present[absent] = False
        flat = np.flatnonzero(present)
    else:
        flat = _distinct(rng, cells, total)
    row, column = np.divmod(flat, columns)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    return Structure(indptr, column, (rows, columns), "random")


def random(
    rng: np.random.Generator, inputs: int, dendrites: int, synapses: int, exact: bool = False
) -> Structure:
    """Synapses from anywhere.

    Parameters
    ----------
    rng : Generator
    inputs : int
    dendrites : int
        In all.
    synapses : int
        Per dendrite: on average, as in the authors' code, or exactly.
    exact : bool
        Every dendrite has exactly `synapses`, as the paper's text says.

    Raises
    ------
    InputError
        Where a number is below 1 or there are more synapses than inputs.
    """
    inputs, dendrites, synapses = _counts(inputs=inputs, dendrites=dendrites, synapses=synapses)
    at_most(synapses, inputs, "synapses", "inputs")
    if not exact:
        return sample_positions(rng, dendrites, inputs, synapses * dendrites)
    # Floyd's sampling, all rows at once: uniform over the subsets of `synapses` inputs.
    chosen = np.empty((dendrites, synapses), np.int32)
    for number, last in enumerate(range(inputs - synapses, inputs)):
        draw = rng.integers(0, last + 1, dendrites, dtype=np.int32)
        taken = (chosen[:, :number] == draw[:, None]).any(axis=1)
        chosen[:, number] = np.where(taken, last, draw)
    chosen.sort(axis=1)
    return _equal_rows(chosen, inputs, "random")


def local(
    rng: np.random.Generator, image_shape: ImageShape, dendrites: int, synapses: int
) -> Structure:
    """Local receptive fields: every dendrite around a centre of its own.

    Parameters
    ----------
    rng : Generator
    image_shape : (int, int, int)
        Height, width, channels.
    dendrites : int
        In all.
    synapses : int
        Pixels per dendrite; each is taken in every channel.

    Raises
    ------
    InputError
        Where a number is below 1, the shape is none, or there are more synapses than pixels.
    """
    height, width, channels = _image(image_shape)
    dendrites, synapses = _counts(dendrites=dendrites, synapses=synapses)
    at_most(synapses, height * width, "synapses", "pixels")
    centres = rng.integers(0, height * width, dendrites, dtype=np.int32)
    return _receptive_fields(rng, (height, width, channels), centres, synapses, "local")


def global_(
    rng: np.random.Generator, image_shape: ImageShape, somata: int, dendrites: int, synapses: int
) -> Structure:
    """Global receptive fields: every soma's dendrites have distinct centres around the soma's.

    Parameters
    ----------
    rng : Generator
    image_shape : (int, int, int)
        Height, width, channels.
    somata : int
    dendrites : int
        Per soma.
    synapses : int
        Pixels per dendrite; each is taken in every channel.

    Raises
    ------
    InputError
        Where a number is below 1, the shape is none, or synapses or dendrites are more than the
        pixels.
    """
    shape = _image(image_shape)
    height, width, _ = shape
    somata, dendrites, synapses = _counts(somata=somata, dendrites=dendrites, synapses=synapses)
    at_most(synapses, height * width, "synapses", "pixels")
    at_most(dendrites, height * width, "dendrites", "pixels to centre them on")
    somata_centres = rng.integers(0, height * width, somata, dtype=np.int32)
    centres = _neighbourhoods(rng, height, width, somata_centres, dendrites)
    return _receptive_fields(rng, shape, centres.reshape(-1), synapses, "global")


def tree(somata: int, dendrites: int | Sequence[int]) -> Structure:
    """Cables from each soma's own dendrites: (somata, all dendrites), block diagonal.

    Parameters
    ----------
    somata : int
    dendrites : int, or sequence of int
        Of every soma, or of each in turn; a soma may then have none.

    Raises
    ------
    InputError
        Where a number is out of range, or there is not one for each soma.
    """
    (somata,) = _counts(somata=somata)
    if np.isscalar(dendrites):
        counts = np.full(somata, whole("dendrites", dendrites, most=INT32_MAX))
    else:
        try:
            counts = np.asarray(dendrites)
        except ValueError:  # Rows of different lengths.
            counts = np.empty(0)
    if counts.shape != (somata,) or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise InputError(
            f"dendrites are {dendrites} for {somata} somata: give one number, or a number of 0 or "
            "more for each soma"
        )
    indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    total = int(indptr[-1])
    return Structure(indptr, np.arange(total), (somata, total), "tree")


def grid_shape(somata: int) -> ImageShape:
    """Somata as an image for the next block: the most nearly square grid, rows ≤ columns."""
    (somata,) = _counts(somata=somata)
    rows = next(r for r in range(int(somata**0.5), 0, -1) if somata % r == 0)
    return rows, somata // rows, 1


def _receptive_fields(
    rng: np.random.Generator,
    image_shape: ImageShape,
    centres: NDArray,
    synapses: int,
    rule: str,
) -> Structure:
    height, width, channels = image_shape
    pixels = _neighbourhoods(rng, height, width, centres, synapses)
    columns = pixels[:, :, None] * np.int32(channels) + np.arange(channels, dtype=np.int32)
    return _equal_rows(columns.reshape(len(centres), -1), height * width * channels, rule)


def _neighbourhoods(
    rng: np.random.Generator, height: int, width: int, centres: NDArray, count: int
) -> NDArray:
    """`count` pixels around each centre, (centres, count) int32, ascending.

    The 3 × 3 pixels around a centre come first, then ring after ring of growing Chebyshev
    distance; what is taken only in part is sampled. So each pixel of a window gets the key
    (ring, random number), and the `count` smallest are taken.
    """
    # The least radius whose window holds enough pixels even where the centre is a corner.
    radius = next(
        r for r in range(max(height, width)) if min(r + 1, height) * min(r + 1, width) >= count
    )
    radius = max(radius, 1)
    steps = np.arange(-radius, radius + 1, dtype=np.int32)
    down, right = (step.reshape(-1) for step in np.meshgrid(steps, steps, indexing="ij"))
    ring = np.maximum(1, np.maximum(abs(down), abs(right))).astype(np.uint64)
    chosen = np.empty((len(centres), count), np.int32)
    for start in range(0, len(centres), CHUNK):
        part = slice(start, start + CHUNK)
        row = centres[part, None] // width + down
        column = centres[part, None] % width + right
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        tie = rng.integers(0, 2**32, inside.shape, dtype=np.uint32)
        keys = np.where(inside, ring << np.uint64(32) | tie, np.uint64(2**64 - 1))
        nearest = np.argpartition(keys, count - 1, axis=1)[:, :count]
        chosen[part] = np.take_along_axis(row * width + column, nearest, axis=1)
    chosen.sort(axis=1)
    return chosen


def _equal_rows(columns: NDArray, inputs: int, rule: str) -> Structure:
    rows, fan_in = columns.shape
    indptr = np.arange(0, rows * fan_in + 1, fan_in)
    return Structure(indptr, columns.reshape(-1), (rows, inputs), rule)


def _distinct(rng: np.random.Generator, cells: int, count: int) -> NDArray:
    """`count` distinct numbers below `cells`, ascending, uniform over all such sets.

    Repeated draws are dropped and drawn again, which is drawing without replacement.
    """
    found = np.empty(0, np.int64)
    while found.size < count:
        more = rng.integers(0, cells, count - found.size)
        found = np.concatenate([found, more])
        found.sort()
        found = found[np.concatenate([[True], found[1:] != found[:-1]])]
    return found


def at_most(value: int, limit: int, name: str, of: str) -> None:
    """Refuse a number of things above the number `limit` of others that there are."""
    if value > limit:
        raise InputError(
            f"{name} is {value}, but there are only {limit} {of}: give {limit} or less"
        )


def _counts(**numbers: Any) -> list[int]:
    """Numbers of things, as Python's own integers, whose products do not overflow."""
    return [whole(name, value, most=INT32_MAX) for name, value in numbers.items()]


def _image(shape: Any) -> tuple[int, int, int]:
    """Height, width and channels."""
    try:
        height, width, channels = shape
    except (TypeError, ValueError) as error:
        raise InputError(f"image shape is {shape!r}: give height, width and channels") from error
    height, width, channels = _counts(height=height, width=width, channels=channels)
    at_most(height * width * channels, INT32_MAX, "values in a sample", "indices of 32 bits")
    return height, width, channels
