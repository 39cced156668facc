"""The cross-entropy of a softmax."""

import numpy as np

from ..compilation import kernel


@kernel
def softmax_cross_entropy(first, last, logits, labels, order, weights, delta, terms):
    """Each sample's terms of the totals (loss, right, weight); `delta` gets the mean's gradient.

    Parameters are those of `Backend.softmax_cross_entropy`. Of the loop over columns.
    """
    classes = logits.shape[0]
    samples = order.size
    for i in range(first, last):
        if i >= samples:
            delta[:, i] = 0
            continue
        best = 0
        for k in range(1, classes):
            if logits[k, i] > logits[best, i]:
                best = k
        top = logits[best, i]
        norm = logits.dtype.type(0)
        for k in range(classes):
            e = np.exp(logits[k, i] - top)
            delta[k, i] = e
            norm += e
        label = labels[order[i]]
        for k in range(classes):
            delta[k, i] /= norm * samples
        delta[label, i] -= logits.dtype.type(1) / samples
        weight = 1.0
        if weights is not None:
            weight = weights[order[i]]
            for k in range(classes):
                delta[k, i] *= weights[order[i]]
        terms[0, i] = weight * (np.log(norm) - (logits[label, i] - top))
        terms[1, i] = weight * (best == label)
        terms[2, i] = weight


@kernel
def add_terms(terms, order, totals):
    """Add up the samples' terms, in their order."""
    for row in range(3):
        total = 0.0
        for i in range(order.size):
            total += terms[row, i]
        totals[row] += total
