"""A network cut where its activations lie, and the weights of each part."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers import Dendritic, Layer, Sparse
from ..network import Network

#: Name of the last stage.
OUTPUT = "output"


def stages(network: Network) -> dict[str, Network]:
    """Networks that, one after the other, compute what a network does outside of training.

    Each has one layer with parameters, which are copied, and those without any that follow it.
    Dendrites and somata of a `layers.Dendritic` come apart: what its fused loop never stores is
    then an output.

    Returns
    -------
    dict
        By the layers' names: ``"hidden 1"``, ``"hidden 2"`` and so on, and ``"output"``. In the
        models of the paper the odd ones are dendrites, the even ones somata.
    """
    groups: list[list[Layer]] = [[]]
    for layer in network.layers:
        for piece in _pieces(layer):
            if piece.size and any(each.size for each in groups[-1]):
                groups.append([])
            groups[-1].append(piece)
    found: dict[str, Network] = {}
    shape, start = network.image_shape, 0
    for number, group in enumerate(groups, start=1):
        last = number == len(groups)
        stage = Network(
            group,
            shape,
            loss=network.loss if last else None,
            backend=network.backend,
            dtype=network.dtype,
        )
        stage.parameters = network.parameters[start : start + stage.size]
        shape, start = (stage.outputs,), start + stage.size
        found[OUTPUT if last else f"hidden {number}"] = stage
    return found


def layer_weights(network: Network) -> dict[str, NDArray]:
    """Weights that exist, without biases, by the layers' names in `stages`.

    Returns
    -------
    dict of (connections,) arrays of the network's dtype
    """
    return {
        name: np.concatenate(
            [
                np.zeros(0, network.dtype),
                *(
                    network.backend.fetch(values).ravel()
                    for layer in stage.layers
                    for parameter, values in layer.parameters.items()
                    if parameter in layer.structures or values.ndim == 2
                ),
            ]
        )
        for name, stage in stages(network).items()
    }


def _pieces(layer: Any) -> list[Layer]:
    """New layers that compute the same, with the same parameters in the same order."""
    if type(layer) is not Dendritic:
        return [type(layer)(**layer.settings, **layer.structures)]
    of_dendrites, of_somata = (type(each)(**each.settings) for each in layer.activations)
    synapses, cables = layer.structures["synapses"], layer.structures["cables"]
    return [Sparse(synapses), of_dendrites, Sparse(cables), of_somata]
