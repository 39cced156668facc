"""Formulas: elementwise arithmetic written once, in NumPy's notation, for every backend.

A *formula* is a plain function of a few numbers, positional, that returns one number or a tuple of
them. It may use ``+ - * / **``, comparisons, ``np.exp``, ``expm1``, ``log``, ``log1p``, ``sqrt``,
``tanh``, ``abs``, ``minimum``, ``maximum``, and `where` for a choice; no ``if``, no loop. The NumPy
backend applies it to whole arrays, the CPU's compiles it into a loop over their elements, a GPU's
traces it once and makes a kernel of what it did. Defined in a module, under a name, its compiled
loop is kept in Numba's cache.

>>> def halved_where_negative(x):
...     return where(x > 0, x, 0.5 * x)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Formula = Callable[..., Any]


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`."""
    traced = next((each for each in (condition, a, b) if hasattr(each, "traced_where")), None)
    if traced is not None:
        return traced.traced_where(condition, a, b)
    return np.where(condition, a, b)


def same(a: Any) -> Any:
    """Formula of ``a``."""
    return a


def zero(a: Any) -> Any:
    """Formula of 0, also where `a` is not finite."""
    return where(a > 0, 0.0, 0.0)


def product(a: Any, b: Any) -> Any:
    """Formula of ``a · b``."""
    return a * b


def results(values: Any) -> tuple[Any, ...]:
    """What a formula returned, always as a tuple."""
    return values if isinstance(values, tuple) else (values,)
