"""Scores of t-SNE embeddings of what was kept of networks: trials, layers, repetitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..analysis import embed, neighbourhood_hit, silhouette, trustworthiness
from ..sweep import Kept

#: As in the paper.
PERPLEXITY = 50.0
NEIGHBOURS = 11
#: Scores by their names, as they lie in an array.
SCORES = ("silhouette score", "neighbourhood hit", "trustworthiness")


class Embedded(NamedTuple):
    """A layer of a model, embedded.

    Attributes
    ----------
    points : (images, 2)
        The first repetition of the first trial.
    labels : (images,)
        Their classes.
    scores : (trials, repetitions, 3)
        In the order of `SCORES`; neighbourhood hits count the point itself, as the authors do.
    """

    points: NDArray
    labels: NDArray
    scores: NDArray


def embedded(
    kept: Mapping[str, Sequence[Kept]], layers: Sequence[str], repetitions: int
) -> dict[tuple[str, str], Embedded]:
    """Embed the activations of every trial so many times, and score each.

    Parameters
    ----------
    kept : mapping of str to sequence of Kept
        Trials by model.
    layers : sequence of str
        By their names in `analysis.stages`; a model need not have all.
    repetitions : int
        Of which each has a seed of its own, counted from 0.

    Returns
    -------
    dict
        By model and layer.

    Raises
    ------
    InputError
        Where there are no more images than the perplexity, or scikit-learn or openTSNE is not
        installed.
    """
    found = {}
    for model, trials in kept.items():
        for layer in layers:
            of_layer = [each for each in trials if layer in each.activations]
            if of_layer:
                found[model, layer] = _embedded(of_layer, layer, repetitions)
    return found


def _embedded(trials: Sequence[Kept], layer: str, repetitions: int) -> Embedded:
    points = [
        [embed(each.activations[layer], seed, PERPLEXITY) for seed in range(repetitions)]
        for each in trials
    ]
    scores = [
        [
            (
                silhouette(plane, each.labels),
                neighbourhood_hit(plane, each.labels, NEIGHBOURS),
                trustworthiness(each.activations[layer], plane, NEIGHBOURS),
            )
            for plane in planes
        ]
        for each, planes in zip(trials, points, strict=True)
    ]
    return Embedded(points[0][0], trials[0].labels, np.array(scores))
