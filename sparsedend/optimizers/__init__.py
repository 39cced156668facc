"""Optimizers, one a file."""

from ..registry import Registry
from .adam import Adam, AdamW
from .optimizer import Optimizer

__all__ = ["KINDS", "Adam", "AdamW", "Optimizer", "register"]

#: Optimizers by the name under which a checkpoint keeps them.
KINDS: Registry[Optimizer] = Registry("optimizer", "sd.optimizers.register")
register = KINDS.register

for _kind in (Adam, AdamW):
    register(_kind)
