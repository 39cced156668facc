"""How something is to be measured."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .machine import RESULTS, available_threads


class Options(NamedTuple):
    """Into which folder, whether in little, and with how many threads and rounds."""

    output: Path = RESULTS
    quick: bool = False
    threads: int = available_threads()
    rounds: int = 7
