"""A network's matrices for SciPy, in one ZIP file.

``LAYER.NAME.npz``
    A sparse matrix of weights, which ``scipy.sparse.load_npz`` reads: CSR, (outputs, inputs).
    Layers count from 0; names are those of the network's ledger.
``LAYER.NAME.npy``
    Every other parameter, which ``numpy.load`` reads: dense weights, (outputs, inputs), and biases.
``network.json``
    ``layers``, each with its kind and settings, the loss, and the shape of a sample.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from scipy.sparse import save_npz

from ..files import write
from ..hdf5 import to_json
from ..network import Network
from .output import check_free


def scipy(network: Network, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a network's parameters as a ZIP file of matrices and arrays.

    ``scipy.sparse.load_npz(zipfile.ZipFile(path).open("0.synapses.npz"))`` is the first layer's
    synapses. What else is in it stands in `sparsedend.export.matrices`. Layers and losses of the
    user's own are as good as others, and values have the network's dtype.

    Parameters
    ----------
    network : Network
    path : str or Path
    overwrite : bool
        Whether to replace a file.

    Raises
    ------
    InputError
        Where the file exists or cannot be written, or a setting has no form in JSON.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "network.json", to_json(_description(network), indent=1).encode())
        for (number, name), part in network.ledger.items():
            layer = network.layers[number]
            values = network.backend.fetch(network.parameters[part]).reshape(layer.shapes[name])
            structure = layer.structures.get(name)
            member = io.BytesIO()
            if structure is None:
                np.save(member, values)
            else:
                save_npz(member, structure.matrix(values), compressed=False)
            kind = "npy" if structure is None else "npz"
            _add(archive, f"{number}.{name}.{kind}", member.getvalue())
    write(path, memory.getvalue())


def _add(archive: zipfile.ZipFile, name: str, contents: bytes) -> None:
    """A member without a date, so that the same network gives the same bytes."""
    with archive.open(name, "w") as member:
        member.write(contents)


def _description(network: Network) -> dict[str, object]:
    layers = [{"kind": each.kind, "settings": dict(each.settings)} for each in network.layers]
    loss = {"kind": network.loss.kind, "settings": dict(network.loss.settings)}
    return {"layers": layers, "loss": loss, "image_shape": network.image_shape}
