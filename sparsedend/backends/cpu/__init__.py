"""The backend of the CPU: loops compiled by Numba, in threads."""

from .backend import NumbaBackend

__all__ = ["NumbaBackend"]
