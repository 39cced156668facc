"""Sizes of a network for a table, where they are left to us."""

from __future__ import annotations

from typing import Any

#: Synapses per dendrite that "auto" is at most.
SYNAPSES = 16


def synapses(wanted: int | str, features: int) -> Any:
    """Synapses per dendrite: what was asked for; "auto" is all features, or 16 of them."""
    return min(features, SYNAPSES) if wanted == "auto" else wanted
