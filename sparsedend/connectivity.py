"""Who connects to whom: CSR structures, drawn as pure functions of a random generator.

Rows are dendrites (or somata), columns their inputs; dendrite ``s·D + d`` belongs to soma s. The
rules are those of Chavlis & Poirazi (Nature Communications 16:943, 2025, Methods).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .errors import InputError

ImageShape = tuple[int, int, int]

INT32_MAX = np.iinfo(np.int32).max
#: Centres whose neighbourhoods are drawn at once, to bound memory. Part of what a seed means.
CHUNK = 65_536


class Transposed(NamedTuple):
    """The same connections seen from the columns.

    Attributes
    ----------
    indptr : (columns + 1,)
        Column i's entries are ``indptr[i] … indptr[i + 1]`` of the other two.
    rows : (nnz,) int32
        Ascending within a column.
    positions : (nnz,) int32
        Where the entry stands in the CSR's data.
    """

    indptr: NDArray
    rows: NDArray
    positions: NDArray


@dataclass(frozen=True, eq=False)
class Structure:
    """Connections that exist, in CSR form; checked once, when made, and read-only from then on.

    Compiled loops trust it and check no bounds.

    Parameters
    ----------
    indptr : (rows + 1,) integers
        Kept as int32, or int64 from 2**31 entries on.
    indices : (nnz,) integers
        Columns, ascending within a row, without duplicates. Kept as int32.
    shape : (int, int)
        Rows (outputs) and columns (inputs).
    rule : str
        How the connections were chosen, in a word; "given" where nobody says.

    Raises
    ------
    InputError
        Where these do not make a CSR structure in that form.
    """

    indptr: NDArray
    indices: NDArray
    shape: tuple[int, int]
    rule: str = "given"

    def __post_init__(self) -> None:
        indptr, indices = np.asarray(self.indptr), np.asarray(self.indices)
        _check(indptr, indices, self.shape)
        wide = np.int32 if indices.size <= INT32_MAX else np.int64
        for name, array in (
            ("indptr", np.ascontiguousarray(indptr, wide)),
            ("indices", np.ascontiguousarray(indices, np.int32)),
        ):
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def nnz(self) -> int:
        """Number of connections."""
        return self.indices.size

    @property
    def fan_in(self) -> NDArray:
        """Connections of each row."""
        return np.diff(self.indptr)

    @cached_property
    def rows(self) -> NDArray:
        """Row of each connection, (nnz,) int32."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), self.fan_in)

    @cached_property
    def transposed(self) -> Transposed:
        """The same connections by column."""
        columns = self.matrix(np.arange(self.nnz, dtype=np.int32)).tocsc()
        return Transposed(columns.indptr, columns.indices, columns.data)

    def matrix(self, data: NDArray) -> csr_array:
        """SciPy matrix of the values `data`, (nnz,), sharing memory with all three arrays."""
        matrix = csr_array((data, self.indices, self.indptr), shape=self.shape)
        # SciPy copies an array that is a small part of another one.
        matrix.data, matrix.indices, matrix.indptr = data, self.indices, self.indptr
        return matrix


def from_csr(matrix: csr_array) -> Structure:
    """Structure of a SciPy CSR matrix or array.

    Raises
    ------
    InputError
        Where its indices are out of range, unsorted or duplicate.
    """
    return Structure(matrix.indptr, matrix.indices, matrix.shape)


def sample_positions(rng: np.random.Generator, rows: int, columns: int, total: int) -> Structure:
    """`total` positions without replacement from all rows × columns; a row may have none.

    The authors' rule for random synapses and random cables. Nothing of size rows × columns is made
    unless more than half of it is asked for.

    Raises
    ------
    InputError
        Where there are fewer positions than asked for.
    """
    at_least_one(rows=rows, columns=columns, total=total)
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
    at_least_one(inputs=inputs, dendrites=dendrites, synapses=synapses)
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
        Where a number is below 1 or there are more synapses than pixels.
    """
    height, width, _ = image_shape
    at_least_one(dendrites=dendrites, synapses=synapses)
    at_most(synapses, height * width, "synapses", "pixels")
    centres = rng.integers(0, height * width, dendrites, dtype=np.int32)
    return _receptive_fields(rng, image_shape, centres, synapses, "local")


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
        Where a number is below 1, or synapses or dendrites are more than the pixels.
    """
    height, width, _ = image_shape
    at_least_one(somata=somata, dendrites=dendrites, synapses=synapses)
    at_most(synapses, height * width, "synapses", "pixels")
    at_most(dendrites, height * width, "dendrites", "pixels to centre them on")
    somata_centres = rng.integers(0, height * width, somata, dtype=np.int32)
    centres = _neighbourhoods(rng, height, width, somata_centres, dendrites)
    return _receptive_fields(rng, image_shape, centres.reshape(-1), synapses, "global")


def tree(somata: int, dendrites: int) -> Structure:
    """Cables from each soma's own dendrites: (somata, somata · dendrites), block diagonal."""
    at_least_one(somata=somata, dendrites=dendrites)
    total = somata * dendrites
    indptr = np.arange(0, total + 1, dendrites)
    return Structure(indptr, np.arange(total), (somata, total), "tree")


def grid_shape(somata: int) -> ImageShape:
    """Somata as an image for the next block: the most nearly square grid, rows ≤ columns."""
    at_least_one(somata=somata)
    rows = next(r for r in range(int(somata**0.5), 0, -1) if somata % r == 0)
    return rows, somata // rows, 1


def _receptive_fields(
    rng: np.random.Generator, image_shape: ImageShape, centres: NDArray, synapses: int, rule: str
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


def at_least_one(**numbers: int) -> None:
    """Refuse numbers below 1 with an InputError that names them."""
    for name, value in numbers.items():
        if value < 1:
            raise InputError(f"{name} is {value}: give 1 or more")


def at_most(value: int, limit: int, name: str, of: str) -> None:
    """Refuse a number of things above the number `limit` of others that there are."""
    if value > limit:
        raise InputError(
            f"{name} is {value}, but there are only {limit} {of}: give {limit} or less"
        )


def _check(indptr: NDArray, indices: NDArray, shape: tuple[int, int]) -> None:
    rows, columns = shape
    if min(shape) < 1 or max(shape) > INT32_MAX:
        raise InputError(f"CSR shape is {shape}: give rows and columns from 1 to {INT32_MAX}")
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise InputError(
                f"CSR {name} is {array.dtype} of shape {array.shape}: give a vector of integers"
            )
    if indptr.size != rows + 1:
        raise InputError(f"CSR indptr has {indptr.size} entries: {rows} rows need {rows + 1}")
    if indptr[0] != 0 or indptr[-1] != indices.size:
        raise InputError(
            f"CSR indptr goes from {indptr[0]} to {indptr[-1]}: it must go from 0 to the "
            f"{indices.size} indices"
        )
    decreasing = np.flatnonzero(indptr[1:] < indptr[:-1])
    if decreasing.size:
        row = decreasing[0]
        raise InputError(
            f"CSR indptr decreases at row {row} ({indptr[row]} to {indptr[row + 1]}): "
            "it must not decrease"
        )
    if indices.size == 0:
        return
    if indices.min() < 0 or indices.max() >= columns:
        where = np.flatnonzero((indices < 0) | (indices >= columns))[0]
        raise InputError(
            f"CSR index {indices[where]} in row {_row(indptr, where)} is out of range: "
            f"columns are 0 … {columns - 1}"
        )
    ascending = indices[1:] > indices[:-1]
    starts = indptr[1:-1]
    ascending[starts[(starts > 0) & (starts < indices.size)] - 1] = True
    if not ascending.all():
        where = int(np.flatnonzero(~ascending)[0])
        row, index, following = _row(indptr, where), indices[where], indices[where + 1]
        if index == following:
            raise InputError(
                f"CSR row {row} has index {index} twice: sum the duplicates "
                "(SciPy: matrix.sum_duplicates())"
            )
        raise InputError(
            f"CSR row {row} has index {following} after {index}: sort the indices "
            "(SciPy: matrix.sort_indices())"
        )


def _row(indptr: NDArray, position: int) -> int:
    return int(np.searchsorted(indptr, position, side="right")) - 1
