"""How arithmetic is done."""

import warnings

from ..errors import InputError
from ..numbers import whole
from . import cuda
from .backend import Backend
from .numpy_backend import NumpyBackend
from .sparse_rows import SparseRows
from .types import Array, DendriticArrays, DendriticStructure

__all__ = [
    "BACKENDS",
    "Array",
    "Backend",
    "DendriticArrays",
    "DendriticStructure",
    "NumpyBackend",
    "SparseRows",
    "create",
]

BACKENDS = ("auto", "numpy", "numba", "cupy")


def create(name: str = "auto", threads: int | None = None, *, half: bool = False) -> Backend:
    """Make a backend.

    Parameters
    ----------
    name : {"auto", "numpy", "numba", "cupy"}
        "auto" is the fastest that runs here: "cupy" with a GPU, else "numba", or "numpy", with a
        warning, where Numba's compiler is switched off.
    threads : int, optional
        Threads to compute with; all cores this process may use if not given.
    half : bool
        Whether "cupy" stores activations as float16 (see `CupyBackend`).

    Raises
    ------
    InputError
        Where the name is unknown, the backend is not available, `threads` is no whole number of 1
        or more, or it cannot store as `half` asks.
    """
    threads = None if threads is None else whole("threads", threads)
    if name not in BACKENDS:
        raise InputError(f"unknown backend '{name}': choose one of {', '.join(BACKENDS)}")
    if name == "auto":
        name = "cupy" if half or cuda.available() else _of_the_cpu()
    if name == "cupy":
        from .gpu import CupyBackend

        return CupyBackend(threads, half=half)
    if half:
        raise InputError(
            f"backend '{name}' stores no half activations: use 'cupy', or leave it out"
        )
    if name == "numba":
        # Numba takes 0.3 s to import; a NumPy run need not pay it.
        from .cpu import NumbaBackend

        return NumbaBackend(threads)
    return NumpyBackend(threads)


def _of_the_cpu() -> str:
    """The fastest backend of the CPU that runs here."""
    from numba.core import config

    if not config.DISABLE_JIT:  # type: ignore[attr-defined]
        return "numba"
    warnings.warn(
        "NUMBA_DISABLE_JIT is set, so that no kernel can be compiled: computing with backend "
        "'numpy', which is slow",
        RuntimeWarning,
        stacklevel=3,
    )
    return "numpy"
