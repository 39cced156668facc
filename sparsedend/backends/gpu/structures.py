"""Who connects to whom, on the device."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structure import Structure, Transposed
from ..types import Array
from .device import cupy


class Connections:
    """What operations take of a `Structure`, on the device, with 64-bit row pointers.

    Parameters
    ----------
    structure : Structure

    Attributes
    ----------
    shape, nnz
        As the structure's.
    indptr : (rows + 1,) int64
    indices : (nnz,) int32
    """

    def __init__(self, structure: Structure) -> None:
        self._host = structure
        self.shape = structure.shape
        self.nnz = structure.nnz
        self.indptr = cupy.array(structure.indptr.astype(np.int64))
        self.indices = cupy.array(structure.indices)

    @cached_property
    def rows(self) -> Array:
        """Row of each connection, (nnz,) int32."""
        return _ready(self._host.rows)[0]

    @cached_property
    def transposed(self) -> Transposed:
        """The same connections by column, the pointers as int64."""
        indptr, rows, positions = self._host.transposed
        return Transposed(*_ready(indptr.astype(np.int64), rows, positions))

    def matrix(self, data: Array) -> Any:
        """CuPy matrix of the values `data`, (nnz,), sharing memory with them."""
        from cupyx.scipy.sparse import csr_matrix

        indptr = self.indptr.astype(np.int32)
        matrix = csr_matrix((data, self.indices, indptr), shape=self.shape)
        matrix.data = data
        return matrix


def _ready(*arrays: NDArray) -> list[Array]:
    """Arrays on the device, for all streams: threads share what the first that needs it makes."""
    made = [cupy.array(each) for each in arrays]
    cupy.cuda.get_current_stream().synchronize()
    return made
