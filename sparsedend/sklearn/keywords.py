"""The keywords that both estimators have, described once."""

from __future__ import annotations

from typing import TypeVar

Kind = TypeVar("Kind", bound=type)

KEYWORDS = """model : str, default="dann-r"
        One of `sparsedend.models.MODELS`; those with receptive fields need `image_shape`.
    dendrites : int, default=2
        Of each soma.
    somata : int or "auto", default="auto"
        Units of a hidden layer. "auto" is as many as have no more parameters than 100 dense units,
        at most 512.
    synapses : int or "auto", default="auto"
        Features that a dendrite reads, at random; of images, pixels. "auto" is 16, or all where
        there are fewer, or the square root of all from 256 on; and no more than the somata that
        a second block reads.
    layers : int, default=1
        Blocks of dendrites and somata, one on the other.
    exact : bool, default=True
        Whether every dendrite reads exactly so many features, instead of on average.
    initializer : {"sparse", "glorot"}, default="sparse"
        Range of the first weights: by the connections that exist, or as if all did.
    dropout : float, default=0.0
        Rate at which each hidden layer's activations are dropped in training, in [0, 1).
    image_shape : (int, int, int), optional
        Height, width and channels of the images that the rows of X are, flattened. Their bytes
        (uint8) are scaled to 0 … 1; without it, numbers of any kind are taken as they are.
    learning_rate : float, default=0.01
        Of Adam.
    weight_decay : float or "auto", default="auto"
        Of AdamW, decoupled from the gradient; 0 is Adam. "auto" is 8 over the square root of all
        steps of `fit`, at most 1, and 0 for `partial_fit`, whose number nobody knows.
    schedule : {"constant", "step", "cosine"}, default="cosine"
        Of the learning rate, over `max_iter` epochs; constant for `partial_fit`.
    batch_size : int, default=64
        Samples of a step.
    max_iter : int, default=50
        Epochs, at most.
    tol : float, default=1e-4
        An epoch is better than those before where its loss is lower by more than this, or with
        early stopping its score higher.
    n_iter_no_change : int, default=10
        Epochs in a row that may be no better before training ends.
    early_stopping : bool, default=False
        Whether to judge by the score of samples that are held out, and to keep the parameters of
        the best epoch.
    validation_fraction : float, default=0.1
        The share that early stopping holds out, in [0, 1); with 0 it judges by the loss. Not used
        where `fit` is given validation data.
    warm_start : bool, default=False
        Whether `fit` goes on with the network of the last one.
    random_state : int, RandomState or None, default=None
        Of connections, weights, batch order, dropout and what is held out.
    n_jobs : int, optional
        Threads to compute with, at most; -1 is all, which is also the default. The result does
        not depend on it, but for rounding in large dense layers.
    backend : {"auto", "numba", "numpy", "cupy"}, default="auto"
        What computes, as in `sparsedend.backends.create`; sparse X is trained on the CPU.
    verbose : bool, default=False
        Whether to show progress on standard error."""

ATTRIBUTES = """network_ : sparsedend.Network
        For `sparsedend.save` and everything else that takes a network.
    training_ : sparsedend.Training
        How it was trained, with the optimizer's state, from which `partial_fit` goes on, at a
        constant learning rate.
    coefs_ : list of csr_array, (inputs, outputs)
        Weights of the connections that exist, matrix by matrix, copied.
    intercepts_ : list of (outputs,) array
        Biases, likewise.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        Mean loss of every epoch.
    validation_scores_ : list of float, or None
        Score of every epoch, where something was validated on.
    best_validation_score_ : float, or None
        With early stopping.
    n_features_in_ : int
    feature_names_in_ : (n_features_in_,) array of str
        Where the columns of X have names."""


def documented(kind: Kind) -> Kind:
    """Put the descriptions where the docstring of an estimator leaves room for them."""
    if kind.__doc__:
        kind.__doc__ = kind.__doc__.format(keywords=KEYWORDS, attributes=ATTRIBUTES)
    return kind
