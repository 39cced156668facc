"""Networks in HDF5: structure, parameters and, between two epochs, the state of their training.

Layout of format 3: attributes ``format``, ``format_version``, ``image_shape``, ``dtype``, ``loss``
and ``about``; ``layers/<number>`` holds one layer, its kind and settings as attributes, with a
group for every sparse parameter in the convention of AnnData (attributes ``encoding-type`` =
"csr_matrix" and ``shape``; data sets ``data``, ``indices``, ``indptr``; our own attribute ``rule``)
and a data set for every other one;
``training`` holds the optimizer's vectors under ``state``, the states of the random streams, the
history and, with early stopping, the best parameters. Texts are JSON; nothing is pickled.

Formats 1 and 2 know Adam alone, whose vectors and settings lie in ``training`` itself; 1 has no
stream for dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import backends, hdf5, layers, losses, optimizers
from .backends import Array, Backend
from .backends.arrays import magnitude
from .errors import InputError
from .files import check_file
from .hdf5 import File, from_json, to_json
from .layers import Layer
from .losses import Loss, SoftmaxCrossEntropy
from .network import Network
from .numbers import INT64_MAX, whole
from .structure import Structure
from .training import Training
from .training.schedules import name_of

FORMAT = "sparsedend-checkpoint"
VERSION = 3
#: Attributes of a training that are Generators, whose states are kept.
GENERATORS = ("shuffle", "dropout")
#: What every epoch has of its history; the rest is NaN where there was nothing to compute it from.
ALWAYS = ("training_loss", "seconds")


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
    file: File,
    *,
    training: Training | None = None,
    about: dict[str, Any] | None = None,
) -> None:
    """Write a network, and optionally where its training stands.

    At every instant the old or the new file is whole.

    Parameters
    ----------
    network : Network
    file : path, or file opened for writing in binary mode, whose contents are replaced
    training : Training, optional
    about : dict, optional
        JSON-able facts to keep beside them.

    Raises
    ------
    InputError
        Where the folder does not exist, it or the file cannot be written, a layer, loss, optimizer
        or schedule of the user's own has no registered name, or a number is not finite, so that
        nobody could read the file.
    """
    record = _Record(network, training, about)
    with hdf5.writing(file) as opened:
        record.write(opened)


def load(file: File, *, backend: Backend | None = None) -> Network:
    """Read a network.

    Raises
    ------
    InputError
        Where the file is missing, no checkpoint, truncated or of another version.
    """
    return read(file, backend=backend).network


def read(file: File, *, backend: Backend | None = None) -> Checkpoint:
    """Read everything that `save` wrote.

    Raises
    ------
    InputError
        Where the file is missing, no checkpoint, truncated or of another version.
    """
    path = hdf5.name_of(file)
    if isinstance(file, str | Path):
        check_file(path, "checkpoint")
    with hdf5.reading(file, "a checkpoint", "use another copy or train again") as opened:
        if hdf5.attribute(opened, "format", None) != FORMAT:
            raise InputError(
                f"'{path}' is no checkpoint of sparsedend: give a file that train or save wrote"
            )
        version = hdf5.attribute(opened, "format_version", None)
        if version not in READERS:
            raise InputError(
                f"'{path}' has checkpoint format {version}, this version of sparsedend reads "
                f"{', '.join(map(str, READERS))}: use the version that wrote it, or train again"
            )
        return _read(opened, backend or backends.create(), READERS[version])


class _Record:
    """All that a file is made of, named before any file is opened: nothing half-known is begun."""

    def __init__(
        self, network: Network, training: Training | None, about: dict[str, Any] | None
    ) -> None:
        self.network, self.training = network, training
        _check_finite(network, training)
        self.about = to_json(about or {})
        self.loss = to_json(losses.KINDS.record(network.loss))
        records = [layers.KINDS.record(layer) for layer in network.layers]
        self.layers = [(each["kind"], to_json(each["settings"])) for each in records]
        self.of_training = {} if training is None else _training_record(training)

    def write(self, file: h5py.File) -> None:
        network = self.network
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["about"] = self.about
        file.attrs["image_shape"] = network.image_shape
        file.attrs["dtype"] = network.dtype.name
        file.attrs["loss"] = self.loss
        group = file.create_group("layers")
        for number, (layer, texts) in enumerate(zip(network.layers, self.layers, strict=True)):
            _write_layer(group.create_group(str(number)), layer, *texts)
        if self.training is not None:
            part = file.create_group("training")
            for name, text in self.of_training.items():
                part.attrs[name] = text
            _write_vectors(part, self.training, network.backend)


def _check_finite(network: Network, training: Training | None) -> None:
    """Refuse what could not be read again."""
    vectors = {"parameters of the network": network.parameters}
    if training is not None:
        vectors |= {f"training's '{name}'": values for name, values in training.state.items()}
        if training.best is not None:
            vectors["training's best parameters"] = training.best
    for name, values in vectors.items():
        if not math.isfinite(magnitude(values)):
            raise InputError(
                f"the {name} are not finite: load what was saved before, or train again with a "
                "smaller learning rate"
            )


def _training_record(training: Training) -> dict[str, str]:
    """Attributes of a training's group."""
    states = {name: getattr(training, name).bit_generator.state for name in GENERATORS}
    facts = {
        "optimizer": optimizers.KINDS.record(training.optimizer),
        "batch_size": training.batch_size,
        "schedule": name_of(training.schedule),
        "sequential": training.sequential,
        "frozen": training.frozen,
        "seed": training.seed,
        "steps": training.steps,
        "vectors": list(training.state),  # There are none before the first epoch.
        "stopped": training.stopped,
        "planned": training.planned,
    }
    return {name: to_json(value) for name, value in (facts | states).items()}


def _write_vectors(group: h5py.Group, training: Training, backend: Backend) -> None:
    for name, values in training.state.items():
        group[f"state/{name}"] = backend.fetch(values)
    for name, figures in vars(training.history).items():
        group[f"history/{name}"] = np.asarray(figures, np.float64)
    if training.best is not None:
        group["best_parameters"] = backend.fetch(training.best)


def _write_layer(group: h5py.Group, layer: Layer, kind: str, settings: str) -> None:
    group.attrs["kind"] = kind
    group.attrs["settings"] = settings
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
        matrix.attrs["rule"] = structure.rule
        matrix["data"] = values
        matrix["indices"] = structure.indices
        matrix["indptr"] = structure.indptr


#: Reads what a training is from its group, and names the vectors of its optimizer.
Reader = Callable[[h5py.Group], tuple[Training, dict[str, str]]]


def _read(file: h5py.File, backend: Backend, reader: Reader) -> Checkpoint:
    groups = [file["layers"][str(number)] for number in range(len(file["layers"]))]
    stack = [_read_layer(group) for group in groups]
    dtype = np.dtype(hdf5.attribute(file, "dtype"))
    if dtype.kind != "f":
        raise InputError(f"dtype is {dtype}: choose float32 or float64")
    # Before there is a network: only what the file has bytes for gets memory.
    values = [
        hdf5.finite(group, f"{name}/data" if name in layer.structures else name, shape, dtype)
        for group, layer in zip(groups, stack, strict=True)
        for name, shape in layer.shapes.items()
    ]
    shape = tuple(int(size) for size in hdf5.attribute(file, "image_shape"))
    loss: Loss = SoftmaxCrossEntropy()
    if "loss" in file.attrs:
        loss = losses.KINDS.make(from_json(hdf5.attribute(file, "loss")))
    network = Network(
        stack, shape if len(shape) == 3 else shape[0], loss=loss, backend=backend, dtype=dtype
    )
    for place, found in zip(network.ledger.values(), values, strict=True):
        network.parameters[place] = backend.place(found.ravel())
    training = _read_training(file["training"], network, reader) if "training" in file else None
    about = from_json(hdf5.attribute(file, "about"))
    if not isinstance(about, dict):
        raise InputError(f"'{file.filename}' says about itself {about!r}: use another copy")
    return Checkpoint(network, training, about)


def _read_layer(group: h5py.Group) -> Layer:
    structures = {}
    for name, value in group.items():
        if hdf5.attribute(value, "encoding-type", None) == "csr_matrix":
            rows, columns = (int(size) for size in hdf5.attribute(value, "shape"))
            rule = str(hdf5.attribute(value, "rule", "given"))
            indptr, indices = (hdf5.array(value, part, "iu") for part in ("indptr", "indices"))
            structures[name] = Structure(indptr, indices, (rows, columns), rule)
    record = {
        "kind": hdf5.attribute(group, "kind"),
        "settings": from_json(hdf5.attribute(group, "settings")),
    }
    return layers.KINDS.make(record, **structures)


def _read_training(group: h5py.Group, network: Network, reader: Reader) -> Training:
    training, vectors = reader(group)
    training.steps = whole("steps", from_json(str(hdf5.attribute(group, "steps"))), 0, INT64_MAX)
    for name in GENERATORS:
        if name in group.attrs:
            getattr(training, name).bit_generator.state = from_json(hdf5.attribute(group, name))
    epochs = group["history/seconds"].shape[:1]
    for name in vars(training.history):
        path = f"history/{name}"
        if name in ALWAYS:
            figures = hdf5.finite(group, path, epochs, np.float64)
        else:
            figures = hdf5.array(group, path, "f", epochs)
        getattr(training.history, name).extend(figures.tolist())

    def vector(path: str) -> Array:
        return network.backend.place(hdf5.finite(group, path, (network.size,), network.dtype))

    for name, path in vectors.items():
        training.state[name] = network.backend.zeros(network.size, network.dtype)
        training.state[name][:] = vector(path)
    if "best_parameters" in group:
        training.best = vector("best_parameters")
    training.begin(network)
    return training


def _as_now(group: h5py.Group) -> tuple[Training, dict[str, str]]:
    facts = {
        name: from_json(hdf5.attribute(group, name))
        for name in group.attrs
        if name not in GENERATORS
    }
    training = Training(
        optimizers.KINDS.make(facts["optimizer"]),
        batch_size=facts["batch_size"],
        schedule=facts["schedule"],
        sequential=facts["sequential"],
        frozen=[each if isinstance(each, int) else tuple(each) for each in facts["frozen"]],
        seed=facts["seed"],
    )
    training.stopped, training.planned = facts["stopped"], facts["planned"]
    return training, {name: f"state/{name}" for name in facts["vectors"]}


def _with_adam(group: h5py.Group) -> tuple[Training, dict[str, str]]:
    """Of formats 1 and 2, which left batch size, schedule and seed to the run that goes on."""
    settings = from_json(hdf5.attribute(group, "optimizer"))
    decay = settings.pop("weight_decay", 0.0)
    adam = (
        optimizers.AdamW(weight_decay=decay, **settings) if decay else optimizers.Adam(**settings)
    )
    return Training(adam), {name: name for name in adam.states}


READERS: dict[int, Reader] = {1: _with_adam, 2: _with_adam, 3: _as_now}
