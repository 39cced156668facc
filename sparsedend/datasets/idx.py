"""The IDX format of MNIST: a big-endian header, then unsigned bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

LABELS, IMAGES = 2049, 2051


def decode(packed: bytes, magic: int, where: str | Path) -> NDArray:
    """Array of an IDX file compressed with gzip.

    Parameters
    ----------
    packed : bytes
        Content of the file.
    magic : {LABELS, IMAGES}
        One or three dimensions of unsigned bytes.
    where : str or Path
        Of the file, for messages.

    Returns
    -------
    (labels,) or (images, height, width) uint8 array

    Raises
    ------
    InputError
        Where the file is not gzip, of another kind, or shorter or longer than its header says.
    """
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"'{where}' is no whole gzip file ({error}): get it again") from error
    dimensions = magic % 256
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise InputError(f"'{where}' has {len(content)} bytes, its header {start}: get it again")
    found, *shape = struct.unpack(f">{1 + dimensions}I", content[:start])
    if found != magic:
        raise InputError(f"'{where}' begins with {found}, not {magic}: it is another kind of file")
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != math.prod(shape):
        raise InputError(
            f"'{where}' holds {values.size} values, its header says {tuple(shape)}: get it again"
        )
    return values.reshape(shape)
