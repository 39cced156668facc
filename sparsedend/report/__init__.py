"""A page that shows a checkpoint or a sweep: one HTML file that needs nothing else."""

from .networks import of_checkpoint
from .sweeps import of_sweep

__all__ = ["of_checkpoint", "of_sweep"]
