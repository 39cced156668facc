"""The cross-entropy of a softmax."""

import numpy as np

from ..compilation import kernel


@kernel
def softmax_cross_entropy(logits, labels, order, weights, delta, totals):
    """Add to the totals (loss, right, weight); `delta` gets the gradient of the weighted mean.

    Parameters are those of `Backend.softmax_cross_entropy`.
    """
    classes = logits.shape[0]
    samples = order.size
    loss = 0.0
    right = 0.0
    weight_of_all = 0.0
    for i in range(samples):
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
        loss += weight * (np.log(norm) - (logits[label, i] - top))
        right += weight * (best == label)
        weight_of_all += weight
    delta[:, samples:] = 0
    totals[0] += loss
    totals[1] += right
    totals[2] += weight_of_all
