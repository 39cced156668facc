"""Numbers computed from the results of trained networks."""

from .confusion import class_probabilities, confusion_matrix
from .efficiency import Configuration, best, efficiency, matching, summarize

__all__ = [
    "Configuration",
    "best",
    "class_probabilities",
    "confusion_matrix",
    "efficiency",
    "matching",
    "summarize",
]
