"""Vectors of many lanes as values inside Numba functions.

Numba has no vector type, and LLVM's loop vectoriser does not keep a batch's partial sums in
registers across the synapses of a dendrite. These few intrinsics do: a `Vector` holds one number
for each sample of a tile, LLVM splits it into the machine's registers, and a kernel reads as the
equation it computes. Nothing here checks bounds.

The arithmetic that comes out was measured against loops left to the vectoriser: at 784 inputs and
16 synapses the forward loop reaches two thirds of the machine's multiply-add rate
(bench/results/scaling.md, roofline).
"""

from .operations import (
    address,
    dot,
    dots,
    item,
    load,
    load_mask,
    mul,
    muladd,
    positive,
    put,
    row,
    select,
    splat,
    store,
    store_mask,
    total,
)
from .transpose import transpose, transpose_pixels
from .types import BLOCK, LEAST, SUMS, TILE, Tile, tile_of

__all__ = [
    "BLOCK",
    "LEAST",
    "SUMS",
    "TILE",
    "Tile",
    "address",
    "dot",
    "dots",
    "item",
    "load",
    "load_mask",
    "mul",
    "muladd",
    "positive",
    "put",
    "row",
    "select",
    "splat",
    "store",
    "store_mask",
    "tile_of",
    "total",
    "transpose",
    "transpose_pixels",
]
