"""Numbers computed from the results of trained networks."""

from .efficiency import Configuration, best, efficiency, matching, summarize

__all__ = ["Configuration", "best", "efficiency", "matching", "summarize"]
