"""Networks in HDF5: structure, parameters and, between two epochs, the state of their training.

Layout: ``layers/<number>`` holds one layer, with a group for every sparse parameter in the
convention of AnnData (attributes ``encoding-type`` = "csr_matrix" and ``shape``; data sets
``data``, ``indices``, ``indptr``) and a data set for every other one; ``training`` holds Adam's
moments, the states of the shuffle and of dropout, the history and, with early stopping, the best
parameters. Texts are JSON; nothing is pickled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import backends
from .backends import NumpyBackend
from .backends.numpy_backend import Array
from .connectivity import Structure
from .errors import InputError
from .files import atomic_write, is_file, unreadable
from .history import History, Training
from .layers import KINDS, Layer
from .network import Network
from .optimizers import Adam

FORMAT = "sparsedend-checkpoint"
VERSION = 2
#: Random streams of a training, each a Generator whose state is kept.
STREAMS = ("shuffle", "dropout")


@dataclass
class Checkpoint:
    """What a file holds.

    Attributes
    ----------
    network : Network
    training : Training, optional
        Where a training stands.
    about : dict
        JSON-able facts: the run's settings, its result once it has ended, the classes' names.
    """

    network: Network
    training: Training | None = None
    about: dict[str, Any] = field(default_factory=dict)


def save(
    network: Network,
    path: str | Path,
    *,
    training: Training | None = None,
    about: dict[str, Any] | None = None,
) -> None:
    """Write a network, and optionally where its training stands.

    At every instant the old or the new file is whole.

    Raises
    ------
    InputError
        Where the folder does not exist or cannot be written.
    """
    with atomic_write(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["about"] = json.dumps(about or {})
        file.attrs["image_shape"] = network.image_shape
        file.attrs["dtype"] = network.dtype.name
        layers = file.create_group("layers")
        for number, layer in enumerate(network.layers):
            _write_layer(layers.create_group(str(number)), layer)
        if training:
            _write_training(file.create_group("training"), training, network.backend)


def load(path: str | Path, *, backend: NumpyBackend | None = None) -> Network:
    """Read a network.

    Raises
    ------
    InputError
        Where the file is missing, no checkpoint, truncated or of another version.
    """
    return read(path, backend=backend).network


def read(path: str | Path, *, backend: NumpyBackend | None = None) -> Checkpoint:
    """Read everything that `save` wrote.

    Raises
    ------
    InputError
        Where the file is missing, no checkpoint, truncated or of another version.
    """
    path = Path(path)
    if not is_file(path):
        raise InputError(f"there is no checkpoint '{path}': check the path")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(
                    f"'{path}' is no checkpoint of sparsedend: give a file that train or save wrote"
                )
            version = file.attrs.get("format_version")
            if version != VERSION:
                raise InputError(
                    f"'{path}' has checkpoint format {version}, this version of sparsedend reads "
                    f"{VERSION}: use the version that wrote it, or train again"
                )
            return _read(file, backend or backends.create())
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        advice = "use another copy or train again"
        raise unreadable(path, error, "a checkpoint", advice) from error


def _write_layer(group: h5py.Group, layer: Layer) -> None:
    group.attrs["kind"] = layer.kind
    group.attrs["settings"] = json.dumps(dict(layer.settings))
    for name, placed in layer.parameters.items():
        values = layer.backend.fetch(placed)
        structure = layer.structures.get(name)
        if structure is None:
            group[name] = values
            continue
        matrix = group.create_group(name)
        matrix.attrs["encoding-type"] = "csr_matrix"
        matrix.attrs["encoding-version"] = "0.1.0"
        matrix.attrs["shape"] = structure.shape
        matrix["data"] = values
        matrix["indices"] = structure.indices
        matrix["indptr"] = structure.indptr


def _read(file: h5py.File, backend: NumpyBackend) -> Checkpoint:
    groups = [file["layers"][str(number)] for number in range(len(file["layers"]))]
    layers = [_read_layer(group) for group in groups]
    height, width, channels = (int(size) for size in file.attrs["image_shape"])
    network = Network(layers, (height, width, channels), backend=backend, dtype=file.attrs["dtype"])
    for group, layer in zip(groups, layers, strict=True):
        for name, values in layer.parameters.items():
            source = group[name]["data"] if name in layer.structures else group[name]
            _read_into(source, values, backend)
    training = _read_training(file["training"], network) if "training" in file else None
    return Checkpoint(network, training, json.loads(file.attrs["about"]))


def _read_layer(group: h5py.Group) -> Layer:
    parts: dict[str, Any] = json.loads(group.attrs["settings"])
    for name, value in group.items():
        if value.attrs.get("encoding-type") == "csr_matrix":
            rows, columns = (int(size) for size in value.attrs["shape"])
            parts[name] = Structure(value["indptr"][:], value["indices"][:], (rows, columns))
    return KINDS[group.attrs["kind"]](**parts)


def _write_training(group: h5py.Group, training: Training, backend: NumpyBackend) -> None:
    optimizer = training.optimizer
    group["first_moment"] = backend.fetch(optimizer.first)
    group["second_moment"] = backend.fetch(optimizer.second)
    group.attrs["optimizer"] = json.dumps(optimizer.settings)
    group.attrs["steps"] = optimizer.steps
    for name in STREAMS:
        group.attrs[name] = json.dumps(getattr(training, name).bit_generator.state)
    for name, values in vars(training.history).items():
        group[f"history/{name}"] = np.asarray(values, np.float64)
    if training.best is not None:
        group["best_parameters"] = backend.fetch(training.best)


def _read_training(group: h5py.Group, network: Network) -> Training:
    optimizer = Adam(**json.loads(group.attrs["optimizer"]))
    optimizer.start(network.backend, network.parameters)
    _read_into(group["first_moment"], optimizer.first, network.backend)
    _read_into(group["second_moment"], optimizer.second, network.backend)
    optimizer.steps = int(group.attrs["steps"])
    streams = {name: np.random.default_rng() for name in STREAMS}
    for name, rng in streams.items():
        rng.bit_generator.state = json.loads(group.attrs[name])
    history = History(**{name: values[:].tolist() for name, values in group["history"].items()})
    best = None
    if "best_parameters" in group:
        best = network.backend.place(group["best_parameters"][:])
    return Training(optimizer, **streams, history=history, best=best)


def _read_into(source: h5py.Dataset, values: Array, backend: NumpyBackend) -> None:
    """Fill an array of the backend; a data set of another shape is an error."""
    host = np.empty(values.shape, values.dtype)
    source.read_direct(host)
    values[:] = backend.place(host)
