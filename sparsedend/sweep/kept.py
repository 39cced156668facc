"""What a sweep keeps of its trained networks, beside the results: one HDF5 file a run.

Layout: attributes ``format``, ``format_version``, ``written_by``, ``fingerprint`` of the data set
and ``class_names`` as JSON; ``weights/<layer>``, ``hits/<layer>``, ``activations/<layer>``,
``labels`` and ``images_per_class``, as `Kept` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from .. import hdf5
from ..analysis import layer_hits, layer_weights, stream
from ..datasets import Dataset
from ..errors import InputError
from ..files import remove_leftovers
from ..models import Matrix
from ..network import Network
from ..settings import Settings
from ..version import __version__

#: What a grid may ask for.
PARTS = ("weights", "activations")
#: Test images whose activations are kept, from the first on: those that the paper embeds.
IMAGES = 2000
FORMAT = "sparsedend-kept"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Kept:
    """What was kept of one run; layers have their names in `analysis.stages`.

    Attributes
    ----------
    fingerprint : str
        Of the data set, without noise.
    class_names : tuple of str
    images_per_class : (classes,) int64
        In the test set.
    labels : (images,) int64
        Of the first `IMAGES` test images.
    weights : dict of (connections,) float32
        By layer, biases apart; empty where "weights" was not asked for.
    hits : dict of (classes + 1, nodes) int32
        By hidden layer, over the whole test set, as the run saw it; like the next one empty where
        "activations" was not asked for.
    activations : dict of (images, nodes) float16
        By layer, of those images; float32 where a value is beyond float16.
    """

    fingerprint: str
    class_names: tuple[str, ...]
    images_per_class: NDArray
    labels: NDArray
    weights: Mapping[str, NDArray]
    hits: Mapping[str, NDArray]
    activations: Mapping[str, NDArray]


def collect(network: Network, dataset: Dataset, parts: Collection[str], fingerprint: str) -> Kept:
    """What is to be kept of a network.

    Parameters
    ----------
    network : Network
    dataset : Dataset
        What the run saw.
    parts : collection of str
        Of `PARTS`.
    fingerprint : str
    """
    weights, hits, activations = {}, {}, {}
    if "weights" in parts:
        weights = {
            name: values.astype(np.float32) for name, values in layer_weights(network).items()
        }
    if "activations" in parts:
        counted = layer_hits(network, dataset.test_x, dataset.test_y, dataset.classes)
        hits = {name: counts.astype(np.int32) for name, counts in counted.items()}
        (found,) = stream(network, dataset.test_x[:IMAGES], batch_size=IMAGES)
        activations = {name: _half(values) for name, values in found.items()}
    return Kept(
        fingerprint,
        dataset.class_names,
        np.bincount(dataset.test_y, minlength=dataset.classes),
        dataset.test_y[:IMAGES],
        weights,
        hits,
        activations,
    )


def size(parts: Collection[str], matrices: Sequence[Matrix], dataset: Dataset) -> int:
    """Bytes that `collect` will find, without HDF5's own few thousand."""
    total = 0
    if "weights" in parts:
        total += 4 * sum(matrix.nnz for matrix in matrices)
    if "activations" in parts:
        nodes = sum(matrix.outputs for matrix in matrices)
        hidden = nodes - matrices[-1].outputs
        total += 2 * min(IMAGES, len(dataset.test_x)) * nodes + 4 * (dataset.classes + 1) * hidden
    return total


def write(kept: Kept, path: Path) -> None:
    """Write what was kept; nobody else may be writing it.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    remove_leftovers(path)
    with hdf5.writing(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["written_by"] = __version__
        file.attrs["fingerprint"] = kept.fingerprint
        file.attrs["class_names"] = hdf5.to_json(kept.class_names)
        file["images_per_class"] = kept.images_per_class
        file["labels"] = kept.labels
        for part in ("weights", "hits", "activations"):
            group = file.create_group(part, track_order=True)
            for name, values in getattr(kept, part).items():
                group[name] = values


def read(path: Path) -> Kept:
    """Read what was kept of a run.

    Raises
    ------
    InputError
        Where the file is damaged, of another kind or version.
    """
    advice = "remove it, and do the run again with `resume=True`"
    with hdf5.reading(path, "what a sweep kept", advice) as file:
        if hdf5.attribute(file, "format", None) != FORMAT:
            raise InputError(f"'{path}' was not kept by a sweep: {advice}")
        version = hdf5.attribute(file, "format_version")
        if version != VERSION:
            raise InputError(
                f"'{path}': this version of sparsedend does not read what was kept in format "
                f"{version}: use the version that wrote it"
            )
        names = tuple(hdf5.from_json(hdf5.attribute(file, "class_names")))
        return Kept(
            str(hdf5.attribute(file, "fingerprint")),
            names,
            hdf5.array(file, "images_per_class", "i", (len(names),)),
            hdf5.array(file, "labels", "i"),
            _group(file, "weights", "f"),
            _group(file, "hits", "i"),
            _group(file, "activations", "f"),
        )


def folder_of(results: Path) -> Path:
    """Folder beside the results of a sweep that holds what it keeps."""
    return results.with_suffix(".kept")


def name_of(settings: Settings) -> str:
    """What names a run's files: what it is, and a digest of all settings."""
    changed = json.dumps(settings.changed, sort_keys=True)
    return f"{settings.short_name}-{hashlib.sha256(changed.encode()).hexdigest()[:8]}"


def file_of(folder: Path, settings: Settings) -> Path:
    """File in that folder that holds what was kept of a run."""
    return folder / f"{name_of(settings)}-kept.h5"


def _half(values: NDArray) -> NDArray:
    """Values in float16, which t-SNE does not notice, where it holds them."""
    fits = np.abs(values).max() <= np.finfo(np.float16).max
    return values.astype(np.float16 if fits else np.float32)


def _group(file: h5py.File, part: str, kinds: str) -> dict[str, NDArray]:
    return {name: hdf5.array(file[part], name, kinds) for name in file[part]}
