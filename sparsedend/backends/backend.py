"""The vocabulary of operations that every backend has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..structure import Structure, Transposed
from .formulas import Formula
from .threads import available_threads
from .types import Array, DendriticArrays, DendriticStructure, Pass, Rates, Step


class Backend(ABC):
    """How arithmetic is done, and where.

    Activations are feature-major, ``(features, width)`` in C order. ``width`` is `width(samples)`,
    which may exceed the number of samples: the further columns are padding that holds finite
    numbers, and losses give it no gradient. Operations write into the arrays named ``out`` or
    ``…_gradient``. All their arrays are the backend's own, which `place` makes and `fetch` reads,
    and nothing checks them: structures are checked where they are made, indices by `Session`.

    Parameters
    ----------
    threads : int, optional
        Threads to compute with; all cores this process may use if not given.
    """

    name: ClassVar[str]
    #: Trainings that several threads of one process should do at once; None: one process each.
    side_by_side: ClassVar[int | None] = None

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or available_threads()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threads={self.threads})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.threads,)

    @abstractmethod
    def limited(self) -> AbstractContextManager[None]:
        """Context in which this thread computes, with `threads` threads."""

    @contextmanager
    def compilation(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` whenever something has to be compiled inside this context."""
        yield

    # Memory

    @abstractmethod
    def place(self, values: Any) -> Array:
        """Values where this backend computes: any array, copied only where it lies elsewhere."""

    @abstractmethod
    def fetch(self, values: Array) -> NDArray:
        """NumPy array of an array of this backend, copied only where it lies elsewhere."""

    @abstractmethod
    def connections(self, structure: Structure) -> Structure:
        """Place a structure: what comes back has all that operations take from a `Structure`."""

    @abstractmethod
    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes."""

    @abstractmethod
    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros."""

    def activations(self, features: int, width: int, dtype: DTypeLike) -> Array:
        """Room for activations of a network of that dtype; a backend may store them as another."""
        return self.zeros((features, width), dtype)

    @abstractmethod
    def batch(
        self, images: Array, width: int, dtype: DTypeLike, *, sparse_readers: bool = False
    ) -> Array:
        """Room for a batch of `images`, for `take_batch`.

        ``sparse_readers`` says that only sparse and dendritic operations will read it, so that a
        backend may choose a representation of its own.
        """

    @abstractmethod
    def dendritic_state(self, dendrites: int, width: int, dtype: DTypeLike) -> Array:
        """Room for what `dendritic_forward` leaves for `dendritic_backward`; opaque to callers."""

    # Batches

    @abstractmethod
    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1.

        Parameters
        ----------
        images : (images, features), uint8 or floating, C-contiguous; on the host also `SparseRows`
        order : (samples,), int64
        out : from `batch`, (features, width)
        """

    # Sparse layers

    @abstractmethod
    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``: (inputs, width) -> (outputs, width)."""

    @abstractmethod
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

    @abstractmethod
    def sparse_input_gradient(
        self,
        structure: Structure,
        transposed: Transposed,
        weights: Array,
        delta: Array,
        out: Array,
    ) -> None:
        """``out = Wᵀ delta``: (outputs, width) -> (inputs, width)."""

    # Dendritic layers

    @abstractmethod
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
        """Dendrites, then the somata that own them, each with leaky ReLU.

        ``out = g(C f(W x + b) + a)`` with W the synapses, b the dendrites' biases, C the cables and
        a the somata's biases; f and g are leaky ReLU with `slope` and `soma_slope`, the identity
        where that is 1: (inputs, width) -> (somata, width).
        """

    @abstractmethod
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
        """Gradients of all parameters after `dendritic_forward` left `out` and `state`.

        `delta` holds the gradient of `out` and becomes that of the somata's pre-activations.
        """

    @abstractmethod
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

    # Dense layers

    @abstractmethod
    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``: (inputs, width) -> (outputs, width)."""

    @abstractmethod
    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""

    @abstractmethod
    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""

    # Elementwise

    @abstractmethod
    def elementwise(
        self,
        formula: Formula,
        outputs: tuple[Array, ...],
        inputs: tuple[Array, ...],
        numbers: tuple[float, ...] = (),
        rates: Any = (),
    ) -> None:
        """``outputs = formula(*inputs, *rates, *numbers)`` for each element.

        Parameters
        ----------
        formula : callable
            See `formulas`; it returns as many numbers as there are outputs.
        outputs, inputs : arrays of one shape, C-contiguous
            The same array may be among both.
        numbers : floats
            Fixed: a GPU may repeat a step with those that it was recorded with.
        rates : tuple of floats, or what `batches` gave the step
        """

    @abstractmethod
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

    # Losses

    @abstractmethod
    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        order: Array,
        weights: Array | None,
        delta: Array,
        totals: Array,
    ) -> None:
        """Cross-entropy of softmax(logits) against the labels.

        Parameters
        ----------
        logits : (classes, width)
        labels : (images,), int64
        order : (samples,), int64
            Which of the labels are the columns'.
        weights : (images,) of the network's dtype, optional
            1 for all if not given.
        delta : (classes, width)
            Gets weight / samples times the gradient of each sample's loss; zero in the padding.
        totals : (3,) float64
            Has added to it: the sum of weight · loss, the weight of the samples whose largest logit
            (the first of equals) is the label's, and the weight of all.
        """

    @abstractmethod
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
        """Losses that compare each output with a target of its own.

        Parameters
        ----------
        formula : callable
            ``formula(output, target, *numbers)`` returns the loss, its derivative by the output,
            and whether the output is right. A sample's loss is the mean over its outputs, and it is
            right where all of them are.
        numbers : floats
        outputs : (outputs, width)
        targets : (images, outputs) of the network's dtype, C-contiguous
        order, weights, delta, totals
            As for `softmax_cross_entropy`.
        """

    # Optimizers

    @abstractmethod
    def clip_norm(self, gradients: Array, limit: float) -> None:
        """Scale the flat vector in place so that its Euclidean norm is at most `limit`.

        The norm is summed in float64 in a fixed order. A vector whose norm is not finite stays as
        it is.
        """

    # Many steps

    @abstractmethod
    def repeated(self, step: Pass) -> Pass:
        """Prepare to do a step again and again.

        Parameters
        ----------
        step : callable
            A backend may record what it does, of which all that changes must be the contents of
            arrays, the samples (of one type, dtype and number of features), which of them are the
            batch, and its rates, and repeat that instead.
        """

    @abstractmethod
    def batches(
        self, step: Step, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
        """Prepare to do `step` on batch after batch, for as many epochs as are wanted.

        Parameters
        ----------
        step : callable
            Given indices of samples, the batch's rates and `random`. A backend may record what it
            does and repeat that, with other contents of the same arrays, instead of calling it
            again.
        batch_size : int

        Returns
        -------
        callable
            ``epoch(order, rates, random)`` takes the samples `order`, (samples,) int64 on the host,
            in batches, the last one with what is left, and an entry of `rates` for each, all of one
            length; it yields after every batch, which need not have been computed by then.
        """


def host_batches(
    step: Step, batch_size: int
) -> Callable[[NDArray, Sequence[Rates], Any], Iterator[None]]:
    """`Backend.batches` where a step is simply done."""

    def epoch(order: NDArray, rates: Sequence[Rates], random: Any) -> Iterator[None]:
        order = np.ascontiguousarray(order, np.int64)
        for start, batch_rates in zip(range(0, len(order), batch_size), rates, strict=True):
            step(order[start : start + batch_size], batch_rates, random)
            yield

    return epoch


def host_dropout(
    x: NDArray, samples: int, random: np.random.Generator, rate: float, factors: NDArray
) -> None:
    """`Backend.dropout` with the random numbers of the host's generator."""
    uniform = random.random((len(x), samples), dtype=x.dtype)
    factors[:, :samples] = (uniform >= rate) / (1 - rate)
    factors[:, samples:] = 1
    x *= factors
