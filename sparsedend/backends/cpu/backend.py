"""Fused loops on the CPU, compiled by Numba."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from numba.core import config, event
from numpy.typing import DTypeLike, NDArray

from ...errors import InputError
from ...structure import Structure, Transposed
from ..arrays import aligned_zeros, as_host_array
from ..backend import Backend, host_batches, host_dropout
from ..formulas import Formula
from ..sparse_rows import SparseRows
from ..threads import limited_blas
from ..types import Array, DendriticArrays, DendriticStructure, Pass, Rates, Step
from .compilation import start_threads, without_threads
from .kernels import batches, dendritic, dense, formulas, losses, sparse
from .limits import Compilations, Limited
from .recording import Recordings, Repeated
from .simd import BLOCK, LEAST, TILE, tile_of

#: A dense product of fewer weights than this is done by our own loops, whose result does not
#: depend on the number of threads; a larger one by BLAS, a share of it in every thread.
FEW_WEIGHTS = 2**15

#: Multiply-adds that an element of a formula counts for: divisions and roots are among it.
ELEMENT = 16


class NumbaBackend(Backend):
    """`Backend` in compiled, parallel loops; large dense products stay with BLAS.

    Raises
    ------
    InputError
        Where Numba's compiler is switched off.
    """

    name = "numba"

    def __init__(self, threads: int | None = None) -> None:
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            raise InputError(
                "NUMBA_DISABLE_JIT is set, so that no kernel can be compiled: unset it, or use "
                "backend 'numpy'"
            )
        super().__init__(threads)
        start_threads()
        most: int = config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        self.threads = min(self.threads, most)
        if without_threads():
            self.threads = 1
        self._limits = Limited(self.threads)
        self._recordings = Recordings()

    def limited(self) -> AbstractContextManager[None]:
        """Context in which this thread's loops take `threads` threads."""
        return self._limits

    @contextmanager
    def compilation(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` whenever a kernel is compiled, not loaded, inside this context."""
        with event.install_listener("numba:compile", Compilations(tell)):
            yield

    # Memory

    def place(self, values: Any) -> Array:
        """NumPy array of the values."""
        return as_host_array(values)

    def fetch(self, values: Array) -> NDArray:
        """The array itself."""
        return values

    def connections(self, structure: Structure) -> Structure:
        """The structure itself."""
        return structure

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros that begin at a cache line."""
        return aligned_zeros(shape, dtype)

    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes: whole tiles, or one smaller."""
        if samples < TILE:
            return max(LEAST, 1 << (samples - 1).bit_length())
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

    # Batches

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1 (pixels when they are read)."""
        if out.dtype == np.uint16:
            self._call(batches.take_pixels, out.size, tile_of(out), images, order, out)
        elif isinstance(images, SparseRows):
            self._call(batches.take_sparse, out.size, *images.arrays, order, out)
        else:
            scale = 1 / 255 if images.dtype == np.uint8 else 1.0
            self._call(batches.take_floats, out.size, images, order, scale, out)

    # Sparse layers

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        self._call(
            sparse.forward,
            structure.nnz * x.shape[1],
            tile_of(x),
            x,
            structure.indptr,
            structure.indices,
            weights,
            bias,
            out,
        )

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
        self._call(
            sparse.weight_gradient,
            structure.nnz * x.shape[1],
            tile_of(x),
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
        self._call(
            sparse.input_gradient,
            structure.nnz * delta.shape[1],
            tile_of(delta),
            transposed.indptr,
            transposed.rows,
            transposed.positions,
            weights,
            delta,
            out,
        )

    # Dendritic layers

    def dendritic_forward(
        self,
        x: Array,
        structure: DendriticStructure,
        parameters: DendriticArrays,
        slope: float,
        soma_slope: float,
        out: Array,
        state: Array,
    ) -> None:
        """Dendrites and somata in one sweep."""
        synapses, cables = structure
        self._call(
            dendritic.forward,
            synapses.nnz * x.shape[1],
            tile_of(x),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            *parameters,
            slope,
            soma_slope,
            out,
            state,
        )

    def dendritic_backward(
        self,
        x: Array,
        structure: DendriticStructure,
        parameters: DendriticArrays,
        slope: float,
        soma_slope: float,
        out: Array,
        state: Array,
        delta: Array,
        gradients: DendriticArrays,
    ) -> None:
        """Gradients of all parameters in one sweep."""
        synapses, cables = structure
        self._call(
            dendritic.backward,
            synapses.nnz * x.shape[1],
            tile_of(x),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            parameters.synapses,
            parameters.dendrite_bias,
            parameters.cables,
            slope,
            soma_slope,
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
        self._call(
            dendritic.input_gradient,
            structure.synapses.nnz * delta.shape[1],
            tile_of(delta),
            transposed.indptr,
            transposed.rows,
            transposed.positions,
            structure.cables.rows,
            parameters.synapses,
            parameters.cables,
            slope,
            state,
            delta,
            out,
        )

    # Dense layers

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``."""
        if weights.size < FEW_WEIGHTS:
            self._call(dense.forward, weights.size * x.shape[1], tile_of(x), x, weights, bias, out)
        else:
            self._call_blas(dense.forward_blas, x, weights, bias, self.threads, out)

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        if weight_gradient.size < FEW_WEIGHTS:
            work = weight_gradient.size * x.shape[1]
            self._call(
                dense.weight_gradient, work, tile_of(x), x, delta, weight_gradient, bias_gradient
            )
        else:
            self._call_blas(
                dense.weight_gradient_blas, x, delta, self.threads, weight_gradient, bias_gradient
            )

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        if weights.size < FEW_WEIGHTS:
            self._call(
                dense.input_gradient,
                weights.size * delta.shape[1],
                tile_of(delta),
                weights,
                delta,
                out,
            )
        else:
            self._call_blas(dense.input_gradient_blas, weights, delta, self.threads, out)

    # Elementwise

    def elementwise(
        self,
        formula: Formula,
        outputs: tuple[Array, ...],
        inputs: tuple[Array, ...],
        numbers: tuple[float, ...] = (),
        rates: Any = (),
    ) -> None:
        """One loop over all elements."""
        arrays = outputs + inputs
        numbers = (*rates, *numbers)
        loop, distinct = formulas.elementwise(formula, len(outputs), arrays, len(numbers))
        arguments = [arrays[place] for place in distinct]
        loop(*arguments, *numbers)
        recording = self._recordings.current
        if recording is not None:
            work = ELEMENT * arrays[0].size
            recording.add(loop, work, (*arguments, *numbers), rates, len(arguments))

    def dropout(self, x: Array, samples: int, random: Any, rate: float, factors: Array) -> None:
        """``x *= factors``, drawn by the generator."""
        self._recordings.give_up()
        host_dropout(x, samples, random, rate, factors)

    # Losses

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Sample after sample."""
        self._call(losses.softmax_cross_entropy, 0, logits, labels, order, weights, delta, totals)

    def formula_loss(
        self,
        formula: Formula,
        numbers: tuple[float, ...],
        outputs: Array,
        targets: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Sample after sample."""
        loop = formulas.loss(formula, len(numbers))
        self._call(loop, 0, outputs, targets, order, weights, delta, totals, *numbers)

    # Optimizers

    def clip_norm(self, gradients: Array, limit: float) -> None:
        """Blocks of squares, whose sums are added in order."""
        self._call(formulas.clip_norm, gradients.size, gradients, limit)

    # Many steps

    def batches(
        self, step: Step, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
        """One step after the other."""
        return host_batches(step, batch_size)

    def repeated(self, step: Pass) -> Pass:
        """The step, recorded when it is first done, and from then on one native call."""
        return Repeated(step, self.threads, self._recordings)

    def _call(self, kernel: Any, work: int, *arguments: Any) -> None:
        """Call a kernel that does about so many multiply-adds."""
        kernel(*arguments)
        recording = self._recordings.current
        if recording is not None:
            recording.add(kernel, work, arguments)

    def _call_blas(self, kernel: Any, *arguments: Any) -> None:
        """Call a kernel that shares a product by BLAS among its threads."""
        with limited_blas(1):
            kernel(*arguments)
        recording = self._recordings.current
        if recording is not None:
            recording.one_blas_thread = True
            recording.add(kernel, FEW_WEIGHTS * BLOCK, arguments)
