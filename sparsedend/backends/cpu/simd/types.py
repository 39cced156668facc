"""Types of values inside Numba functions: vectors, masks, and the tile that a kernel takes."""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import types
from numba.extending import (
    NativeValue,
    models,
    overload_attribute,
    register_model,
    unbox,
)


def _float32_lanes() -> int:
    """Float32 lanes of this machine's widest vector register."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") else 4


REGISTER = _float32_lanes()
#: Samples that a kernel takes at once where there are enough: eight registers of float32, so that
#: eight sums are under way.
TILE = 8 * REGISTER
#: Samples that a kernel takes at once where there are but a few, though not one alone: signs are
#: whole bytes. Rows of 16 images of 784 pixels would leave a first-level cache of 48 kB.
LEAST = 8
#: Dot products that `dots` takes at once.
SUMS = 4
#: Images, and values of each, that are transposed at once.
BLOCK = 16


class Vector(types.Type):
    """`lanes` numbers of one dtype."""

    def __init__(self, dtype: types.Type, lanes: int) -> None:
        self.dtype = dtype
        self.lanes = lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


class Mask(types.Type):
    """`lanes` truth values."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"Mask({lanes})")


class TileType(types.Opaque):
    """Of a `Tile`: a kernel is compiled for each number of lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"Tile({lanes})")


class Tile:
    """Samples that a kernel is to take at once, told by the type of its argument.

    Parameters
    ----------
    lanes : int
        A power of two.
    """

    def __init__(self, lanes: int) -> None:
        self._numba_type_ = TileType(lanes)


#: By lanes: for each width that an activation may have below that of the widest, and for all above.
TILES = {lanes: Tile(lanes) for lanes in (1, LEAST, 16, 32, 64, 128) if lanes <= TILE}


def tile_of(activation: Any) -> Tile:
    """Tile for an activation, (features, width)."""
    return TILES.get(activation.shape[1], TILES[TILE])


@register_model(TileType)
class _TileModel(models.OpaqueModel):
    pass


@unbox(TileType)
def _unbox_tile(numba_type, tile, context):
    return NativeValue(context.context.get_dummy_value())


@overload_attribute(TileType, "lanes", inline="always")
def _tile_lanes(tile):
    lanes = tile.lanes
    return lambda tile: lanes


def lanes_of(lanes: Any) -> int:
    """Lanes that a literal number or a tile asks for."""
    return lanes.lanes if isinstance(lanes, TileType) else lanes.literal_value


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Vector) -> None:
        element = manager.lookup(numba_type.dtype).get_value_type()
        super().__init__(manager, numba_type, ir.VectorType(element, numba_type.lanes))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Mask) -> None:
        super().__init__(manager, numba_type, ir.VectorType(ir.IntType(1), numba_type.lanes))
