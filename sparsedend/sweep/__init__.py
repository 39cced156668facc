"""Many runs: the product of lists, on this machine or a cluster, into one file of results."""

from .engine import sweep
from .grid import expand, read_grid
from .kept import PARTS, Kept
from .results import Results, Row, write_csv

__all__ = ["PARTS", "Kept", "Results", "Row", "expand", "read_grid", "sweep", "write_csv"]
