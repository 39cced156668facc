"""Trained networks in the forms that other programs run: ONNX, C, NumPy alone, SciPy's matrices."""

from .graph import onnx
from .matrices import scipy
from .numpy_only import npz
from .source import c

__all__ = ["c", "npz", "onnx", "scipy"]
