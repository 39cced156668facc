"""What an HDF5 file says that it has, looked through before anything of it is read.

Nothing that lies outside of a file is read by its name in there, and nothing is allocated that the
file has no bytes for.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import h5py
from h5py import h5d, h5g, h5l, h5o

from .errors import InputError

#: Times that compressed values may be larger than what is stored; gzip reaches 1032 at most.
COMPRESSION = 1032


def check(file: h5py.File, path: Path) -> None:
    """Walk over all that is in a file before anything is read.

    Raises
    ------
    InputError
        Where a link or values lie outside of it, or values take more than it can hold.
    """
    size = file.id.get_filesize()  # Of this very file, whatever has taken its name since.
    left, seen = [h5o.open(file.id, b"/")], set()
    while left:
        group = left.pop()
        for name in group:
            link = group.links.get_info(name)
            if link.type == h5l.TYPE_SOFT:  # Leads to what a hard link leads to, or nowhere.
                continue
            if link.type != h5l.TYPE_HARD:
                target = [os.fsdecode(part) for part in group.links.get_val(name)]
                raise _outside(path, name, "links to " + " in ".join(reversed(target)))
            found = h5o.open(group, name)
            address = h5o.get_info(found).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(found, h5g.GroupID):
                left.append(found)
            elif isinstance(found, h5d.DatasetID):
                _check_values(found, path, name, size)


def _check_values(values: h5d.DatasetID, path: Path, name: bytes, size: int) -> None:
    properties = values.get_create_plist()
    if properties.get_external_count():
        target = os.fsdecode(properties.get_external(0)[0])
        raise _outside(path, name, f"lies in {target}")
    layout = properties.get_layout()
    if layout == h5d.VIRTUAL:
        target = properties.get_virtual_filename(0) if properties.get_virtual_count() else "nowhere"
        raise _outside(path, name, f"is made of {target}")
    shape = values.shape or (0,)
    most = min(size, values.get_storage_size())
    if properties.get_nfilters():
        most *= COMPRESSION
        shape = max(shape, properties.get_chunk(), key=math.prod)
    declared = math.prod(shape) * values.get_type().get_size()
    if declared > most:
        raise InputError(
            f"'{path}' declares {declared:,} bytes at '{_shown(name)}' and has {size:,} in all, of "
            f"which that can hold {most:,}: use another copy"
        )


def _outside(path: Path, name: bytes, what: str) -> InputError:
    return InputError(
        f"'{path}' is not whole by itself, '{_shown(name)}' {what}: copy the values into the file, "
        "such as with h5repack or h5copy"
    )


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
