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

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from . import backends, layers, losses, optimizers
from .backends import Array, Backend
from .errors import InputError
from .files import atomic_write, is_file, unreadable
from .layers import Layer
from .losses import Loss, SoftmaxCrossEntropy
from .network import Network
from .structure import Structure
from .training import Training
from .training.schedules import name_of

FORMAT = "sparsedend-checkpoint"
VERSION = 3
#: Random streams of a training, each a Generator whose state is kept.
STREAMS = ("shuffle", "dropout")

#: A path, or a file opened in binary mode.
File = str | Path | IO[bytes]


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
        Where the folder does not exist, it or the file cannot be written, or a layer, loss,
        optimizer or schedule of the user's own has no registered name.
    """
    record = _Record(network, training, about)
    if not isinstance(file, str | Path):
        record.write_into(file)
        return
    with atomic_write(Path(file)) as temporary, h5py.File(temporary, "w") as opened:
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
    path = Path(file if isinstance(file, str | Path) else getattr(file, "name", "the file"))
    if isinstance(file, str | Path) and not is_file(path):
        raise InputError(f"there is no checkpoint '{path}': check the path")
    try:
        with h5py.File(file, "r") as opened:
            if opened.attrs.get("format") != FORMAT:
                raise InputError(
                    f"'{path}' is no checkpoint of sparsedend: give a file that train or save wrote"
                )
            version = opened.attrs.get("format_version")
            if version not in READERS:
                raise InputError(
                    f"'{path}' has checkpoint format {version}, this version of sparsedend reads "
                    f"{', '.join(map(str, READERS))}: use the version that wrote it, or train again"
                )
            return _read(opened, backend or backends.create(), READERS[version])
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        advice = "use another copy or train again"
        raise unreadable(path, error, "a checkpoint", advice) from error


class _Record:
    """All that a file is made of, named before any file is opened: nothing half-known is begun."""

    def __init__(
        self, network: Network, training: Training | None, about: dict[str, Any] | None
    ) -> None:
        self.network, self.training = network, training
        try:
            self.about = json.dumps(about or {})
            self.loss = json.dumps(losses.KINDS.record(network.loss))
            records = [layers.KINDS.record(layer) for layer in network.layers]
            self.layers = [(each["kind"], json.dumps(each["settings"])) for each in records]
            self.of_training = {} if training is None else _training_record(training)
        except TypeError as error:
            raise InputError(
                f"a setting cannot be written as JSON ({error}): use numbers and texts of Python"
            ) from error

    def write_into(self, file: IO[bytes]) -> None:
        """Build all in memory: HDF5 could begin only in a file that it may read as well."""
        memory = io.BytesIO()
        with h5py.File(memory, "w") as opened:
            self.write(opened)
        try:
            if file.seekable():
                file.seek(0)
            file.write(memory.getbuffer())
            if file.seekable():
                file.truncate()
        except (OSError, TypeError, ValueError) as error:
            raise InputError(
                f"the file cannot be written ({error}): open it for writing in binary mode, such "
                "as with open(path, 'wb')"
            ) from error

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


def _training_record(training: Training) -> dict[str, str]:
    """Attributes of a training's group."""
    streams = {name: getattr(training, name).bit_generator.state for name in STREAMS}
    facts = {
        "optimizer": optimizers.KINDS.record(training.optimizer),
        "batch_size": training.batch_size,
        "schedule": name_of(training.schedule),
        "sequential": training.sequential,
        "frozen": training.frozen,
        "seed": training.seed,
        "steps": training.steps,
        "stopped": training.stopped,
        "planned": training.planned,
    }
    return {name: json.dumps(value) for name, value in (facts | streams).items()}


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
    shape = tuple(int(size) for size in file.attrs["image_shape"])
    loss: Loss = SoftmaxCrossEntropy()
    if "loss" in file.attrs:
        loss = losses.KINDS.make(json.loads(file.attrs["loss"]))
    dtype = file.attrs["dtype"]
    network = Network(
        stack, shape if len(shape) == 3 else shape[0], loss=loss, backend=backend, dtype=dtype
    )
    for group, layer in zip(groups, stack, strict=True):
        for name, values in layer.parameters.items():
            source = group[name]["data"] if name in layer.structures else group[name]
            _read_into(source, values, backend)
    training = _read_training(file["training"], network, reader) if "training" in file else None
    return Checkpoint(network, training, json.loads(file.attrs["about"]))


def _read_layer(group: h5py.Group) -> Layer:
    structures = {}
    for name, value in group.items():
        if value.attrs.get("encoding-type") == "csr_matrix":
            rows, columns = (int(size) for size in value.attrs["shape"])
            rule = str(value.attrs.get("rule", "given"))
            structures[name] = Structure(
                value["indptr"][:], value["indices"][:], (rows, columns), rule
            )
    record = {"kind": group.attrs["kind"], "settings": json.loads(group.attrs["settings"])}
    return layers.KINDS.make(record, **structures)


def _read_training(group: h5py.Group, network: Network, reader: Reader) -> Training:
    training, vectors = reader(group)
    training.steps = int(json.loads(str(group.attrs["steps"])))
    for name in STREAMS:
        if name in group.attrs:
            getattr(training, name).bit_generator.state = json.loads(group.attrs[name])
    for name, values in group["history"].items():
        getattr(training.history, name).extend(values[:].tolist())
    backend = network.backend
    for name, path in vectors.items():
        training.state[name] = backend.zeros(network.size, network.dtype)
        _read_into(group[path], training.state[name], backend)
    if "best_parameters" in group:
        training.best = backend.place(group["best_parameters"][:])
    training.begin(network)
    return training


def _as_now(group: h5py.Group) -> tuple[Training, dict[str, str]]:
    facts = {name: json.loads(text) for name, text in group.attrs.items() if name not in STREAMS}
    training = Training(
        optimizers.KINDS.make(facts["optimizer"]),
        batch_size=facts["batch_size"],
        schedule=facts["schedule"],
        sequential=facts["sequential"],
        frozen=[each if isinstance(each, int) else tuple(each) for each in facts["frozen"]],
        seed=facts["seed"],
    )
    training.stopped, training.planned = facts["stopped"], facts["planned"]
    return training, {name: f"state/{name}" for name in training.optimizer.states}


def _with_adam(group: h5py.Group) -> tuple[Training, dict[str, str]]:
    """Of formats 1 and 2, which left batch size, schedule and seed to the run that goes on."""
    settings = json.loads(group.attrs["optimizer"])
    decay = settings.pop("weight_decay", 0.0)
    adam = (
        optimizers.AdamW(weight_decay=decay, **settings) if decay else optimizers.Adam(**settings)
    )
    return Training(adam), {name: name for name in adam.states}


READERS: dict[int, Reader] = {1: _with_adam, 2: _with_adam, 3: _as_now}


def _read_into(source: h5py.Dataset, values: Array, backend: Backend) -> None:
    """Fill an array of the backend; a data set of another shape is an error."""
    host = np.empty(values.shape, values.dtype)
    source.read_direct(host)
    values[:] = backend.place(host)
