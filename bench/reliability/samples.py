"""Good files of every kind, and what is read from them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

import sparsedend as sd
from sparsedend import backends, checkpoint, datasets
from sparsedend.cli.arrays import read_npy
from sparsedend.datasets import cifar10, idx
from sparsedend.settings import Settings
from sparsedend.sweep import Results, read_grid
from sparsedend.sweep.results import row_of

OLDER = Path(__file__).parents[2] / "tests" / "files"


class Kind(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    name : str
    make : callable
        Writes a good one to a path.
    read : callable
        Reads one, to something of which `digest` can be taken.
    sealed : bool
        Whether every change of its content must be noticed.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    sealed: bool = False


def digest(found: Any) -> str:
    """What tells whether two readings gave the same."""
    return hashlib.sha256(pickle.dumps(found)).hexdigest()


def _network() -> sd.Network:
    return sd.models.build(
        "dann-lrf", (8, 8, 1), 3, dendrites=3, somata=6, synapses=4, backend=_numpy(), seed=3
    )


def _numpy() -> Any:
    return backends.create("numpy", 1)


def _images() -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (40, 6, 6, 1), np.uint8), np.arange(40) % 3


def _make_checkpoint(path: Path) -> None:
    network, training = _network(), sd.Training(batch_size=10)
    x = np.random.default_rng(4).integers(0, 256, (60, 8, 8, 1), np.uint8)
    sd.fit(network, x, np.arange(60) % 3, epochs=2, training=training)
    sd.save(network, path, training=training, about={"name": "ü", "result": {"test_loss": 0.5}})


def _read_checkpoint(path: Path) -> Any:
    state = checkpoint.read(path, backend=_numpy())
    training = state.training
    vectors = [] if training is None else [*training.state.values(), training.best]
    history = None if training is None else vars(training.history)
    return state.network.parameters, repr(state.network), state.about, vectors, history


def _read_dataset(path: Path) -> Any:
    found = datasets.read(path)
    return found.fingerprint, found.class_names, found.name, found.licence, found.source


def _make_own(path: Path) -> None:
    x, y = _images()
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=x, compression="gzip")
        file["y"] = [f"class {label}" for label in y]


def _read_own(path: Path) -> Any:
    found = datasets.from_path("own", path)
    return found.fingerprint, found.class_names


def _make_sweep(path: Path) -> None:
    history = {name: [0.5, 0.25] for name in ("training_loss", "seconds")}
    result = {"test_loss": 0.5, "epochs": 2, "best_epoch": 1, **history}
    rows = [row_of(Settings(seed=n), "f", result if n % 2 else None, "" if n % 2 else "broke")
            for n in range(6)]  # fmt: skip
    Results(rows).write(path)


def _make_idx(path: Path) -> None:
    x = np.random.default_rng(6).integers(0, 256, (20, 5, 4), np.uint8)
    header = struct.pack(">4I", idx.IMAGES, *x.shape)
    path.write_bytes(gzip.compress(header + x.tobytes(), mtime=0))


def _make_cifar(path: Path) -> None:
    batch = {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 3]}
    content = pickle.dumps(batch, 3)
    with tarfile.open(path, "w:gz") as archive:
        for name in cifar10.BATCHES:
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _make_picture(path: Path) -> None:
    from PIL import Image

    x = np.random.default_rng(7).integers(0, 256, (12, 12, 3), np.uint8)
    Image.fromarray(x).save(path, "PNG")


def _read_picture(path: Path) -> Any:
    """As one of two classes."""
    folder = path.with_suffix(".folder")
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "0.png").write_bytes(path.read_bytes())
    return datasets.from_path("pictures", folder, test_fraction=0.5).fingerprint


def _make_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, _images()[0])


def _make_grid(path: Path) -> None:
    path.write_text('dataset = "digits"\nmodel = ["dann-r", "vann"]\nseed = [1, 2]\nnoise = 0.5\n')


def _older(name: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes((OLDER / name).read_bytes()) and None


KINDS = (
    Kind("checkpoint", _make_checkpoint, _read_checkpoint, sealed=True),
    Kind(
        "data set",
        lambda path: datasets.write(datasets.from_arrays("a", *_images()), path),
        _read_dataset,
        sealed=True,
    ),
    Kind("sweep", _make_sweep, lambda path: json.dumps(Results.read(path).rows), sealed=True),
    Kind("checkpoint of format 1", _older("checkpoint-1.h5"), _read_checkpoint),
    Kind("checkpoint of format 2", _older("checkpoint-2.h5"), _read_checkpoint),
    Kind("foreign HDF5", _make_own, _read_own),
    Kind("npy", _make_npy, read_npy),
    Kind("IDX", _make_idx, lambda path: idx.decode(path.read_bytes(), idx.IMAGES, path)),
    Kind(
        "CIFAR archive",
        _make_cifar,
        lambda path: cifar10.arrays(cifar10.members(path.read_bytes(), path)),
    ),
    Kind("picture", _make_picture, _read_picture),
    Kind("grid", _make_grid, lambda path: [each.settings for each in read_grid(path)]),
)
