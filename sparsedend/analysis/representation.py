"""How well a layer separates classes, seen in two dimensions (figure 6 of Chavlis & Poirazi, 2025).

Embeddings are openTSNE's and scores scikit-learn's, both of the extra ``analysis``; the
neighbourhood hit, which that has not, counts what its search of neighbours finds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.arrays import as_host_array
from ..errors import InputError
from ..numbers import real, whole
from .given import levels


def embed(activations: ArrayLike, seed: int, perplexity: float = 50.0) -> NDArray:
    """Place images in a plane so that those with like activations lie near each other (t-SNE).

    The start is random, so that seeds differ as repetitions must; the same seed gives the same
    bits. For 2,000 images of 512 nodes, openTSNE takes a fifth of scikit-learn's processor time, at
    equal scores.

    Parameters
    ----------
    activations : (images, nodes)
    seed : int
        Of the start, from 0 to 2**32 - 1.
    perplexity : float
        About the number of neighbours that count; less than a third of the images.

    Returns
    -------
    (images, 2) float32

    Raises
    ------
    InputError
        Where the activations are none, there are too few images, or openTSNE is not installed.
    """
    values = _points(activations, "the table of activations")
    perplexity = real("perplexity", perplexity, 0, above=True)
    seed = whole("seed", seed, 0, 2**32 - 1)
    if 3 * perplexity >= len(values):
        raise InputError(
            f"perplexity is {perplexity:g}, and there are {len(values)} images: give more than "
            "three times as many, or a smaller `perplexity`"
        )
    method = _embedder().TSNE(
        perplexity=perplexity, neighbors="exact", initialization="random", random_state=seed
    )
    return np.array(method.fit(values), np.float32)


def silhouette(embedding: ArrayLike, labels: ArrayLike) -> float:
    """Silhouette score: -1 … 1, how much nearer images lie to their own class than to the next.

    Parameters
    ----------
    embedding : (images, dimensions)
    labels : (images,)
        Of two classes or more, one of which has two images.

    Raises
    ------
    InputError
        Where the shapes do not fit, or scikit-learn is not installed.
    """
    points, labels = _labelled(embedding, labels)
    if not 2 <= np.unique(labels).size < len(labels):
        raise InputError(
            f"{len(labels)} images have {np.unique(labels).size} classes: give two classes or "
            "more, and more images than classes"
        )
    return float(_library().metrics.silhouette_score(points, labels))


def neighbourhood_hit(
    embedding: ArrayLike, labels: ArrayLike, k: int = 11, *, include_self: bool = True
) -> float:
    """Share of the `k` nearest points that are of a point's own class, 0 … 1, over all points.

    Parameters
    ----------
    embedding : (images, dimensions)
    labels : (images,)
    k : int
        At most the number of points there are to be nearest.
    include_self : bool
        Whether a point is the first of its own nearest, as it is for the paper's authors, whose
        published scores this default can be laid beside; ``1 / k`` is then the least score.
        Without it, the `k` nearest of the others count, as the score was defined (Paulovich et
        al., IEEE Transactions on Visualization and Computer Graphics 14:564, 2008).

    Raises
    ------
    InputError
        Where the shapes do not fit, there are too few points, or scikit-learn is not installed.
    """
    points, labels = _labelled(embedding, labels)
    k = whole("k", k, 1, len(points) - 1 + include_self)
    others = k - include_self
    if not others:
        return 1.0
    nearest = _library().neighbors.NearestNeighbors(n_neighbors=others).fit(points)
    # Without points to look for, it leaves each of its own out of its neighbours.
    same = labels[nearest.kneighbors(return_distance=False)] == labels[:, None]
    return float((same.sum() + include_self * len(points)) / (k * len(points)))


def trustworthiness(activations: ArrayLike, embedding: ArrayLike, k: int = 11) -> float:
    """How far the `k` nearest in the plane were near before: 0 … 1 (Venna & Kaski, 2001).

    Parameters
    ----------
    activations : (images, nodes)
    embedding : (images, dimensions)
    k : int
        Less than half the images.

    Raises
    ------
    InputError
        Where the shapes do not fit, there are too few images, or scikit-learn is not installed.
    """
    before, after = (
        _points(activations, "the table of activations"),
        _points(embedding, "the embedding"),
    )
    if len(before) != len(after):
        raise InputError(
            f"there are activations of {len(before)} images and {len(after)} points: give as many"
        )
    k = whole("k", k, 1, (len(after) - 1) // 2)
    return float(_library().manifold.trustworthiness(before, after, n_neighbors=k))


def _embedder() -> Any:
    """The package openTSNE."""
    try:
        import openTSNE
    except ImportError:
        raise InputError(
            "openTSNE, which embeds, is not installed: pip install 'sparsedend[analysis]'"
        ) from None
    return openTSNE


def _library() -> Any:
    """The package scikit-learn."""
    try:
        import sklearn.manifold
        import sklearn.metrics
        import sklearn.neighbors
    except ImportError:
        raise InputError(
            "scikit-learn, which scores embeddings, is not installed: "
            "pip install 'sparsedend[analysis]'"
        ) from None
    return sklearn


def _points(values: ArrayLike, what: str) -> NDArray:
    """A matrix of finite numbers, in float32 or float64."""
    points = as_host_array(values)
    if points.ndim != 2 or points.dtype.kind not in "fiu" or not points.size:
        raise InputError(f"{what} has shape {points.shape}: give numbers, one row an image")
    if points.dtype != np.float64:
        points = points.astype(np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"{what} has numbers that are not finite: give finite ones")
    return points


def _labelled(embedding: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    points, found = _points(embedding, "the embedding"), levels("labels", labels)
    if found.shape != points.shape[:1]:
        raise InputError(
            f"labels have shape {found.shape} where {points.shape[:1]} belongs: give one an image"
        )
    return points, found
