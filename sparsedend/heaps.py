"""HDF5's heaps of texts, looked through for what HDF5 itself would read without end.

A collection is ``GCOL``, its version, three zeros and its size, then objects: number, references,
reserved, size, content. Where the object that stands for free space, number 0, has no size, HDF5
2.0 and those before go on reading it for ever, and no signal of Python's reaches them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO

from .errors import InputError

SIGNATURE = b"GCOL\1\0\0\0"
OBJECT = struct.Struct("<HH4xQ")
#: Bytes of a file that are looked through at once.
PIECE = 2**22


def check(file: IO[bytes], where: object, advice: str) -> None:
    """Look through a file, which is left at its beginning.

    Raises
    ------
    InputError
        Where HDF5 would not come to an end.
    """
    size = file.seek(0, os.SEEK_END)
    for start in list(_collections(file)):
        file.seek(start + len(SIGNATURE))
        (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
        if start + length > size:  # HDF5 refuses it.
            continue
        file.seek(start)
        if _is_endless(file.read(length)):
            raise InputError(
                f"'{where}' is damaged at byte {start:,} to {start + length - 1:,}, where its "
                f"texts lie: {advice}"
            )
    file.seek(0)


def _collections(file: IO[bytes]) -> Iterator[int]:
    """Where there are collections."""
    file.seek(0)
    before, start = b"", 0
    while piece := file.read(PIECE):
        block = before + piece
        at = block.find(SIGNATURE)
        while at >= 0:
            yield start + at
            at = block.find(SIGNATURE, at + 1)
        before = block[1 - len(SIGNATURE) :]
        start += len(block) - len(before)


def _is_endless(collection: bytes) -> bool:
    at = len(SIGNATURE) + 8
    while at + OBJECT.size <= len(collection):
        number, _, size = OBJECT.unpack_from(collection, at)
        if number == 0 and size == 0:
            return True
        at += size if number == 0 else OBJECT.size + -(-size // 8) * 8
    return False
