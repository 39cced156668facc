"""The text of the kernels, and how it is compiled; all this is there without CuPy."""

from __future__ import annotations

from functools import cache
from pathlib import Path

KERNELS = Path(__file__).with_name("kernels")

#: Threads of a block, and the warps that they are.
WARP, THREADS = 32, 256
WARPS = THREADS // WARP
#: Rows that a warp loads before it uses the first.
GROUP = 8
#: Blocks that a multiprocessor holds at least, by registers: 64 a thread, and where a warp makes
#: dot products of rows, 80.
RESIDENT, DOTS_RESIDENT = 4, 3
#: Inputs of a dense layer of few outputs that a block adds up, if that makes no more than so many
#: slices of them.
SLICE, MOST_SLICES = 512, 64
#: Tiles of a batch of images, and of a product of matrices.
TILE_SAMPLES, TILE_FEATURES, SIDE = 32, 64, 64
#: Classes, at most, of a loss that every block does for itself, and blocks, at most, that do. The
#: paper's data sets have up to 47. Of more blocks, so many run one after the other that a kernel of
#: its own is done earlier.
MOST_CLASSES, MOST_LOSSES = 48, 512
#: Sums, at most, that the square of a norm is made of.
SUMS = 256
#: All that kernels share with what launches them.
CONSTANTS = {
    "WARP": WARP,
    "THREADS": THREADS,
    "WARPS": WARPS,
    "GROUP": GROUP,
    "RESIDENT": RESIDENT,
    "DOTS_RESIDENT": DOTS_RESIDENT,
    "TILE_SAMPLES": TILE_SAMPLES,
    "TILE_FEATURES": TILE_FEATURES,
    "SIDE": SIDE,
    "MOST_CLASSES": MOST_CLASSES,
    "SUMS": SUMS,
}

#: Compiler options by how activations are stored. Images are not kept as pixels for float64.
OPTIONS = {
    "float16": ("-std=c++17", "-DREAL=float", "-DPIXELS", "-DFLOAT16"),
    "float32": ("-std=c++17", "-DREAL=float", "-DPIXELS"),
    "float64": ("-std=c++17", "-DREAL=double"),
}

#: Programs by their files: all operations; what begins a step; and what stands before a kernel that
#: is made of a formula, elementwise or as a loss.
OPERATIONS = (
    "types.cuh",
    "rows.cuh",
    "totals.cuh",
    "losses.cuh",
    "batches.cu",
    "sparse.cu",
    "dense.cu",
    "dendritic.cu",
    "product.cu",
    "dropout.cu",
    "losses.cu",
    "clip.cu",
)
EPOCHS = ("types.cuh", "epochs.cu")
ELEMENTWISE = ("types.cuh", "formulas.cuh")
LOSSES = ("types.cuh", "formulas.cuh", "totals.cuh", "losses.cuh")


@cache
def text(files: tuple[str, ...]) -> str:
    """CUDA C of the files, one after the other: CuPy's cache would not see what is included."""
    parts = [
        f"[[maybe_unused]] constexpr int {name} = {value};" for name, value in CONSTANTS.items()
    ]
    for file in files:
        parts += [f'#line 1 "{file}"', (KERNELS / file).read_text(encoding="utf-8")]
    return "\n".join(parts)
