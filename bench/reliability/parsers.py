"""What a fuzzer gives bytes to: our own readers, with what packs or seals a file taken off."""

from __future__ import annotations

import functools
import gzip
import io
import json
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparsedend import InputError, digests, heaps
from sparsedend.datasets import cifar10, idx
from sparsedend.hdf5 import from_json
from sparsedend.settings import Settings

from .samples import KINDS


class Parser(NamedTuple):
    """A reader and a good content to begin with.

    Attributes
    ----------
    seed : callable
        Gives that content.
    parse : callable
        Reads a content; only `InputError` may come of it.
    """

    seed: Callable[[], bytes]
    parse: Callable[[bytes], Any]


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()


def _path() -> Path:
    return Path(_folder().name) / "content"


def _of(name: str) -> Parser:
    """Of a kind of file."""
    kind = next(each for each in KINDS if each.name == name)

    def seed() -> bytes:
        kind.make(_path())
        content = _path().read_bytes()
        # No fuzzer finds a digest, so HDF5 is shown every change.
        if content.startswith(digests.MAGIC):
            content = content[digests.ROOM :]
        return content

    def parse(content: bytes) -> Any:
        _path().write_bytes(content)
        return kind.read(_path())

    return Parser(seed, parse)


def _idx() -> Parser:
    packed = _of("IDX").seed

    def parse(content: bytes) -> None:
        for magic in (idx.IMAGES, idx.LABELS):
            try:
                idx.decode(gzip.compress(content, 1), magic, "a file")
            except InputError as error:
                if "\n" in str(error):
                    raise

    return Parser(lambda: gzip.decompress(packed()), parse)


def _batch() -> Parser:
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}
    return Parser(
        lambda: pickle.dumps(batch, 3),
        lambda content: cifar10.arrays(dict.fromkeys(cifar10.BATCHES, content)),
    )


def _sealed() -> Parser:
    def seed() -> bytes:
        file = io.BytesIO()
        digests.write(file, memoryview(bytes(digests.ROOM) + heaps.SIGNATURE + bytes(500)))
        return file.getvalue()

    def parse(content: bytes) -> None:
        heaps.check(io.BytesIO(content), "a file", "get it again")
        digests.check(io.BytesIO(content), "a file", "get it again")

    return Parser(seed, parse)


def _settings() -> Parser:
    def parse(content: bytes) -> None:
        try:
            record = from_json(content)
        except (ValueError, RecursionError):  # Which `hdf5.reading` makes an InputError.
            return
        Settings.from_record(record, None)

    return Parser(lambda: json.dumps(asdict(Settings())).encode(), parse)


PARSERS = {
    "IDX": _idx(),
    "npy": _of("npy"),
    "grid": _of("grid"),
    "CIFAR batch": _batch(),
    "settings": _settings(),
    "digest and heaps": _sealed(),
    "checkpoint": _of("checkpoint"),
    "data set": _of("data set"),
    "sweep": _of("sweep"),
}
