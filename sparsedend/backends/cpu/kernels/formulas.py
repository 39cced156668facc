"""Loops made of formulas: elementwise, and as losses."""

import hashlib
import inspect
import os
import re
import threading
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from ...formulas import Formula, where
from ..compilation import OPTIONS, inlined, kernel
from ..simd import item, put

#: Elements whose squares one thread adds up, in order.
BLOCK = 65_536
#: Combinations of arrays whose loops are remembered.
REMEMBERED = 4096

ELEMENTWISE = """
def {name}(first, last, {arrays}, {numbers}):
    {reals}
    for i in range(first, last):
        {results} = formula({values})
        {puts}
"""

LOSS = """
def {name}(outputs, targets, order, weights, delta, totals, {numbers}):
    samples, size = order.size, outputs.shape[0]
    {reals}
    for i in range(samples):
        weight, loss, right = 1.0, 0.0, True
        if weights is not None:
            weight = weights[order[i]]
        for k in range(size):
            value, gradient, hit = formula(outputs[k, i], targets[order[i], k], {values})
            loss += value
            right = right and hit
            delta[k, i] = weight * gradient / (samples * size)
        totals[0] += weight * loss / size
        totals[1] += weight * right
        totals[2] += weight
    delta[:, samples:] = 0
"""

_loops: dict[tuple, Any] = {}
_loops_of_arrays: dict[tuple, tuple[Any, list[int]]] = {}
_making = threading.Lock()


def elementwise(
    formula: Formula, outputs: int, arrays: tuple[Any, ...], numbers: int
) -> tuple[Any, list[int]]:
    """Loop over the elements of arrays, and which of them to give it, before the numbers.

    An array that is output and input must be one argument: LLVM would not vectorise a loop over
    two that overlap. Which are the same, their identities tell, whatever arrays they are; so what
    was found for some identities holds for good.

    Parameters
    ----------
    formula : callable
    outputs : int
        How many of `arrays`, the first, are outputs; the others are inputs.
    arrays : tuple of array
    numbers : int
        How many the formula takes after the inputs.
    """
    key = (formula, outputs, numbers, *map(id, arrays))
    found = _loops_of_arrays.get(key)
    if found is None:
        identities = key[3:]
        places = tuple(map(identities.index, identities))
        found = _elementwise(formula, outputs, places, numbers), sorted(set(places))
        if len(_loops_of_arrays) >= REMEMBERED:
            _loops_of_arrays.clear()
        _loops_of_arrays[key] = found
    return found


def _elementwise(formula: Formula, outputs: int, places: tuple[int, ...], numbers: int) -> Any:
    """Loop, where `places` has for each array the first one that is the same."""
    distinct = sorted(set(places))
    elements = [f"item(a{place}, i)" for place in places]
    source = ELEMENTWISE.format(
        name=_name(formula),
        arrays=", ".join(f"a{place}" for place in distinct),
        numbers=_listed("n", numbers),
        reals=_reals(numbers, "a0.dtype"),
        results=_listed("y", outputs),
        puts="; ".join(f"put(a{place}, i, y{k})" for k, place in enumerate(places[:outputs])),
        values=", ".join([*elements[outputs:], _listed("r", numbers)]),
    )
    return _made((formula, outputs, places, numbers), _name(formula), source)


def loss(formula: Formula, numbers: int) -> Any:
    """Loop that takes the arrays of `Backend.formula_loss`, and so many numbers."""
    key = (formula, numbers)
    if key in _loops:
        return _loops[key]
    name = f"{_name(formula)}_of_batch"
    source = LOSS.format(
        name=name,
        numbers=_listed("n", numbers),
        reals=_reals(numbers, "outputs.dtype"),
        values=_listed("r", numbers),
    )
    return _made(key, name, source)


@kernel
def sum_squares(first, last, vector, sums):
    """Add up the squares of each block of the vector, in order."""
    for block in range(first, last):
        part = 0.0
        for i in range(block * BLOCK, min((block + 1) * BLOCK, vector.size)):
            part += np.float64(vector[i]) * np.float64(vector[i])
        sums[block] = part


@kernel
def clip(first, last, vector, sums, limit):
    """Scale the vector, whose blocks have such squares, so that its norm is at most `limit`.

    One that is not finite stays as it is.
    """
    squares = 0.0
    for block in range(sums.size):
        squares += sums[block]
    norm = np.sqrt(squares)
    if norm > limit and np.isfinite(norm):
        factor = vector.dtype.type(limit / norm)
        for i in range(first, last):
            put(vector, i, item(vector, i) * factor)


@overload(where)
def _where(condition, a, b):
    """A choice; a whole number beside a real one takes its type."""
    kind = a if isinstance(a, types.Float) else b
    return lambda condition, a, b: kind(a) if condition else kind(b)


def _listed(letter: str, count: int) -> str:
    return ", ".join(f"{letter}{number}" for number in range(count))


def _reals(count: int, dtype: str) -> str:
    """Statement that rounds the numbers to the arrays' dtype: NumPy scalars cost more to pass."""
    return "; ".join(f"r{number} = {dtype}.type(n{number})" for number in range(count)) or "pass"


def _name(formula: Formula) -> str:
    """Another one for every formula, since by it Numba tells apart what it keeps."""
    code = formula.__code__
    what = (code.co_code, code.co_consts, code.co_names, ELEMENTWISE, LOSS, OPTIONS)
    digest = hashlib.sha256(repr(what).encode())
    words = re.sub(r"\W+", "_", formula.__qualname__)
    return f"{words}_{digest.hexdigest()[:8]}"


def _made(key: tuple, name: str, source: str) -> Any:
    """Compile a loop as if it stood in the formula's file, whose change makes its cache stale.

    A formula that is no function of a module may be another one next time: it is not kept.
    """
    formula = key[0]
    with _making:
        if key not in _loops:
            try:
                file = inspect.getfile(formula)
            except TypeError:
                file = "<unknown>"
            within = {"formula": inlined(formula), "item": item, "put": put}
            within["__name__"] = formula.__module__
            exec(compile(source, file, "exec"), within)
            keep = "<" not in formula.__qualname__ and os.path.exists(file)
            _loops[key] = kernel(within[name], keep=keep)
    return _loops[key]


def _after_fork() -> None:
    """A child of fork has none of the threads that may have held the lock."""
    global _making
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
