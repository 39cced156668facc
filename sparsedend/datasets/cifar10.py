"""The Python version of CIFAR-10: six pickled batches of 10,000 images."""

from __future__ import annotations

import io
import lzma
import pickle
import pickletools
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .checksums import checked

#: MD5 of the batches, the test's last.
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
FOLDER = "cifar-10-batches-py"
SHAPE = (3, 32, 32)

#: What a pickle of arrays and built-in containers names, and what it gets.
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    """Arrays and built-in containers alone: a pickle can call whatever it can name."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None


def members(archive: bytes, where: Path) -> dict[str, bytes]:
    """Batches in a tar.gz archive, by name.

    Raises
    ------
    InputError
        Where it is no such archive or has not all of them.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as file:
            for name in BATCHES:
                member = file.extractfile(f"{FOLDER}/{name}")
                if member is None:
                    raise KeyError(f"{FOLDER}/{name} is no file")
                found[name] = member.read()
    except Exception as error:  # A damaged archive makes errors of any kind.
        raise InputError(f"'{where}' is no CIFAR-10 archive ({error}): get it again") from error
    return found


def unpacked(folder: Path) -> dict[str, bytes]:
    """Batches in a folder, or in its folder `FOLDER`, plain or compressed by xz.

    Raises
    ------
    InputError
        Where one is missing, damaged or not the original.
    """
    if (folder / FOLDER).is_dir():
        folder = folder / FOLDER
    found, missing = {}, []
    for name, md5 in BATCHES.items():
        plain, packed = folder / name, folder / f"{name}.xz"
        if plain.is_file():
            found[name] = checked(plain.read_bytes(), md5, plain)
        elif packed.is_file():
            try:
                found[name] = checked(lzma.decompress(packed.read_bytes()), md5, packed)
            except lzma.LZMAError as error:
                raise InputError(f"'{packed}' is no whole xz file: get it again") from error
        else:
            missing.append(name)
    if missing:
        raise InputError(
            f"'{folder}' has neither cifar-10-python.tar.gz nor {', '.join(missing)}: "
            "put the original files there"
        )
    return found


def arrays(batches: dict[str, bytes]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Training and test images (images, 32, 32, 3) uint8, and labels int64, in `Dataset`'s order.

    Raises
    ------
    InputError
        Where a batch names anything but arrays and built-in containers, or has another layout.
    """
    images, labels = zip(*(_batch(name, batches[name]) for name in BATCHES), strict=True)
    return (np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1])


def _check_memo(content: bytes) -> None:
    """Refuse a number of an object up to which Python would make room: gigabytes for bytes."""
    for operation, number, _ in pickletools.genops(content):
        if operation.name.endswith("PUT") and int(number or 0) > len(content):
            raise pickle.UnpicklingError(f"it numbers an object {number}")


def _batch(name: str, content: bytes) -> tuple[NDArray, NDArray]:
    try:
        _check_memo(content)
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        planes, labels = batch[b"data"], np.asarray(batch[b"labels"], np.int64)
        images = planes.reshape(len(labels), *SHAPE).transpose(0, 2, 3, 1)
    except Exception as error:  # So does a damaged pickle.
        raise InputError(f"'{name}' is no batch of CIFAR-10 ({error}): get it again") from error
    return np.ascontiguousarray(images), labels
