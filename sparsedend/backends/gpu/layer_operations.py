"""Operations of layers that connect: what each kernel is given, and in how many blocks it runs."""

from __future__ import annotations

import numpy as np

from ...structure import Structure, Transposed
from ..backend import Backend
from ..types import Array, DendriticArrays, DendriticStructure
from .device import place, sums
from .launch import arithmetic, blocks, launch, launch_elements, tiles
from .program import GROUP, MOST_SLICES, SIDE, SLICE, TILE_FEATURES, TILE_SAMPLES, WARPS

#: A dense layer of fewer outputs than this, such as the classes', is done a row a block or warp: by
#: tiles it would leave most of the device idle.
FEW_OUTPUTS = 64
#: Entries of an input, on average, from which on a block shares them: fewer are done by one warp
#: before a block's others have joined it.
MANY_ENTRIES = 4 * GROUP


class LayerOperations(Backend):
    """Batches, and layers that are sparse, dendritic and dense."""

    # Batches

    def take_batch(self, images: Array, order: Array, out: Array) -> None:
        """``out[:, i] = images[order[i]]``, bytes scaled to 0 … 1 (pixels when they are read)."""
        pixels = out.dtype == np.uint16
        features, width = out.shape
        launch(
            np.float32 if pixels else out.dtype,
            "take_pixels" if pixels else f"take_{images.dtype.name}",
            (width // TILE_SAMPLES * blocks(features, TILE_FEATURES),),
            images,
            place(order),
            order.size,
            features,
            width,
            1 / 255 if images.dtype == np.uint8 else 1.0,
            out,
        )

    # Sparse layers

    def sparse_forward(
        self, x: Array, structure: Structure, weights: Array, bias: Array, out: Array
    ) -> None:
        """``out = W x + bias``."""
        rows, width = out.shape
        launch(
            out.dtype,
            f"sparse_forward{_kind(x)}",
            (blocks(rows, WARPS), tiles(out)),
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
        launch(
            delta.dtype,
            f"sparse_weight_gradient{_kind(x)}",
            (blocks(rows, WARPS),),
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
        launch(
            out.dtype,
            *_gather("sparse_input_gradient", transposed, out),
            *transposed,
            weights,
            delta,
            inputs,
            width,
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
        """Dendrites and somata in one kernel; `state` gets the dendrites' signs."""
        synapses, cables = structure
        somata, width = out.shape
        launch(
            out.dtype,
            f"dendritic_forward{_kind(x)}",
            (somata, tiles(out)),
            x,
            synapses.indptr,
            synapses.indices,
            cables.indptr,
            *parameters,
            float(slope),
            float(soma_slope),
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
        soma_slope: float,
        out: Array,
        state: Array,
        delta: Array,
        gradients: DendriticArrays,
    ) -> None:
        """Gradients of all parameters in one kernel."""
        synapses, cables = structure
        somata, width = out.shape
        launch(
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
            float(slope),
            float(soma_slope),
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
        launch(
            out.dtype,
            *_gather("dendritic_input_gradient", transposed, out),
            *transposed,
            structure.cables.rows,
            parameters.synapses,
            parameters.cables,
            float(slope),
            state,
            delta,
            inputs,
            width,
            out,
        )

    # Dense layers

    def dense_forward(self, x: Array, weights: Array, bias: Array, out: Array) -> None:
        """``out = weights x + bias``."""
        if len(weights) >= FEW_OUTPUTS:
            _product(weights, False, x, False, bias, out)
            return
        (outputs, inputs), width = weights.shape, out.shape[1]
        of_slice = max(SLICE, blocks(inputs, MOST_SLICES))
        slices = blocks(inputs, of_slice)
        if slices == 1:
            grid = (outputs, tiles(out))
            launch(out.dtype, "dense_forward", grid, x, weights, bias, inputs, width, out)
            return
        partial = sums(slices * out.size).view(arithmetic(out.dtype))
        grid = (slices * outputs, tiles(out))
        sizes = (outputs, inputs, of_slice, width)
        launch(out.dtype, "dense_slices", grid, x, weights, *sizes, partial)
        arguments = (partial, bias, slices, width, out)
        launch_elements(out.dtype, "dense_total", out.size, *arguments)

    def dense_weight_gradient(
        self, x: Array, delta: Array, weight_gradient: Array, bias_gradient: Array
    ) -> None:
        """``weight_gradient = delta xᵀ`` and the sums of delta."""
        outputs, width = delta.shape
        inputs = weight_gradient.shape[1]
        if outputs >= FEW_OUTPUTS:
            _product(delta, False, x, True, None, weight_gradient)
            grid: tuple[int, ...] = (blocks(outputs, WARPS),)
            launch(delta.dtype, "row_sums", grid, delta, outputs, width, bias_gradient)
            return
        grid = (blocks(inputs, WARPS * GROUP), outputs)
        arrays = (x, delta, inputs, width, weight_gradient, bias_gradient)
        launch(delta.dtype, "dense_weight_gradient", grid, *arrays)

    def dense_input_gradient(self, weights: Array, delta: Array, out: Array) -> None:
        """``out = weightsᵀ delta``."""
        if len(weights) >= FEW_OUTPUTS:
            _product(weights, True, delta, False, None, out)
            return
        inputs, width = out.shape
        grid = (blocks(inputs, WARPS), tiles(out))
        sizes = (len(weights), inputs, width)
        launch(out.dtype, "dense_input_gradient", grid, weights, delta, *sizes, out)


def _kind(x: Array) -> str:
    """Which kernels read inputs x."""
    return "_pixels" if x.dtype == np.uint16 else ""


def _gather(name: str, transposed: Transposed, out: Array) -> tuple[str, tuple[int, ...]]:
    """Which kernel adds up the entries of each input, and in how many blocks."""
    inputs = len(out)
    if transposed.rows.size >= MANY_ENTRIES * inputs:
        return f"{name}_shared", (inputs, tiles(out))
    return name, (blocks(inputs, WARPS), tiles(out))


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
    launch(
        out.dtype,
        name,
        (blocks(columns, SIDE) * blocks(rows, SIDE),),
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
