"""HDF5 files: written whole with a digest, checked before they are read.

Files are built in memory and written as plain bytes, for HDF5 itself ends the process where a disk
is full: a write takes as much memory as the file. Nothing that lies outside of a file is ever read
by its name in there, and nothing is allocated that the file has no bytes for.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import contents, digests, heaps
from .errors import InputError
from .files import UNSUPPORTED, atomic_write, reason

#: A path, or a file opened in binary mode.
File = str | Path | IO[bytes]

#: Bytes of texts that may be read at once.
TEXTS = 2**30
#: Stands for no default.
MISSING = object()
#: What h5py and NumPy raise where a file is not what it should be.
ERRORS = (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError)


@contextmanager
def writing(file: File, **options: Any) -> Iterator[h5py.File]:
    """An HDF5 file to fill, which is written when the context ends well.

    Parameters
    ----------
    file : path, or file opened for writing in binary mode, whose contents are replaced
        A path has the old or the new file at every instant.
    **options
        Of `h5py.File`.

    Raises
    ------
    InputError
        Where it cannot be written, or memory does not hold it.
    """
    _check_given(file, "write")
    image = _Image()
    if isinstance(file, str | Path):
        with atomic_write(Path(file)) as temporary:
            with _filled(image, file, options) as filled:
                yield filled
            with open(temporary, "r+b") as opened:
                digests.write(opened, image.getbuffer())
        return
    with _filled(image, name_of(file), options) as filled:
        yield filled
    _write_into(file, image.getbuffer())


@contextmanager
def reading(file: File, kind: str, advice: str) -> Iterator[h5py.File]:
    """An HDF5 file to read, in which nothing leads out of it.

    Parameters
    ----------
    file : path, or file opened for reading in binary mode
    kind : str
        What it should be, with its article: "a checkpoint".
    advice : str
        What to do where it is damaged.

    Raises
    ------
    InputError
        Where it is not as it was written, no HDF5, or has values outside of it; also for any error
        of h5py's inside the context.
    """
    _check_given(file, "read")
    path = name_of(file)
    try:
        if isinstance(file, str | Path):
            with open(path, "rb") as raw, _same(raw, path, advice) as opened:
                contents.check(opened, path)
                yield opened
            return
        _check_bytes(file, path, advice)
        with h5py.File(file, "r") as opened:
            contents.check(opened, path)
            yield opened
    except InputError:
        raise
    except ERRORS as error:
        raise unreadable(path, error, kind, advice) from error


def name_of(file: File) -> Path:
    """What to call a file in a message."""
    return Path(file if isinstance(file, str | Path) else str(getattr(file, "name", "the file")))


def array(
    group: h5py.Group, name: str, kinds: str = "iufb", shape: tuple[int, ...] | None = None
) -> NDArray:
    """Values of a data set.

    Parameters
    ----------
    group : Group
    name : str
        Of the data set in it.
    kinds : str
        NumPy's letters for kinds of values; "O" stands for texts alone.
    shape : tuple, optional
        That the values must have.

    Raises
    ------
    InputError
        Where they are of another kind or shape.
    KeyError, TypeError
        Where there is no such data set.
    """
    dataset = group[name]
    where = f"'{group.file.filename}' has at '{group.name.rstrip('/')}/{name}'"
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} no values: use another copy")
    kind = dataset.dtype.kind
    if kind not in kinds or (kind == "O" and h5py.check_string_dtype(dataset.dtype) is None):
        raise InputError(f"{where} values of type {dataset.dtype}: use another copy")
    if dataset.shape is None:
        raise InputError(f"{where} a data set of nothing: use another copy")
    if shape is not None and dataset.shape != shape:
        raise InputError(f"{where} shape {dataset.shape} where {shape} belongs: use another copy")
    return _texts(dataset, where) if kind == "O" else dataset[()]


def attribute(group: h5py.Group, name: str, default: Any = MISSING) -> Any:
    """Number, text or array of these that is an attribute.

    Raises
    ------
    InputError
        Where it is of another type.
    KeyError
        Where there is none, and no default.
    """
    if default is not MISSING and name not in group.attrs:
        return default
    kind = group.attrs.get_id(name).dtype
    if kind.kind not in "iufbSO" or (kind.kind == "O" and h5py.check_string_dtype(kind) is None):
        raise InputError(
            f"'{group.file.filename}' has an attribute '{name}' of type {kind}: use another copy"
        )
    return group.attrs[name]


def finite(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
    """Floating-point values of a data set, in a type of floating-point numbers.

    Raises
    ------
    InputError
        As `array`, and where one is NaN, infinite or beyond the type.
    """
    with np.errstate(over="ignore"):
        values = array(group, name, "f", shape).astype(dtype, copy=False)
    # The extremes are NaN where any value is, and need no room of the values' size.
    if values.size and not np.isfinite([values.min(), values.max()]).all():
        at = np.argwhere(~np.isfinite(values))[0].tolist()
        raise InputError(
            f"'{group.file.filename}' has {values[tuple(at)]} at '{group.name}/{name}', index "
            f"{', '.join(map(str, at))}: use another copy, or train again"
        )
    return values


def from_json(text: Any) -> Any:
    """What a text of JSON says, in which all numbers are finite.

    Raises
    ------
    ValueError, TypeError
        Where it is no such text.
    """
    return json.loads(text, parse_constant=_refused, parse_float=_number)


def to_json(value: Any, indent: int | None = None) -> str:
    """A text of JSON.

    Raises
    ------
    InputError
        Where JSON has no such value, as it has no NaN and none of NumPy's integers.
    """
    try:
        return json.dumps(value, allow_nan=False, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"a value cannot be written as JSON ({error}): use finite numbers and texts of Python"
        ) from error


def unreadable(path: Path, error: Exception, kind: str, advice: str) -> InputError:
    """What to raise where HDF5 could not read a file, with the reason.

    Parameters
    ----------
    path : Path
    error : Exception
        What h5py raised.
    kind : str
        What the file should be, with its article: "a checkpoint".
    advice : str
        What to do where it is damaged.
    """
    number = getattr(error, "errno", None)
    if number in (errno.EAGAIN, errno.EWOULDBLOCK):
        return InputError(f"'{path}' is being written by another process: wait until it has ended")
    if "already open for write" in str(error):
        return InputError(
            f"'{path}' is being written by another process, or was when that was killed: wait "
            "until it has ended, or run h5clear -s on it"
        )
    if number in UNSUPPORTED:
        return InputError(
            f"'{path}' cannot be locked for reading ({reason(error)}): set the environment "
            "variable HDF5_USE_FILE_LOCKING to FALSE"
        )
    if isinstance(error, PermissionError):
        return InputError(f"'{path}' may not be read: change its permissions")
    return InputError(
        f"'{path}' cannot be read as {kind} ({reason(error)}): it is damaged or not HDF5; {advice}"
    )


def _check_given(file: Any, method: str) -> None:
    if not (isinstance(file, str | Path) or hasattr(file, method)):
        raise InputError(
            f"the file is {file!r}: give a path as a text or a Path, or a file in binary mode"
        )


class _Image(io.BytesIO):
    """A file in memory that never fails, for HDF5 could not bear it; afterwards it tells."""

    whole = True

    def write(self, content: Any) -> int:
        try:
            return super().write(content) if self.whole else len(content)
        except MemoryError:
            self.whole = False
            self.__init__()  # type: ignore[misc]  # What it held is lost, and it would be closed.
            return len(content)


@contextmanager
def _filled(image: _Image, where: object, options: dict[str, Any]) -> Iterator[h5py.File]:
    """The file in memory, open to be filled."""
    closing = False
    try:
        with h5py.File(image, "w", userblock_size=digests.ROOM, **options) as file:
            yield file
            # What is left needs no disk: it fails for lack of memory alone, in HDF5's own words.
            closing = True
    except MemoryError:
        image.whole = False
    except ERRORS as error:
        if image.whole and not closing and not _lacks_memory(error):
            raise
        image.whole = False
    if not image.whole:
        raise InputError(
            f"'{where}' cannot be written, for memory does not hold the file as well: free some, "
            "or choose a smaller network or data set"
        )


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether HDF5 got no memory, which it tells by errors of any kind, one after another."""
    if error is None:
        return False
    return "memory allocation failed" in str(error) or _lacks_memory(error.__context__)


def _write_into(file: IO[bytes], content: memoryview) -> None:
    """Write a file with its digest into one that the caller has opened."""
    try:
        if file.seekable():
            file.seek(0)
            digests.write(file, content)
            file.seek(0, os.SEEK_END)
            file.truncate(len(content))
            return
        memory = io.BytesIO()
        digests.write(memory, content)
        file.write(memory.getbuffer())
    except (OSError, TypeError, ValueError) as error:
        raise InputError(
            f"the file cannot be written ({error}): open it for writing in binary mode, such "
            "as with open(path, 'wb')"
        ) from error


@contextmanager
def _same(raw: IO[bytes], path: Path, advice: str) -> Iterator[h5py.File]:
    """The file that was opened and has been found whole, not one that has replaced it since."""
    _check_bytes(raw, path, advice)
    with h5py.File(path, "r") as opened:
        if os.path.samestat(os.fstat(opened.id.get_vfd_handle()), os.fstat(raw.fileno())):
            yield opened
            return
    with open(path, "rb") as newer, _same(newer, path, advice) as opened:
        yield opened


def _check_bytes(file: IO[bytes], path: Path, advice: str) -> None:
    """What there is to check before HDF5 sees a byte."""
    if not digests.check(file, path, advice):
        heaps.check(file, path, advice)


def _texts(dataset: h5py.Dataset, where: str) -> NDArray:
    """Texts, as bytes; each has its own place in a file, which is no larger than all of them.

    Entries may all lead to the same text, so they are read a few at a time.
    """
    left = size = dataset.file.id.get_filesize()
    found = np.empty(dataset.shape, object)
    step = max(1, TEXTS // size) if dataset.ndim else 1
    for start in range(0, len(found) if dataset.ndim else 0, step):
        part = dataset[start : start + step]
        left -= sum(map(len, part.ravel()))
        if left < 0:
            raise InputError(f"{where} more texts than its {size:,} bytes hold: use another copy")
        found[start : start + step] = part
    return found if dataset.ndim else np.asarray(dataset[()], object)


def _refused(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is beyond all numbers")
    return value
