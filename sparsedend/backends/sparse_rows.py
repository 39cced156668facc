"""Samples of which only what is not zero is stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structure import Structure


class SparseRows:
    """Samples in CSR form, in the place of a (samples, features) array on the host.

    A batch is made dense as it is gathered; the whole never is.

    Parameters
    ----------
    structure : Structure, (samples, features)
    values : (nnz,) floating
    """

    def __init__(self, structure: Structure, values: NDArray) -> None:
        self.structure, self.values = structure, values

    def __len__(self) -> int:
        return self.structure.shape[0]

    def __getitem__(self, order: Any) -> NDArray:
        """Some of the samples, dense."""
        return self.structure.matrix(self.values)[order].toarray()

    @property
    def arrays(self) -> tuple[NDArray, NDArray, NDArray]:
        """Of CSR: indptr, indices and values."""
        return self.structure.indptr, self.structure.indices, self.values

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and features."""
        return self.structure.shape

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""
        return self.values.dtype

    def max(self) -> float:
        """The largest value, also of those that are not stored."""
        return self.values.max(initial=0)
