"""Losses: what outputs are compared with, and what they mean."""

from ..registry import Registry
from .elementwise import ElementwiseLoss, Huber, MeanSquaredError, SigmoidCrossEntropy
from .loss import Loss
from .softmax import SoftmaxCrossEntropy

__all__ = [
    "KINDS",
    "ElementwiseLoss",
    "Huber",
    "Loss",
    "MeanSquaredError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "register",
]

#: Losses by the name under which a checkpoint keeps them.
KINDS: Registry[Loss] = Registry("loss", "sd.losses.register")
register = KINDS.register

for _kind in (SoftmaxCrossEntropy, SigmoidCrossEntropy, MeanSquaredError, Huber):
    register(_kind)
