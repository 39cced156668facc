"""A GPU as a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ...errors import InputError
from ...structure import Structure
from ..types import Array, Pass, Rates, Step
from . import device
from .device import cupy
from .element_operations import ElementOperations
from .epoch_graphs import EpochGraphs
from .fusion import fused
from .layer_operations import LayerOperations
from .structures import Connections

#: Widths are multiples of this: whole warps whose lanes have 16 bytes of float32 or float64.
SAMPLES = 128


class CupyBackend(LayerOperations, ElementOperations):
    """`Backend` on a GPU.

    Work is queued on the current stream; inside `limited` that is one of the calling thread's own,
    so threads share the device, each with what it queues in order. Steps that `batches` repeats are
    captured in CUDA graphs. What dropout drops is decided by a generator on the device, seeded from
    the one given: the same from run to run, but not what the CPU would drop.

    Parameters
    ----------
    threads : int, optional
        Of what is left to the host.
    half : bool
        Whether activations, logits included, are stored as float16, of float32 networks: their
        bytes are halved, and they are rounded to 11 bits and kept within ±65504. Inputs that are
        not bytes count as activations. All else stays float32.

    Raises
    ------
    InputError
        Where CuPy is not installed or finds no device.
    """

    name = "cupy"
    # A small network leaves most of the device idle. More would wait for Python's lock.
    side_by_side = 8

    def __init__(self, threads: int | None = None, *, half: bool = False) -> None:
        super().__init__(threads)
        self.half = half

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threads={self.threads}, half={self.half})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), half=self.half), (self.threads,)

    def limited(self) -> AbstractContextManager[None]:
        """Queue on the calling thread's own stream inside this context.

        It waits for what the caller has queued, and what the caller queues next waits for it.

        Raises
        ------
        InputError
            Where this process was forked from one that had used CUDA.
        """
        return device.own_stream()

    # Memory

    def place(self, values: Any) -> Array:
        """Values on the device: any array, copied only where it lies elsewhere.

        An array too large for the memory that is left stays on the host, page-locked, and kernels
        read it through the bus.
        """
        return device.place(values)

    def fetch(self, values: Array) -> NDArray:
        """NumPy array of an array on the device, once it has been computed."""
        return values.get()

    def connections(self, structure: Structure) -> Structure:
        """Place a structure on the device."""
        return Connections(structure)  # type: ignore[return-value]

    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes."""
        return -(-samples // SAMPLES) * SAMPLES

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros on the device."""
        return cupy.zeros(shape, dtype)

    def activations(self, features: int, width: int, dtype: DTypeLike) -> Array:
        """Room for activations, as float16 where `half` asks for it.

        Raises
        ------
        InputError
            Where it does, and the network is not float32.
        """
        if self.half and dtype != np.float32:
            raise InputError(
                f"half storage is for float32, and the network is {np.dtype(dtype)}: "
                "make the network float32, or the backend without half"
            )
        return self.zeros((features, width), np.float16 if self.half else dtype)

    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch of `images`, for `take_batch`; bytes for sparse readers as bfloat16."""
        pixels = sparse_readers and images.dtype == np.uint8 and dtype == np.float32
        if pixels:
            return self.zeros((images.shape[1], width), np.uint16)
        return self.activations(images.shape[1], width, dtype)

    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for the signs of the dendrites' pre-activations, a byte for 16 bytes of samples."""
        return self.zeros((dendrites, width * np.dtype(dtype).itemsize // 16), np.uint8)

    # Many steps

    def repeated(self, step: Pass) -> Pass:
        """The step in fewer kernels; a graph would need its order and rates on the device first."""
        return fused(step)

    def batches(
        self, step: Step, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
        """Prepare to do `step` on batch after batch, inside `limited`: captured and replayed."""
        return EpochGraphs(step, batch_size).epoch
