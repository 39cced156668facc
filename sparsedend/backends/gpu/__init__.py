"""Fused kernels on a GPU, launched by CuPy."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`CupyBackend`, with which CuPy is imported: programs can be read and compiled without it."""
    if name == "CupyBackend":
        from .backend import CupyBackend

        return CupyBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
