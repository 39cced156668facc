"""Connections that exist, in CSR form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array, issparse

from .errors import InputError
from .numbers import whole

INT32_MAX = np.iinfo(np.int32).max


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
    """Connections that exist, in CSR form; checked and copied once, when made.

    Compiled loops trust it and check no bounds, so the copies lie in memory that nothing can write.

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
        shape = _shape(self.shape)
        indptr, indices = _vector("indptr", self.indptr), _vector("indices", self.indices)
        wide = np.int32 if indices.size <= INT32_MAX else np.int64
        # The copies are checked: whoever has the originals may change them meanwhile.
        indptr, indices = _copied(indptr, wide), _copied(indices, np.int32)
        _check(indptr, indices, shape)
        object.__setattr__(self, "indptr", indptr)
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "shape", shape)

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<Structure {rows:,} × {columns:,}, {self.nnz:,} connections, {self.rule}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Structure, (self.indptr, self.indices, self.shape, self.rule)

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
        rows = np.repeat(np.arange(self.shape[0], dtype=np.int32), self.fan_in)
        return _immutable(rows, np.int32)

    @cached_property
    def transposed(self) -> Transposed:
        """The same connections by column."""
        columns = self.matrix(np.arange(self.nnz, dtype=np.int32)).tocsc()
        parts = columns.indptr, columns.indices, columns.data
        return Transposed(*(_immutable(part, part.dtype.type) for part in parts))

    def matrix(self, data: NDArray) -> csr_array:
        """SciPy matrix of the values `data`, (nnz,), sharing memory with all three arrays."""
        matrix = csr_array((data, self.indices, self.indptr), shape=self.shape)
        # SciPy copies an array that is a small part of another one.
        matrix.data, matrix.indices, matrix.indptr = data, self.indices, self.indptr
        return matrix


def from_csr(matrix: Any, rule: str = "given") -> Structure:
    """Structure of a SciPy sparse matrix or array, of any format.

    Entries that are stored count as connections, whatever their values.

    Raises
    ------
    InputError
        Where it is no sparse matrix, or its indices are out of range, unsorted or duplicate.
    """
    if not issparse(matrix):
        raise InputError(
            f"the connections are a {type(matrix).__name__}: give a SciPy sparse matrix, such as "
            "scipy.sparse.csr_array(mask)"
        )
    # Only the conversion of another format may sort, and never in the caller's own arrays.
    rows = matrix if matrix.format == "csr" else matrix.tocsr(copy=True)
    return Structure(rows.indptr, rows.indices, rows.shape, rule)


def _shape(given: Any) -> tuple[int, int]:
    try:
        rows, columns = given
        return whole("rows", rows, most=INT32_MAX), whole("columns", columns, most=INT32_MAX)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"CSR shape is {given!r}: give whole numbers of rows and columns from 1 to {INT32_MAX}"
        ) from error


def _vector(name: str, given: Any) -> NDArray:
    """Integers, which are still the caller's."""
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(
            f"CSR {name} makes no array ({error}): give a vector of integers"
        ) from error
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(
            f"CSR {name} is {array.dtype} of shape {array.shape}: give a vector of integers"
        )
    return array


def _copied(array: NDArray, dtype: type) -> NDArray:
    """A copy that nothing can write; as wide as it was where a number does not fit otherwise."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    fits = np.can_cast(array.dtype, dtype) or not array.size
    fits = fits or (array.min() >= least and array.max() <= most)
    return _immutable(array, dtype if fits else array.dtype.newbyteorder("="))


def _immutable(values: NDArray, dtype: DTypeLike) -> NDArray:
    """A copy in the memory of a bytes object, which NumPy never lets anyone write to."""
    return np.frombuffer(np.ascontiguousarray(values, dtype).tobytes(), dtype)


def _check(indptr: NDArray, indices: NDArray, shape: tuple[int, int]) -> None:
    rows, columns = shape
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
