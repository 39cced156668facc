"""Fused loops on the CPU, compiled by Numba."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
from . import copies
from .compilation import Compilations, start_threads, without_threads
from .kernels import batches, dendritic, dense, formulas, losses, sparse
from .program import Call
from .recording import Recordings, Repeated
from .simd import BLOCK, LEAST, TILE, tile_of

#: A dense product of fewer weights than this is done by our own loops, whose result does not
#: depend on the number of threads; a larger one by BLAS, a share of it in every thread.
FEW_WEIGHTS = 2**15

#: Width up to which rows are added up side by side (see `kernels.rows.four_rows`).
FEW = 8

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
        self.threads = 1 if without_threads() else min(self.threads, most)
        self._recordings = Recordings()

    def limited(self) -> AbstractContextManager[None]:
        """Nothing: each call of kernels has its own limit."""
        return nullcontext()

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
        if samples == 1:
            return 1
        if samples < TILE:
            return max(LEAST, 1 << (samples - 1).bit_length())
        return -(-samples // TILE) * TILE

    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch of `images`, for `take_batch`; bytes for sparse readers as bfloat16."""
        as_pixels = images.dtype == np.uint8 and dtype == np.float32 and width >= 2 * BLOCK
        kind = np.dtype(np.uint16 if sparse_readers and as_pixels else dtype)
        size = images.shape[1] * width * kind.itemsize
        number = self.threads if size <= copies.LARGEST else 1
        return copies.first_of(self.zeros((number, images.shape[1], width), kind))

    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for the signs of the dendrites' pre-activations: bits, in whole bytes."""
        return self.zeros((dendrites, -(-width // 8)), np.uint8)

    # Batches

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1 (pixels when they are read)."""
        features, width = out.shape
        blocks = -(-features // BLOCK)
        if out.dtype == np.uint16:
            pairs = out.view(np.uint32)
            self._call(batches.take_pixels, blocks, out.size, tile_of(out), images, order, pairs)
        elif isinstance(images, SparseRows):
            columns = -(-width // BLOCK)
            self._call(batches.take_sparse, columns, out.size, *images.arrays, order, out)
        else:
            scale = 1 / 255 if images.dtype == np.uint8 else 1.0
            given = images, order, scale, out
            if width < BLOCK:
                self._call(batches.take_few, features, out.size, *given)
            else:
                self._call(batches.take_floats, blocks, out.size, *given)

    # Sparse layers

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        forward = sparse.forward_few if x.shape[1] <= FEW else sparse.forward
        rows = structure.indptr, structure.indices
        work = _work(structure, x)
        self._call(forward, len(out), work, tile_of(x), x, *rows, weights, bias, out)

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
            len(delta),
            _work(structure, x),
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
        columns = transposed.indptr, transposed.rows, transposed.positions
        given = tile_of(delta), *columns, weights, delta, out
        self._call(sparse.input_gradient, len(out), _work(structure, delta), *given)

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
            dendritic.forward_few if x.shape[1] <= FEW else dendritic.forward,
            len(out),
            _work(synapses, x),
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
            len(out),
            _work(synapses, x),
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
            len(out),
            _work(structure.synapses, delta),
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
        work = weights.size * x.shape[1]
        if weights.size < FEW_WEIGHTS:
            self._call(dense.forward, len(out), work, tile_of(x), x, weights, bias, out)
        else:
            self._call_blas(dense.forward_blas, work, x, weights, bias, self.threads, out)

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        into = weight_gradient, bias_gradient
        work = weight_gradient.size * x.shape[1]
        if weight_gradient.size < FEW_WEIGHTS:
            self._call(dense.weight_gradient, len(delta), work, tile_of(x), x, delta, *into)
        else:
            self._call_blas(dense.weight_gradient_blas, work, x, delta, self.threads, *into)

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        work = weights.size * delta.shape[1]
        if weights.size < FEW_WEIGHTS:
            self._call(dense.input_gradient, len(out), work, tile_of(delta), weights, delta, out)
        else:
            self._call_blas(dense.input_gradient_blas, work, weights, delta, self.threads, out)

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
        numbers = tuple(map(float, (*rates, *numbers)))
        loop, distinct = formulas.elementwise(formula, len(outputs), arrays, len(numbers))
        arguments = [arrays[place] for place in distinct]
        size: int = arrays[0].size
        call = Call(loop, size, ELEMENT * size, (*arguments, *numbers), rates, len(arguments))
        self._do(call)

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
        """Samples side by side, and their sums in order."""
        terms = np.empty((3, logits.shape[1]))
        given = logits, labels, order, weights, delta, terms
        self._call(losses.softmax_cross_entropy, logits.shape[1], ELEMENT * logits.size, *given)
        self._call(losses.add_terms, None, 0, terms, order, totals)

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
        given = outputs, targets, order, weights, delta, totals, *map(float, numbers)
        self._call(loop, None, 0, *given)

    # Optimizers

    def clip_norm(self, gradients: Array, limit: float) -> None:
        """Blocks of squares, whose sums are added in order."""
        size: int = gradients.size
        sums = np.empty(-(-size // formulas.BLOCK))
        self._call(formulas.sum_squares, len(sums), size, gradients, sums)
        self._call(formulas.clip, size, size, gradients, sums, limit)

    # Many steps

    def batches(
        self, step: Step, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
        """One step after the other."""
        return host_batches(step, batch_size)

    def repeated(self, step: Pass) -> Pass:
        """The step, recorded when it is first done, and from then on one native call."""
        return Repeated(step, self.threads, self._recordings)

    def _call(self, kernel: Any, times: int | None, work: int, *arguments: Any) -> None:
        self._do(Call(kernel, times, work, arguments))

    def _call_blas(self, kernel: Any, work: int, *arguments: Any) -> None:
        """Call a kernel that shares a product by BLAS among its threads."""
        call = Call(kernel, self.threads, work, arguments)
        call.compile(self.threads)
        with limited_blas(1, product=True):
            self._do(call)
        if self._recordings.current is not None:
            self._recordings.current.one_blas_thread = True

    def _do(self, call: Call) -> None:
        """Do it, and note it where a recording is under way."""
        call.do(self.threads)
        if self._recordings.current is not None:
            self._recordings.current.add(call)


def _work(structure: Structure, activation: Array) -> int:
    """Multiply-adds, about: those of one sample take as long as of a few."""
    return structure.nnz * max(activation.shape[1], LEAST)
