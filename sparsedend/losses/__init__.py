"""Losses: what outputs are compared with, and what they mean."""

from . import elementwise
from .elementwise import *  # noqa: F403
from .loss import KINDS, Loss, register
from .softmax import SoftmaxCrossEntropy

__all__ = ["KINDS", "Loss", "SoftmaxCrossEntropy", "register"]
__all__ += elementwise.__all__
