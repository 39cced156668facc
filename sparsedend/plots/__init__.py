"""Pictures of a network: what it looks at, who connects to whom, how it learnt, what it confuses.

Each function draws on an axis of Matplotlib's, whose style is the caller's.
"""

from .confusion import confusion
from .connectivity import connectivity
from .history import history
from .receptive_fields import receptive_fields
from .tree import tree

__all__ = ["confusion", "connectivity", "history", "receptive_fields", "tree"]
