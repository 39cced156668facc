"""What is left to us of a network and its training, chosen by ``python -m bench estimators``."""

from __future__ import annotations

import bisect
import math
from typing import Any

from .. import models

#: Synapses per dendrite, where there are as many features and not many more.
SYNAPSES = 16
#: Units of the dense hidden layer that has no fewer parameters; scikit-learn's default.
UNITS = 100
#: Somata that there are at most.
SOMATA = 512
#: Weight decay of a training of one step.
DECAY = 8.0


def synapses(features: int) -> int:
    """Synapses per dendrite: `SYNAPSES`, or from its square on the square root of all features."""
    return min(features, max(SYNAPSES, round(math.sqrt(features))))


def somata(model: str, shape: Any, outputs: int, **sizes: Any) -> int:
    """As many as have no more parameters than a dense network of `UNITS` hidden units.

    Parameters
    ----------
    model, shape, outputs, **sizes
        As for `models.plan`.
    """
    features = math.prod(shape) if isinstance(shape, tuple) else shape
    # Two classes are one output there.
    most = (features + 1) * UNITS + (UNITS + 1) * (1 if outputs == 2 else outputs)

    def parameters(number: int) -> int:
        planned = models.plan(model, shape, outputs, somata=number, **sizes)
        return sum(matrix.parameters for matrix in planned)

    return max(1, bisect.bisect_right(range(1, SOMATA + 1), most, key=parameters))


def weight_decay(samples: int, batch_size: int, epochs: int) -> float:
    """Inversely proportional to the root of all steps; never above 1.

    Loshchilov & Hutter 2019, appendix B.1, "normalized weight decay".
    """
    return min(1.0, DECAY / math.sqrt(math.ceil(samples / batch_size) * epochs))
