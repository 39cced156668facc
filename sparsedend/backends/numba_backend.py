"""Fused loops on the CPU, compiled by Numba."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401
from numba.core import config, event
from numpy.typing import DTypeLike

from ..connectivity import Structure, Transposed
from . import numba_kernels as kernels
from .numpy_backend import Array, DendriticArrays, DendriticStructure, NumpyBackend, Rates
from .simd import BLOCK, TILE, Tile

#: How often a waiting thread of GNU OpenMP looks for work before it sleeps. By its own default it
#: spins for about a millisecond, and where other processes use the cores too, on the very core that
#: the thread it waits for needs: trainings then take up to a hundred times as long
#: (bench/results/contention.md). Alone on the machine this many do as well.
SPINS = "1000"

#: A dense product of fewer weights than this is done by our own loops, whose result does not
#: depend on the number of threads; a larger one by BLAS, a share of it in every thread.
FEW_WEIGHTS = 2**15


def _start_threads() -> None:
    """Start Numba's threads, with `SPINS` in the environment that they read, and only then."""
    chosen = os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = SPINS
    numba.get_num_threads()
    if not chosen:
        del os.environ["GOMP_SPINCOUNT"]


_start_threads()


#: By lanes: for each width below `TILE` that an activation may have, and for all above.
TILES = {lanes: Tile(lanes) for lanes in (16, 32, 64, 128)}


def _tile(activation: Array) -> Tile:
    return TILES[min(activation.shape[1], TILE)]


class NumbaBackend(NumpyBackend):
    """`NumpyBackend` in compiled, parallel loops; large dense products stay with BLAS."""

    name = "numba"

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(threads)
        self.threads = min(self.threads, config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        self._limited = False

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Compute with `threads` threads inside this context; inside another one, for nothing."""
        if self._limited:
            yield
            return
        before = numba.get_num_threads()
        numba.set_num_threads(self.threads)
        try:
            # Numba's products run in SciPy's BLAS, which must be loaded before it can be limited:
            # hence the import above.
            with self._libraries.limit(limits=1, user_api="blas"):
                self._limited = True
                yield
        finally:
            self._limited = False
            numba.set_num_threads(before)

    @contextmanager
    def compilation(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` whenever a kernel is compiled, not loaded, inside this context."""
        with event.install_listener("numba:compile", _Compilations(tell)):
            yield

    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes: whole tiles, or one smaller."""
        if samples < TILE:
            return max(BLOCK, 1 << (samples - 1).bit_length())
        return -(-samples // TILE) * TILE

    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch of `images`, for `take_batch`; bytes for sparse readers as bfloat16."""
        as_pixels = images.dtype == np.uint8 and dtype == np.float32 and width >= 2 * BLOCK
        pixels = sparse_readers and as_pixels
        return self.zeros((images.shape[1], width), np.uint16 if pixels else dtype)

    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for the signs of the dendrites' pre-activations, one bit each."""
        return self.zeros((dendrites, width // 8), np.uint8)

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1 (pixels when they are read)."""
        if out.dtype == np.uint16:
            kernels.take_pixels(_tile(out), images, order, out)
        else:
            scale = out.dtype.type(1 / 255 if images.dtype == np.uint8 else 1)
            kernels.take_floats(images, order, scale, out)

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        kernels.sparse_forward(_tile(x), x, structure.indptr, structure.indices, weights, bias, out)

    def sparse_weight_gradient(
        self,
        x: Array,
        structure: Structure,
        weights: Array,
        delta: Array,
        weight_gradient: Array,
        bias_gradient: Array,
    ) -> None:
        """Gradient of each weight that exists, and of the biases."""
        kernels.sparse_weight_gradient(
            _tile(x),
            x,
            structure.indptr,
            structure.indices,
            weights,
            delta,
            weight_gradient,
            bias_gradient,
        )

    def sparse_input_gradient(
        self,
        structure: Structure,
        transposed: Transposed,
        weights: Array,
        delta: Array,
        out: Array,
    ) -> None:
        """``out = Wᵀ delta``."""
        kernels.sparse_input_gradient(
            _tile(delta),
            transposed.indptr,
            transposed.rows,
            transposed.positions,
            weights,
            delta,
            out,
        )

    def dendritic_forward(
        self,
        x: Array,
        structure: DendriticStructure,
        parameters: DendriticArrays,
        slope: float,
        out: Array,
        state: Array,
    ) -> None:
        """Dendrites and somata in one sweep."""
        synapses, cables = structure
        slope = out.dtype.type(slope)
        kernels.dendritic_forward(
            _tile(x),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            *parameters,
            slope,
            out,
            state,
        )

    def dendritic_backward(
        self,
        x: Array,
        structure: DendriticStructure,
        parameters: DendriticArrays,
        slope: float,
        out: Array,
        state: Array,
        delta: Array,
        gradients: DendriticArrays,
    ) -> None:
        """Gradients of all parameters in one sweep."""
        synapses, cables = structure
        kernels.dendritic_backward(
            _tile(x),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            parameters.synapses,
            parameters.dendrite_bias,
            parameters.cables,
            out.dtype.type(slope),
            out,
            state,
            delta,
            *gradients,
        )

    def dendritic_input_gradient(
        self,
        structure: DendriticStructure,
        transposed: Transposed,
        parameters: DendriticArrays,
        slope: float,
        state: Array,
        delta: Array,
        out: Array,
    ) -> None:
        """Gradient of the inputs, gathered along the transposed synapses."""
        kernels.dendritic_input_gradient(
            _tile(delta),
            transposed.indptr,
            transposed.rows,
            transposed.positions,
            structure.cables.rows,
            parameters.synapses,
            parameters.cables,
            out.dtype.type(slope),
            state,
            delta,
            out,
        )

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``."""
        if weights.size < FEW_WEIGHTS:
            kernels.dense_forward(_tile(x), x, weights, bias, out)
        else:
            kernels.dense_forward_blas(x, weights, bias, self.threads, out)

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        if weight_gradient.size < FEW_WEIGHTS:
            kernels.dense_weight_gradient(_tile(x), x, delta, weight_gradient, bias_gradient)
        else:
            kernels.dense_weight_gradient_blas(
                x, delta, self.threads, weight_gradient, bias_gradient
            )

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        if weights.size < FEW_WEIGHTS:
            kernels.dense_input_gradient(_tile(delta), weights, delta, out)
        else:
            kernels.dense_input_gradient_blas(weights, delta, self.threads, out)

    def leaky_relu(self, x: Array, slope: float, out: Array) -> None:
        """``out = x where x > 0 else slope · x``."""
        kernels.leaky_relu(x, x.dtype.type(slope), out)

    def leaky_relu_backward(self, y: Array, slope: float, delta: Array) -> None:
        """``delta *= 1 where y > 0 else slope``."""
        kernels.leaky_relu_backward(y, y.dtype.type(slope), delta)

    def softmax_cross_entropy(
        self, logits: Array, labels: Array, delta: Array, totals: Array
    ) -> None:
        """Add to the summed loss and the number correct; `delta` gets the mean loss's gradient."""
        kernels.softmax_cross_entropy(logits, labels, delta, totals)

    def adam(
        self,
        parameters: Array,
        gradients: Array,
        first: Array,
        second: Array,
        rates: Rates,
        beta1: float,
        beta2: float,
        epsilon: float,
    ) -> None:
        """One step of Adam on flat vectors."""
        rate, decay = rates
        as_dtype = parameters.dtype.type
        kernels.adam(
            parameters,
            gradients,
            first,
            second,
            as_dtype(rate),
            # Subtracted before rounding: in float32, 1 - 0.999 is 0.0010000467.
            as_dtype(1 - beta1),
            as_dtype(1 - beta2),
            as_dtype(epsilon),
            as_dtype(decay),
        )


class _Compilations(event.Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def on_start(self, event: event.Event) -> None:
        self.tell()

    def on_end(self, event: event.Event) -> None:
        pass
