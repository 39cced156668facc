"""Numba's cache on disk, of which damaged files are compiled anew and replaced.

Numba believes what its files hold: an empty or cut one ends the program with an error, and a bit
that changed in machine code runs. So each file here ends in the SHA-256 of the rest, which Numba
itself would read over.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

SIZE = hashlib.sha256().digest_size


def keep(dispatcher: Any) -> None:
    """Keep on disk what a dispatcher compiles, and take what is there.

    Raises
    ------
    RuntimeError
        Where no folder can be written.
    """
    dispatcher._cache = _Cache(dispatcher.py_func)


class _Cache(FunctionCache):
    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)


class _Files(IndexDataCacheFile):
    """Index and data of one function; what is damaged does not exist."""

    def save(self, key: Any, data: Any) -> None:
        with suppress(OSError):  # It is compiled all the same.
            super().save(key, data)

    def _load_index(self) -> dict[Any, str]:
        try:
            _check(self._index_path)
        except OSError:
            return {}
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check(self._data_path(name))
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, path: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(path) as file:
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def _check(path: str) -> None:
    content = Path(path).read_bytes()
    if hashlib.sha256(content[:-SIZE]).digest() != content[-SIZE:]:
        raise OSError(f"'{path}' is damaged")
