"""The specification: every operation in plain NumPy and SciPy, slow and obviously right."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from threadpoolctl import ThreadpoolController

from ..connectivity import Structure, Transposed
from .arrays import as_host_array

Array = NDArray
#: What a step of Adam needs besides its settings: the learning rate with the bias corrections, and
#: the share of each parameter that is taken off it.
Rates = tuple[float, float]
#: Trains or scores on one batch: (indices of its images, their labels, rates, random numbers).
Step = Callable[[Array, Array, Any, Any], None]

CACHE_LINE = 64


class DendriticStructure(NamedTuple):
    """Who connects to whom in a layer of dendrites and somata.

    Attributes
    ----------
    synapses : Structure, (dendrites, inputs)
    cables : Structure, (somata, dendrites)
        A tree: row s holds the contiguous dendrites that soma s owns.
    """

    synapses: Structure
    cables: Structure


class DendriticArrays(NamedTuple):
    """One number per parameter of a dendritic layer: the parameters, or their gradients.

    Attributes
    ----------
    synapses : (nnz of the synapses,)
    dendrite_bias : (dendrites,)
    cables : (dendrites,)
    soma_bias : (somata,)
    """

    synapses: Array
    dendrite_bias: Array
    cables: Array
    soma_bias: Array


class NumpyBackend:
    """The vocabulary of operations; other backends override them and agree in every signature.

    Activations are feature-major, ``(features, width)`` in C order. ``width`` is `width(samples)`,
    which may exceed the number of samples: the further columns are padding that holds finite
    numbers, and `softmax_cross_entropy` gives it no gradient. Operations write into the arrays
    named ``out`` or ``…_gradient``. Their arrays are the backend's own, which `place` makes and
    `fetch` reads.

    Parameters
    ----------
    threads : int, optional
        Threads to compute with; all cores this process may use if not given.
    """

    name: ClassVar[str] = "numpy"
    #: Trainings that several threads of one process should do at once; None: one process each.
    side_by_side: ClassVar[int | None] = None

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or available_threads()
        # Finding the process's libraries takes 1.5 ms, ten times as long as one small prediction.
        self._libraries = ThreadpoolController()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Compute with `threads` threads inside this context."""
        with self._libraries.limit(limits=self.threads, user_api="blas"):
            yield

    @contextmanager
    def compilation(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` whenever something has to be compiled inside this context."""
        yield

    # Memory

    def place(self, values: Any) -> Array:
        """Values where this backend computes: any array, copied only where it lies elsewhere."""
        return as_host_array(values)

    def fetch(self, values: Array) -> Array:
        """NumPy array of an array of this backend, copied only where it lies elsewhere."""
        return values

    def connections(self, structure: Structure) -> Structure:
        """Place a structure: what comes back has all that operations take from a `Structure`."""
        return structure

    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes."""
        return samples

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros that begin at a cache line, so that no vector load straddles two."""
        dtype = np.dtype(dtype)
        size = math.prod(shape if isinstance(shape, tuple) else (shape,)) * dtype.itemsize
        raw = np.zeros(size + CACHE_LINE, np.uint8)
        start = -raw.__array_interface__["data"][0] % CACHE_LINE
        return raw[start : start + size].view(dtype).reshape(shape)

    def activations(self, features: int, width: int, dtype: DTypeLike) -> Array:
        """Room for activations of a network of that dtype; a backend may store them as another."""
        return self.zeros((features, width), dtype)

    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch of `images`, for `take_batch`.

        ``sparse_readers`` says that only sparse and dendritic operations will read it, so that a
        backend may choose a representation of its own.
        """
        return self.zeros((images.shape[1], width), dtype)

    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for what `dendritic_forward` leaves for `dendritic_backward`; opaque to callers."""
        return self.zeros((dendrites, width), dtype)

    # Operations

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1.

        Parameters
        ----------
        images : (images, features), uint8 or floating, C-contiguous
        order : (samples,), int64
        out : from `batch`, (features, width)
        """
        scale = 255 if images.dtype == np.uint8 else 1
        out[:, : order.size] = images[order].T.astype(out.dtype) / scale

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``: (inputs, width) -> (outputs, width)."""
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
        """Gradient of each weight that exists, ``delta[row] · x[column]``, and of the biases."""
        for start in range(0, structure.nnz, 65_536):
            part = slice(start, start + 65_536)
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
        """``out = Wᵀ delta``: (outputs, width) -> (inputs, width)."""
        out[:] = structure.matrix(weights).T @ delta

    def dendritic_forward(
        self,
        x: Array,
        structure: DendriticStructure,
        parameters: DendriticArrays,
        slope: float,
        out: Array,
        state: Array,
    ) -> None:
        """Dendrites, then the somata that own them, each with leaky ReLU.

        ``out = f(C f(W x + b) + a)`` with W the synapses, b the dendrites' biases, C the cables
        and a the somata's biases: (inputs, width) -> (somata, width).
        """
        self.sparse_forward(
            x, structure.synapses, parameters.synapses, parameters.dendrite_bias, state
        )
        self.leaky_relu(state, slope, state)
        self.sparse_forward(state, structure.cables, parameters.cables, parameters.soma_bias, out)
        self.leaky_relu(out, slope, out)

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
        """Gradients of all parameters after `dendritic_forward` left `out` and `state`.

        `delta` holds the gradient of `out` and becomes that of the somata's pre-activations.
        """
        self.leaky_relu_backward(out, slope, delta)
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
        """Gradient of the inputs, from `state` and the `delta` that `dendritic_backward` left.

        `transposed` is that of the synapses.
        """
        inner = _dendrite_delta(structure, parameters, slope, state, delta)
        self.sparse_input_gradient(structure.synapses, transposed, parameters.synapses, inner, out)

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``: (inputs, width) -> (outputs, width)."""
        np.matmul(weights, x, out=out)
        out += bias[:, None]

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        np.matmul(delta, x.T, out=weight_gradient)
        np.sum(delta, axis=1, out=bias_gradient)

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        np.matmul(weights.T, delta, out=out)

    def leaky_relu(self, x: Array, slope: float, out: Array) -> None:
        """``out = x where x > 0 else slope · x``; `out` may be `x`."""
        out[:] = np.where(x > 0, x, slope * x)

    def leaky_relu_backward(self, y: Array, slope: float, delta: Array) -> None:
        """``delta *= 1 where y > 0 else slope``, y the input or the output: their signs agree."""
        delta *= np.where(y > 0, 1, slope)

    def dropout(self, x: Array, samples: int, random: Any, rate: float, factors: Array) -> None:
        """``x *= factors``, each of which becomes 0 with probability `rate`, else 1/(1 - rate).

        Parameters
        ----------
        x, factors : (features, width)
        samples : int
            Columns that are no padding, which is kept as it is.
        random : Generator, or what `batches` gave the step
        rate : float
        """
        uniform = random.random((len(x), samples), dtype=x.dtype)
        factors[:, :samples] = (uniform >= rate) / (1 - rate)
        factors[:, samples:] = 1
        x *= factors

    def dropout_backward(self, factors: Array, delta: Array) -> None:
        """``delta *= factors``."""
        delta *= factors

    def softmax_cross_entropy(
        self, logits: Array, labels: Array, delta: Array, totals: Array
    ) -> None:
        """Cross-entropy of softmax(logits) against the labels.

        Parameters
        ----------
        logits : (classes, width)
        labels : (samples,), int64
        delta : (classes, width)
            Gets the gradient of the mean loss with respect to the logits; zero in the padding.
        totals : (2,) float64
            Has the samples' losses added to it, and the number of samples whose largest logit (the
            first of equals) is the label's.
        """
        samples = labels.size
        shifted = logits[:, :samples] - logits[:, :samples].max(axis=0)
        exponentials = np.exp(shifted)
        norm = exponentials.sum(axis=0)
        columns = np.arange(samples)
        delta[:, :samples] = exponentials / norm
        delta[labels, columns] -= 1
        delta[:, :samples] /= samples
        delta[:, samples:] = 0
        totals[0] += np.sum(np.log(norm) - shifted[labels, columns], dtype=np.float64)
        totals[1] += np.count_nonzero(logits[:, :samples].argmax(axis=0) == labels)

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
        """One step of Adam (Kingma & Ba 2015, section 2, last form) on flat vectors.

        `rates`, or what `batches` gave the step, are
        ``learning rate · sqrt(1 - beta2^t) / (1 - beta1^t)`` and the weight decay: the share of
        each parameter that is taken off it besides.
        """
        rate, decay = rates
        first += (1 - beta1) * (gradients - first)
        second += (1 - beta2) * (gradients**2 - second)
        parameters -= rate * first / (np.sqrt(second) + epsilon) + decay * parameters

    # Many steps

    def batches(
        self, step: Step, labels: Array, batch_size: int
    ) -> Callable[[Array, Sequence[Rates], Any], Iterator[None]]:
        """Prepare to do `step` on batch after batch, for as many epochs as are wanted.

        Parameters
        ----------
        step : callable
            Given indices of images, their labels, the batch's rates and `random`. A backend may
            record what it does and repeat that, with other contents of the same arrays, instead of
            calling it again.
        labels : (images,) int64
            The backend's.
        batch_size : int

        Returns
        -------
        callable
            ``epoch(order, rates, random)`` takes the images `order`, (samples,) int64, in batches,
            the last one with what is left, and an entry of `rates` for each; it yields after every
            batch, which need not have been computed by then.
        """

        def epoch(order: Array, rates: Sequence[Rates], random: Any) -> Iterator[None]:
            for start, batch_rates in zip(range(0, len(order), batch_size), rates, strict=True):
                batch = order[start : start + batch_size]
                step(batch, labels[batch], batch_rates, random)
                yield

        return epoch


def available_threads() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
