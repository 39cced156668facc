"""The specification: every operation in plain NumPy and SciPy, slow and obviously right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..structure import Structure, Transposed
from .arrays import aligned_zeros, as_host_array
from .backend import Backend, host_batches, host_dropout
from .formulas import Formula, results
from .threads import limited_blas
from .types import Array, DendriticArrays, DendriticStructure, Pass, Rates, Step

#: Weights, or elements, that are taken at once where temporaries would be large.
CHUNK = 65_536


class NumpyBackend(Backend):
    """`Backend` in the words of its equations; the others are tested against it."""

    name = "numpy"

    def limited(self) -> AbstractContextManager[None]:
        """Context in which BLAS has `threads` threads."""
        return limited_blas(self.threads)

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

    def width(self, samples: int) -> int:
        """No padding."""
        return samples

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros that begin at a cache line."""
        return aligned_zeros(shape, dtype)

    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch, as numbers of the network's dtype."""
        return self.zeros((images.shape[1], width), dtype)

    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for the dendrites' activations."""
        return self.zeros((dendrites, width), dtype)

    # Batches

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1."""
        scale = 255 if images.dtype == np.uint8 else 1
        out[:, : order.size] = images[order].T.astype(out.dtype) / scale

    # Sparse layers

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        out[:] = structure.matrix(weights) @ x + bias[:, None]

    def sparse_weight_gradient(
        self,
        x: Array,
        structure: Structure,
        weights: Array,
        delta: Array,
        weight_gradient: Array,
        bias_gradient: Array,
    ) -> None:
        """``weight_gradient[k] = delta[row of k] · x[column of k]``."""
        for start in range(0, structure.nnz, CHUNK):
            part = slice(start, start + CHUNK)
            weight_gradient[part] = np.einsum(
                "kb,kb->k", delta[structure.rows[part]], x[structure.indices[part]]
            )
        bias_gradient[:] = delta.sum(axis=1)

    def sparse_input_gradient(
        self,
        structure: Structure,
        transposed: Transposed,
        weights: Array,
        delta: Array,
        out: Array,
    ) -> None:
        """``out = Wᵀ delta``."""
        out[:] = structure.matrix(weights).T @ delta

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
        """Two sparse products, each with leaky ReLU; `state` gets the dendrites' activations."""
        self.sparse_forward(
            x, structure.synapses, parameters.synapses, parameters.dendrite_bias, state
        )
        state[:] = np.where(state > 0, state, slope * state)
        self.sparse_forward(state, structure.cables, parameters.cables, parameters.soma_bias, out)
        out[:] = np.where(out > 0, out, soma_slope * out)

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
        """The chain rule, from somata to synapses."""
        delta *= np.where(out > 0, 1, soma_slope)
        self.sparse_weight_gradient(
            state,
            structure.cables,
            parameters.cables,
            delta,
            gradients.cables,
            gradients.soma_bias,
        )
        inner = _dendrite_delta(structure, parameters, slope, state, delta)
        self.sparse_weight_gradient(
            x,
            structure.synapses,
            parameters.synapses,
            inner,
            gradients.synapses,
            gradients.dendrite_bias,
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
        """``out = Wᵀ`` times the gradient of the dendrites' pre-activations."""
        inner = _dendrite_delta(structure, parameters, slope, state, delta)
        self.sparse_input_gradient(structure.synapses, transposed, parameters.synapses, inner, out)

    # Dense layers

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``."""
        self._product(weights, x, out)
        out += bias[:, None]

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        self._product(delta, x.T, weight_gradient)
        np.sum(delta, axis=1, out=bias_gradient)

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        self._product(weights.T, delta, out)

    def _product(self, a: Array, b: Array, out: Array) -> None:
        with limited_blas(self.threads, product=True):
            np.matmul(a, b, out=out)

    # Elementwise

    def elementwise(
        self,
        formula: Formula,
        outputs: tuple[Array, ...],
        inputs: tuple[Array, ...],
        numbers: tuple[float, ...] = (),
        rates: Any = (),
    ) -> None:
        """The formula of whole arrays."""
        # A number of NumPy's would make float64 of float32 arrays.
        found = formula(*inputs, *map(float, (*rates, *numbers)))
        for output, values in zip(outputs, results(found), strict=True):
            output[...] = values

    def dropout(self, x: Array, samples: int, random: Any, rate: float, factors: Array) -> None:
        """``x *= factors``, drawn by the generator."""
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
        """Softmax with its maximum subtracted, so that no exponential overflows."""
        samples = order.size
        wanted = labels[order]
        shifted = logits[:, :samples] - logits[:, :samples].max(axis=0)
        exponentials = np.exp(shifted)
        norm = exponentials.sum(axis=0)
        columns = np.arange(samples)
        delta[:, :samples] = exponentials / norm
        delta[wanted, columns] -= 1
        delta[:, :samples] /= samples
        losses = np.log(norm) - shifted[wanted, columns]
        right = logits[:, :samples].argmax(axis=0) == wanted
        _weigh(weights, order, losses, right, delta, totals)

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
        """The formula of all outputs and targets of the batch."""
        samples = order.size
        values, gradients, right = formula(outputs[:, :samples], targets[order].T, *numbers)
        delta[:, :samples] = gradients / (samples * len(outputs))
        right = np.broadcast_to(right, (len(outputs), samples)).all(axis=0)
        _weigh(weights, order, values.mean(axis=0), right, delta, totals)

    # Optimizers

    def clip_norm(self, gradients: Array, limit: float) -> None:
        """Multiply with ``limit / norm`` where the norm is larger."""
        norm = np.sqrt(np.sum(np.square(gradients, dtype=np.float64)))
        if norm > limit and np.isfinite(norm):
            gradients *= gradients.dtype.type(limit / norm)

    # Many steps

    def repeated(self, step: Pass) -> Pass:
        """The step itself."""
        return step

    def batches(
        self, step: Step, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
        """One step after the other."""
        return host_batches(step, batch_size)


def _weigh(
    weights: Array | None,
    order: Array,
    losses: Array,
    right: Array,
    delta: Array,
    totals: Array,
) -> None:
    """Weigh the samples' losses and gradients, and leave none in the padding."""
    samples = order.size
    delta[:, samples:] = 0
    chosen = np.ones(samples, losses.dtype) if weights is None else weights[order]
    if weights is not None:
        delta[:, :samples] *= chosen
    totals[0] += np.sum(chosen * losses, dtype=np.float64)
    totals[1] += np.sum(chosen[right], dtype=np.float64)
    totals[2] += np.sum(chosen, dtype=np.float64)


def _dendrite_delta(
    structure: DendriticStructure,
    parameters: DendriticArrays,
    slope: float,
    activations: Array,
    soma_delta: Array,
) -> Array:
    """Gradient of the dendrites' pre-activations."""
    back = structure.cables.matrix(parameters.cables).T @ soma_delta
    return back * np.where(activations > 0, 1, slope).astype(back.dtype)
