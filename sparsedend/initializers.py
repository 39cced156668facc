"""Initial weights, drawn for the connections that exist."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import InputError
from .structure import Structure

Shape = tuple[int, ...]
Initializer = Callable[[np.random.Generator, Structure | Shape, DTypeLike], NDArray]


def glorot(rng: np.random.Generator, of: Structure | Shape, dtype: DTypeLike) -> NDArray:
    """Glorot uniform for the dense shape, as the authors draw and then mask it.

    Independent numbers from ±sqrt(6 / (fan_in + fan_out)) with fan_in all columns and fan_out all
    rows (Glorot & Bengio 2010, eq. 16), whether they exist or not.

    Parameters
    ----------
    rng : Generator
    of : Structure, or (rows, columns) of a dense layer
    dtype : float32 or float64

    Returns
    -------
    (nnz,) or (rows · columns,) array
    """
    rows, columns = of.shape if isinstance(of, Structure) else of
    return _uniform(rng, _count(of), dtype) * np.dtype(dtype).type((6 / (rows + columns)) ** 0.5)


def sparse(rng: np.random.Generator, of: Structure | Shape, dtype: DTypeLike) -> NDArray:
    """Glorot uniform with the fan-in and fan-out that exist, for each connection its own.

    Parameters and return value as for `glorot`; for a dense layer the two agree.
    """
    if not isinstance(of, Structure):
        return glorot(rng, of, dtype)
    fan_out = np.bincount(of.indices, minlength=of.shape[1])
    fan = of.fan_in[of.rows] + fan_out[of.indices]
    return _uniform(rng, of.nnz, dtype) * np.sqrt(6 / fan).astype(dtype)


INITIALIZERS: dict[str, Initializer] = {"glorot": glorot, "sparse": sparse}


def named(name: str) -> Initializer:
    """Initializer of that name.

    Raises
    ------
    InputError
        Where there is none.
    """
    if name not in INITIALIZERS:
        raise InputError(f"unknown initializer '{name}': choose {' or '.join(INITIALIZERS)}")
    return INITIALIZERS[name]


def _count(of: Structure | Shape) -> int:
    return of.nnz if isinstance(of, Structure) else int(np.prod(of))


def _uniform(rng: np.random.Generator, size: int, dtype: DTypeLike) -> NDArray:
    """Numbers from -1 up to 1, without temporaries of a wider dtype."""
    values = rng.random(size, dtype=np.float64 if np.dtype(dtype) == np.float64 else np.float32)
    values *= 2
    values -= 1
    return values
