"""What "auto" stands for: sizes of a network, and its weight decay.

They were chosen by ``python -m bench estimators``.
"""

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


def chosen(
    model: str,
    shape: tuple[int, ...] | int,
    outputs: int,
    *,
    classes: bool,
    dendrites: int,
    somata: int | str,
    synapses: int | str,
    layers: int,
) -> dict[str, Any]:
    """Sizes for `models.build`, with numbers in the place of "auto".

    Parameters
    ----------
    classes : bool
        Whether the outputs are classes, of which a sample is one; else values, or labels.
    model, shape, outputs, dendrites, somata, synapses, layers
        As for `models.build`.

    Raises
    ------
    InputError
        Where they do not fit.
    """
    if synapses != "auto":
        number = _somata(model, shape, outputs, classes, dendrites, synapses, layers, somata)
        return _sizes(dendrites, number, synapses, layers)
    # A later block reads the somata before, of which there may be fewer than features.
    for most in range(_synapses(shape), 0, -1):
        number = _somata(model, shape, outputs, classes, dendrites, most, layers, somata)
        if layers == 1 or most <= number:
            break
    return _sizes(dendrites, number, most, layers)


def _sizes(dendrites: int, somata: int, synapses: Any, layers: int) -> dict[str, Any]:
    return {"dendrites": dendrites, "somata": somata, "synapses": synapses, "layers": layers}


def _synapses(shape: tuple[int, ...] | int) -> int:
    """`SYNAPSES`, or from its square on the square root of all features or pixels."""
    inputs = shape[0] * shape[1] if isinstance(shape, tuple) else shape
    return min(inputs, max(SYNAPSES, round(math.sqrt(inputs))))


def _somata(
    model: str,
    shape: tuple[int, ...] | int,
    outputs: int,
    classes: bool,
    dendrites: int,
    synapses: Any,
    layers: int,
    wanted: Any,
) -> int:
    """What is wanted, or as many as have no more parameters than `UNITS` dense hidden units."""
    if wanted != "auto":
        models.check(model, dendrites, wanted, synapses, layers)
        return wanted
    features = math.prod(shape) if isinstance(shape, tuple) else shape
    # Two classes, but not two values or labels, are one output there.
    dense = 1 if classes and outputs == 2 else outputs
    most = (features + 1) * UNITS + (UNITS + 1) * dense

    def parameters(number: int) -> int:
        if layers != 1 and number < synapses:
            return 0
        planned = models.plan(model, shape, outputs, **_sizes(dendrites, number, synapses, layers))
        return sum(matrix.parameters for matrix in planned)

    models.check(model, dendrites, SOMATA, synapses, layers)
    return max(1, bisect.bisect_right(range(1, SOMATA + 1), most, key=parameters))


def weight_decay(samples: int, batch_size: int, epochs: int) -> float:
    """Inversely proportional to the root of all steps; never above 1.

    Loshchilov & Hutter 2019, appendix B.1, "normalized weight decay".
    """
    return min(1.0, DECAY / math.sqrt(math.ceil(samples / batch_size) * epochs))
