"""The version of this package; `setup.py` reads it here, and files keep it."""

__version__ = "0.1.0"
