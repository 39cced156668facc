"""Fused kernels on a GPU, launched by CuPy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..connectivity import Structure, Transposed
from ..errors import InputError
from . import cuda
from .arrays import as_array
from .epoch_graphs import DeviceRandom, EpochGraphs
from .numpy_backend import Array, DendriticArrays, DendriticStructure, NumpyBackend, Rates, Step

cupy = cuda.library()

#: Each thread's stream: CuPy reuses memory that was freed on the same one alone.
_of_thread = threading.local()
#: Held by the thread that loads kernels, while others wait for the same.
_compiling = threading.Lock()

#: As in kernels.cu.
THREADS, WARPS, GROUP = 256, 8, 8
TILE_SAMPLES, TILE_FEATURES, SIDE = 32, 64, 64
#: Widths are multiples of this: whole warps whose lanes have 16 bytes of float32 or float64.
SAMPLES = 128
#: A dense layer of fewer outputs than this, such as the classes', is done a row a block or warp: by
#: tiles it would leave most of the device idle.
FEW_OUTPUTS = 64
#: An array of more bytes than this stays on the host if it would take more than this share of the
#: memory that is free.
ALWAYS_PLACED, MEMORY_SHARE = 2**20, 0.5


class CupyBackend(NumpyBackend):
    """`NumpyBackend` on a GPU.

    Work is queued on the current stream; inside `limited` that is one of the thread's in which the
    backend was made, so trainings in several threads share the device. Steps that `batches` repeats
    are captured in CUDA graphs. What dropout drops is decided by a generator on the device, seeded
    from the one given: the same from run to run, but not what the CPU would drop.

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
        if not hasattr(_of_thread, "stream"):
            _of_thread.stream = cupy.cuda.Stream(non_blocking=True)
        self.stream = _of_thread.stream

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Queue on the thread's own stream inside this context.

        It waits for what the caller has queued, and what the caller queues next waits for it.
        """
        outer = cupy.cuda.get_current_stream()
        self.stream.wait_event(outer.record())
        try:
            with self.stream:
                yield
        finally:
            outer.wait_event(self.stream.record())

    # Memory

    def place(self, values: Any) -> Array:
        """Values on the device: any array, copied only where it lies elsewhere.

        An array too large for the memory that is left stays on the host, page-locked, and kernels
        read it through the bus.
        """
        if not isinstance(values, cupy.ndarray):
            values = as_array(values)
        if isinstance(values, cupy.ndarray):
            return values
        free, _ = cupy.cuda.runtime.memGetInfo()
        if values.nbytes > max(ALWAYS_PLACED, MEMORY_SHARE * free):
            return _page_locked(values)
        return cupy.array(values)

    def fetch(self, values: Array) -> Array:
        """NumPy array of an array on the device, once it has been computed."""
        return values.get()  # type: ignore[attr-defined]

    def connections(self, structure: Structure) -> Structure:
        """Place a structure on the device."""
        return _Connections(structure)  # type: ignore[return-value]

    def width(self, samples: int) -> int:
        """Columns that an activation of `samples` samples takes."""
        return -(-samples // SAMPLES) * SAMPLES

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Zeros on the device."""
        return cupy.zeros(shape, dtype)

    def activations(self, features: int, width: int, dtype: DTypeLike) -> Array:
        """Room for activations, as float16 where `half` asks for it."""
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

    # Operations

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1 (pixels when they are read)."""
        pixels = out.dtype == np.uint16
        dtype = np.dtype(np.float32) if pixels else out.dtype
        features, width = out.shape
        _launch(
            dtype,
            "take_pixels" if pixels else f"take_{images.dtype.name}",
            (_blocks(features, TILE_FEATURES), width // TILE_SAMPLES),
            images,
            self.place(order),
            order.size,
            features,
            width,
            1 / 255 if images.dtype == np.uint8 else 1.0,
            out,
        )

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        rows, width = out.shape
        _launch(
            out.dtype,
            f"sparse_forward{_kind(x)}",
            (_blocks(rows, WARPS), _tiles(out)),
            x,
            structure.indptr,
            structure.indices,
            weights,
            bias,
            rows,
            width,
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
        rows, width = delta.shape
        _launch(
            delta.dtype,
            f"sparse_weight_gradient{_kind(x)}",
            (_blocks(rows, WARPS),),
            x,
            structure.indptr,
            structure.indices,
            delta,
            rows,
            width,
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
        inputs, width = out.shape
        _launch(
            out.dtype,
            "sparse_input_gradient",
            (_blocks(inputs, WARPS), _tiles(out)),
            *transposed,
            weights,
            delta,
            inputs,
            width,
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
        """Dendrites and somata in one kernel."""
        synapses, cables = structure
        somata, width = out.shape
        _launch(
            out.dtype,
            f"dendritic_forward{_kind(x)}",
            (somata, _tiles(out)),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            *parameters,
            slope,
            width,
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
        """Gradients of all parameters in one kernel."""
        synapses, cables = structure
        somata, width = out.shape
        _launch(
            out.dtype,
            f"dendritic_backward{_kind(x)}",
            (somata,),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            parameters.synapses,
            parameters.dendrite_bias,
            parameters.cables,
            slope,
            width,
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
        inputs, width = out.shape
        _launch(
            out.dtype,
            "dendritic_input_gradient",
            (_blocks(inputs, WARPS), _tiles(out)),
            *transposed,
            structure.cables.rows,
            parameters.synapses,
            parameters.cables,
            slope,
            state,
            delta,
            inputs,
            width,
            out,
        )

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``."""
        if len(weights) >= FEW_OUTPUTS:
            _product(weights, False, x, False, bias, out)
            return
        outputs, width = out.shape
        inputs = weights.shape[1]
        arrays = (x, weights, bias)
        _launch(
            out.dtype,
            "dense_forward",
            (outputs, _tiles(out)),
            *arrays,
            inputs,
            width,
            out,
        )

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        outputs, width = delta.shape
        inputs = weight_gradient.shape[1]
        if outputs >= FEW_OUTPUTS:
            _product(delta, False, x, True, None, weight_gradient)
            blocks = (_blocks(outputs, WARPS),)
            _launch(delta.dtype, "row_sums", blocks, delta, outputs, width, bias_gradient)
            return
        _launch(
            delta.dtype,
            "dense_weight_gradient",
            (_blocks(inputs, WARPS * GROUP), outputs),
            x,
            delta,
            inputs,
            width,
            weight_gradient,
            bias_gradient,
        )

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        if len(weights) >= FEW_OUTPUTS:
            _product(weights, True, delta, False, None, out)
            return
        inputs, width = out.shape
        _launch(
            out.dtype,
            "dense_input_gradient",
            (_blocks(inputs, WARPS), _tiles(out)),
            weights,
            delta,
            len(weights),
            inputs,
            width,
            out,
        )

    def leaky_relu(self, x: Array, slope: float, out: Array) -> None:
        """``out = x where x > 0 else slope · x``."""
        _launch_elements(x.dtype, "leaky_relu", x.size, x, slope, out)

    def leaky_relu_backward(self, y: Array, slope: float, delta: Array) -> None:
        """``delta *= 1 where y > 0 else slope``."""
        _launch_elements(y.dtype, "leaky_relu_backward", y.size, y, slope, delta)

    def dropout(self, x: Array, samples: int, random: Any, rate: float, factors: Array) -> None:
        """``x *= factors``, which become 0 with probability `rate`, else 1/(1 - rate)."""
        if not isinstance(random, DeviceRandom):
            generator, random = random, DeviceRandom(self)
            random.seed(generator)
        _launch_elements(
            x.dtype,
            "dropout",
            x.size,
            random.key,
            random.cursor,
            random.next_number(),
            samples,
            x.shape[1],
            rate,
            1 / (1 - rate),
            x,
            factors,
        )

    def dropout_backward(self, factors: Array, delta: Array) -> None:
        """``delta *= factors``."""
        _launch_elements(delta.dtype, "dropout_backward", delta.size, factors, delta)

    def softmax_cross_entropy(
        self, logits: Array, labels: Array, delta: Array, totals: Array
    ) -> None:
        """Add to the summed loss and the number correct; `delta` gets the mean loss's gradient."""
        classes, width = logits.shape
        _launch(
            logits.dtype,
            "softmax_cross_entropy",
            (1,),
            logits,
            self.place(labels),
            labels.size,
            classes,
            width,
            delta,
            totals,
        )

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
        on_device = self.place(np.array(rates)) if isinstance(rates, tuple) else rates
        _launch_elements(
            parameters.dtype,
            "adam",
            parameters.size,
            parameters,
            gradients,
            first,
            second,
            on_device,
            # Subtracted before rounding: in float32, 1 - 0.999 is 0.0010000467.
            1 - beta1,
            1 - beta2,
            epsilon,
        )

    # Many steps

    def batches(
        self, step: Step, labels: Array, batch_size: int
    ) -> Callable[[Array, Sequence[Rates], Any], Iterator[None]]:
        """Prepare to do `step` on batch after batch, inside `limited`: captured and replayed."""
        return EpochGraphs(self, step, labels, batch_size).epoch

    def write(self, array: Array, values: np.ndarray) -> None:
        """Replace the contents of an array on the device by those of one on the host."""
        stream = cupy.cuda.get_current_stream()
        array.set(values, stream=stream)  # type: ignore[attr-defined]

    def next_batch(self, epoch: EpochGraphs, batch: Array, labels: Array) -> None:
        """Give the next step its images, labels and rates, and move the epoch's cursor on."""
        _launch(
            np.dtype(np.float32),
            "next_batch",
            (1,),
            epoch.order,
            epoch.labels,
            epoch.epoch_rates,
            batch.size,
            epoch.random.cursor,
            batch,
            labels,
            epoch.rates,
        )

    def capture(self, queue: Callable[[], None]) -> Any:
        """Graph of what `queue` would queue on the thread's own stream."""
        # Other threads go on allocating memory meanwhile, which only this mode allows them.
        self.stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        try:
            queue()
        except BaseException:
            with suppress(cupy.cuda.runtime.CUDARuntimeError):  # It would hide the first.
                self.stream.end_capture()
            raise
        return self.stream.end_capture()


class _Connections:
    """A `Structure` on the device, with 64-bit row pointers."""

    def __init__(self, structure: Structure) -> None:
        self._host = structure
        self.shape = structure.shape
        self.nnz = structure.nnz
        self.indptr = cupy.array(structure.indptr.astype(np.int64))
        self.indices = cupy.array(structure.indices)

    @cached_property
    def rows(self) -> Array:
        return cupy.array(self._host.rows)

    @cached_property
    def transposed(self) -> Transposed:
        indptr, rows, positions = self._host.transposed
        return Transposed(
            cupy.array(indptr.astype(np.int64)), cupy.array(rows), cupy.array(positions)
        )

    def matrix(self, data: Array) -> Any:
        """CuPy matrix of the values `data`, (nnz,), sharing memory with them."""
        from cupyx.scipy.sparse import csr_matrix

        indptr = self.indptr.astype(np.int32)
        matrix = csr_matrix((data, self.indices, indptr), shape=self.shape)
        matrix.data = data
        return matrix


def _page_locked(values: np.ndarray) -> Array:
    """A copy in page-locked memory of the host, which the device reads at the same address."""
    memory = cupy.cuda.alloc_pinned_memory(values.nbytes)
    copy = np.frombuffer(memory, values.dtype, values.size).reshape(values.shape)
    copy[...] = values
    device = cupy.cuda.runtime.getDevice()
    unowned = cupy.cuda.UnownedMemory(memory.ptr, values.nbytes, memory, device)
    return cupy.ndarray(values.shape, values.dtype, cupy.cuda.MemoryPointer(unowned, 0))


@cache
def _module(stored: str) -> Any:
    """Kernels for one type of activations, compiled once; CuPy keeps what it compiled on disk."""
    code = cuda.SOURCE.read_text(encoding="utf-8")
    return cupy.RawModule(code=code, options=cuda.OPTIONS[stored])


@cache
def _kernel(stored: str, name: str) -> Any:
    with _compiling:
        try:
            return _module(stored).get_function(name)
        except OSError as error:
            raise InputError(
                f"the compiled kernels cannot be kept ({error}): set CUPY_CACHE_DIR to a folder "
                "that can be written"
            ) from error
        except (RuntimeError, cupy.cuda.compiler.CompileException) as error:
            if "nvrtc" not in str(error):
                raise
            raise InputError(
                "NVIDIA's runtime compiler, which makes the kernels, does not work "
                f"({' '.join(str(error).split())[:300]}): {cuda.REMEDY}"
            ) from error


def _launch(dtype: np.dtype, name: str, grid: tuple[int, ...], *arguments: Any) -> None:
    """Queue a kernel that computes with activations of that dtype; any of float16 choose its kind.

    Python's integers become its ints, all real numbers its reals.
    """
    real = _real(dtype).type
    typed = [
        real(each)
        if isinstance(each, float | np.floating)
        else np.int32(each)
        if isinstance(each, int)
        else each
        for each in arguments
    ]
    half = any(getattr(each, "dtype", None) == np.float16 for each in arguments)
    _kernel("float16" if half else dtype.name, name)(grid, (THREADS,), tuple(typed))


def _real(dtype: DTypeLike) -> np.dtype:
    """Type of the arithmetic with activations that are stored as `dtype`."""
    return np.dtype(np.float32 if dtype == np.float16 else dtype)


def _launch_elements(dtype: np.dtype, name: str, size: int, *arguments: Any) -> None:
    """Queue an elementwise kernel, whose last argument is the number of elements."""
    _launch(dtype, name, (_blocks(size, THREADS),), *arguments, np.int64(size))


def _blocks(size: int, each: int) -> int:
    """Blocks for so many items; there must be one even where there is nothing to do."""
    return max(1, -(-size // each))


def _tiles(activations: Array) -> int:
    """Tiles of a warp in a row: each lane has 16 bytes of real numbers."""
    return activations.shape[1] * _real(activations.dtype).itemsize // 512


def _kind(x: Array) -> str:
    """Which kernels read inputs x."""
    return "_pixels" if x.dtype == np.uint16 else ""


def _product(
    a: Array, a_transposed: bool, b: Array, b_transposed: bool, bias: Array | None, out: Array
) -> None:
    """``out = a b + bias``, either factor transposed."""
    rows, columns = out.shape
    depth, a_strides = a.shape[1 - a_transposed], (a.shape[1], 1)
    b_strides = (b.shape[1], 1)
    if a_transposed:
        a_strides = a_strides[::-1]
    if b_transposed:
        b_strides = b_strides[::-1]
    name = "product"
    if b.dtype == np.float16:
        name = "product_forward" if out.dtype == np.float16 else "product_weight_gradient"
    _launch(
        out.dtype,
        name,
        (_blocks(rows, SIDE), _blocks(columns, SIDE)),
        a,
        *map(np.int64, a_strides),
        b,
        *map(np.int64, b_strides),
        out if bias is None else bias,
        int(bias is not None),
        rows,
        columns,
        depth,
        out,
    )
