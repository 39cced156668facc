"""Numbers computed from the results of trained networks, and from the networks themselves."""

from .activations import activations, layer_hits, stream
from .confusion import class_probabilities, confusion_matrix
from .efficiency import Configuration, best, efficiency, matching, summarize
from .nodes import entropy, hits, selectivity
from .representation import embed, neighbourhood_hit, silhouette, trustworthiness
from .stages import layer_weights, stages
from .statistics import compare, two_way_anova
from .weights import density, moments

__all__ = [
    "Configuration",
    "activations",
    "best",
    "class_probabilities",
    "compare",
    "confusion_matrix",
    "density",
    "efficiency",
    "embed",
    "entropy",
    "hits",
    "layer_hits",
    "layer_weights",
    "matching",
    "moments",
    "neighbourhood_hit",
    "selectivity",
    "silhouette",
    "stages",
    "stream",
    "summarize",
    "trustworthiness",
    "two_way_anova",
]
