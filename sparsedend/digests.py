"""What tells that a file is as it was written: a digest of all its bytes, in a block before them.

The block is what HDF5 calls a user block: `ROOM` bytes at the front, which every reader of HDF5
skips. It is text: `MAGIC`, the length of the file, then a SHA-256 for each of up to `SECTIONS`
sections, so that damage has a place.

The SHA-256 is one of sums of 64-bit words in `LANES` lanes, which take the time of reading memory:
of a checkpoint of 288 MB on two cores 3 %, where a SHA-256 of all bytes took 38 % and CRC-32 12 %.
Damage of less than 4 kB, from a bit to a page, changes one word of a lane at most, so that it is
always noticed; what is larger would have to keep all sums. It is no guard against malice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import IO

import numpy as np

from .errors import InputError

MAGIC = b"sparsedend digest 1\n"
ROOM = 4096
#: How HDF5's own part of a file begins, and where it may: at the first of these places that has it.
SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048, ROOM)
SECTIONS = 48

#: A prime: pages and sectors that change places come into other lanes.
LANES = 509
#: Words of each lane in a piece, which fits the cache: what is copied to a file is summed there.
ROWS = 64
PIECE = 8 * LANES * ROWS


def write(file: IO[bytes], content: memoryview) -> None:
    """Write bytes, the first `ROOM` of which give way to their digest.

    Parameters
    ----------
    file : file
        Opened for writing, at its beginning.
    content : memoryview
    """
    file.write(bytes(ROOM))
    sums = []
    for start in range(ROOM, len(content), PIECE):
        piece = content[start : start + PIECE]
        file.write(piece)
        sums.append(_sums(piece))
    file.seek(0)
    file.write(_block(len(content), sums))
    file.flush()


def check(file: IO[bytes], where: object, advice: str) -> bool:
    """Whether a file has a digest, to which its bytes then correspond; it is left at its beginning.

    Raises
    ------
    InputError
        Where they do not, or something else stands in a digest's place.
    """
    file.seek(0)
    found = file.read(ROOM)
    if not found.startswith(MAGIC):
        begins = found + file.read(len(SIGNATURE))
        file.seek(0)
        if next((at for at in PLACES if begins.startswith(SIGNATURE, at)), None) == ROOM:
            raise InputError(
                f"'{where}' has no digest in the {ROOM:,} bytes before HDF5's own, which are "
                f"damaged: {advice}, or remove them with h5unjam where sparsedend did not write it"
            )
        return False
    sums = [_sums(piece) for piece in _pieces(file)]
    length = file.tell()
    file.seek(0)
    if found != _block(length, sums):
        raise InputError(
            f"'{where}' is not as it was written, {_difference(found, length, sums)}: {advice}"
        )
    return True


def _pieces(file: IO[bytes]) -> Iterator[memoryview]:
    """The rest of a file; each piece is of the same memory."""
    room = memoryview(bytearray(PIECE))
    while True:
        filled = 0
        while filled < PIECE and (more := file.readinto(room[filled:])):  # type: ignore[attr-defined]
            filled += more
        if filled:
            yield room[:filled]
        if filled < PIECE:
            return


def _sums(piece: memoryview) -> bytes:
    whole = piece if len(piece) == PIECE else bytes(piece).ljust(PIECE, b"\0")
    words = np.frombuffer(whole, "<u8").reshape(ROWS, LANES)
    return np.add.reduce(words, axis=0).astype("<u8").tobytes()


def _block(length: int, sums: list[bytes]) -> bytes:
    each = -(-len(sums) // SECTIONS) or 1
    lines = [f"{length} bytes, SHA-256 of sums in sections of {each * PIECE}"]
    for start in range(0, len(sums), each):
        lines.append(hashlib.sha256(b"".join(sums[start : start + each])).hexdigest())
    return (MAGIC + "\n".join(lines).encode() + b"\n").ljust(ROOM, b"\0")


def _difference(found: bytes, length: int, sums: list[bytes]) -> str:
    """Where a block differs from what it should be."""
    there, here = (block.split(b"\n")[1:] for block in (found, _block(length, sums)))
    size = re.match(rb"(\d+) bytes, ", there[0])
    if size and int(size[1]) != length:
        return f"{int(size[1]):,} bytes then and {length:,} now"
    each = -(-len(sums) // SECTIONS) * PIECE
    for number in range(len(here) - 2):
        if there[number + 1 : number + 2] != here[number + 1 : number + 2]:
            first = ROOM + number * each
            return f"damaged at byte {first:,} to {min(first + each, length) - 1:,}"
    return f"damaged at byte 0 to {ROOM - 1:,}"
