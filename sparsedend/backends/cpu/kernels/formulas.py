"""Loops made of formulas: elementwise, and as losses."""

import hashlib
import inspect
import os
import re
import threading
from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import overload

from ...formulas import Formula, where
from ..compilation import compiled, kernel, when_forked

#: Elements whose squares one thread adds up, in order.
BLOCK = 65_536

ELEMENTWISE = """
def {name}({arrays}, {numbers}):
    {flat}
    for i in prange({outputs[0]}.size):
        {results} = formula({values}, {numbers})
"""

LOSS = """
def {name}(outputs, targets, order, weights, delta, totals, {numbers}):
    samples, size = order.size, outputs.shape[0]
    for i in range(samples):
        weight, loss, right = 1.0, 0.0, True
        if weights is not None:
            weight = weights[order[i]]
        for k in range(size):
            value, gradient, hit = formula(outputs[k, i], targets[order[i], k], {numbers})
            loss += value
            right = right and hit
            delta[k, i] = weight * gradient / (samples * size)
        totals[0] += weight * loss / size
        totals[1] += weight * right
        totals[2] += weight
    delta[:, samples:] = 0
"""

_loops: dict[tuple, Any] = {}
_making = threading.Lock()


def elementwise(formula: Formula, outputs: int, places: tuple[int, ...], numbers: int) -> Any:
    """Loop over the elements of arrays, each given once, and so many numbers.

    An array that is output and input must be one argument: LLVM would not vectorise a loop over
    two that overlap.

    Parameters
    ----------
    formula : callable
    outputs : int
        How many of `places` are outputs; the others are inputs.
    places : tuple of int
        For each output and input the first of them that is the same array.
    numbers : int
    """
    key = (formula, outputs, places, numbers)
    if key not in _loops:
        arrays = [f"a{place}" for place in places]
        distinct = list(dict.fromkeys(arrays))
        source = ELEMENTWISE.format(
            name=_name(formula),
            arrays=", ".join(distinct),
            numbers=_numbers(numbers),
            flat="; ".join(f"{array} = {array}.reshape(-1)" for array in distinct),
            outputs=arrays[:outputs],
            results=", ".join(f"{array}[i]" for array in arrays[:outputs]),
            values=", ".join(f"{array}[i]" for array in arrays[outputs:]),
        )
        _make(key, formula, _name(formula), source)
    return _loops[key]


def loss(formula: Formula, numbers: int) -> Any:
    """Loop that takes the arrays of `Backend.formula_loss`, and so many numbers."""
    key = (formula, numbers)
    if key not in _loops:
        name = f"{_name(formula)}_of_batch"
        _make(key, formula, name, LOSS.format(name=name, numbers=_numbers(numbers)))
    return _loops[key]


@kernel
def squares(vector, sums):
    """``sums[b]`` becomes the sum of the squares of the b-th `BLOCK` elements, in float64."""
    for b in prange(sums.size):
        part = 0.0
        for i in range(b * BLOCK, min((b + 1) * BLOCK, vector.size)):
            part += np.float64(vector[i]) * np.float64(vector[i])
        sums[b] = part


@overload(where)
def _where(condition, a, b):
    """A choice; a whole number beside a real one takes its type."""
    kind = a if isinstance(a, types.Float) else b
    return lambda condition, a, b: kind(a) if condition else kind(b)


def _numbers(count: int) -> str:
    return ", ".join(f"n{number}" for number in range(count))


def _name(formula: Formula) -> str:
    """Another one for every formula, since by it Numba tells apart what it keeps."""
    code = formula.__code__
    digest = hashlib.sha256(f"{code.co_code!r}{code.co_consts}{code.co_names}".encode())
    words = re.sub(r"\W+", "_", formula.__qualname__)
    return f"{words}_{digest.hexdigest()[:8]}"


def _make(key: tuple, formula: Formula, name: str, source: str) -> None:
    """Compile a loop as if it stood in the formula's file, whose change makes its cache stale.

    A formula that is no function of a module may be another one next time: it is not kept.
    """
    with _making:
        if key in _loops:
            return
        try:
            file = inspect.getfile(formula)
        except TypeError:
            file = "<unknown>"
        scope = {"formula": njit(formula), "prange": prange, "__name__": formula.__module__}
        exec(compile(source, file, "exec"), scope)
        keep = "<" not in formula.__qualname__ and os.path.exists(file)
        _loops[key] = compiled(scope[name], keep=keep)


def _after_fork() -> None:
    """The loops' threads are not there any more, nor is the thread that may hold the lock."""
    global _making
    _making = threading.Lock()
    _loops.clear()


when_forked(_after_fork)
