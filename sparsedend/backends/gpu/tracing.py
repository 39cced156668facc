"""Formulas, followed once with symbols for numbers, as statements of CUDA C."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ...errors import InputError
from ..formulas import Formula, results

#: What may be done with numbers, and what makes a truth of them or takes truths.
NUMBERS = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.power: "pow({}, {})",
    np.square: "{0} * {0}",
    np.reciprocal: "1 / {}",
    np.exp: "exp({})",
    np.expm1: "expm1({})",
    np.log: "log({})",
    np.log1p: "log1p({})",
    np.sqrt: "sqrt({})",
    np.tanh: "tanh({})",
    np.absolute: "fabs({})",
    np.sign: "sign({})",
    np.minimum: "minimum({}, {})",
    np.maximum: "maximum({}, {})",
}
COMPARISONS = {
    np.greater: "{} > {}",
    np.greater_equal: "{} >= {}",
    np.less: "{} < {}",
    np.less_equal: "{} <= {}",
    np.equal: "{} == {}",
    np.not_equal: "{} != {}",
}
TRUTHS = {
    np.logical_and: "{} && {}",
    np.logical_or: "{} || {}",
    np.logical_not: "!{}",
    np.bitwise_and: "{} && {}",
    np.bitwise_or: "{} || {}",
    np.invert: "!{}",
}
#: Powers that NumPy knows a shorter way to.
POWERS = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}
ALLOWED = (
    "use + - * / **, comparisons, `where`, and np.exp, expm1, log, log1p, sqrt, tanh, abs, sign, "
    "minimum and maximum"
)


class Statements(NamedTuple):
    """A formula in CUDA C.

    Attributes
    ----------
    lines : list of str
        Statements, in order.
    results : tuple of (Symbol or number)
        What it returns.
    """

    lines: list[str]
    results: tuple[Any, ...]


class _Refusal(Exception):  # noqa: N818
    """What a formula does cannot be done in a kernel."""


class Symbol(NDArrayOperatorsMixin):
    """A number, or a truth, that is known when the kernel runs.

    Parameters
    ----------
    lines : list of str
        Statements so far, to which each operation adds one.
    name : str
        Of the variable.
    truth : bool
    """

    def __init__(self, lines: list[str], name: str, truth: bool = False) -> None:
        self.lines = lines
        self.name = name
        self.truth = truth

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Symbol:
        """A symbol of the result of a NumPy function, which all operators are."""
        if method != "__call__" or named:
            raise _Refusal(f"it uses np.{ufunc.__name__} with more than numbers")
        if ufunc is np.power and not isinstance(inputs[1], Symbol) and inputs[1] in POWERS:
            ufunc, inputs = POWERS[inputs[1]], inputs[:1]
        if ufunc in TRUTHS:
            return self._said(True, TRUTHS[ufunc], *map(truth, inputs))
        if ufunc in COMPARISONS:
            return self._said(True, COMPARISONS[ufunc], *map(number, inputs))
        if ufunc in NUMBERS:
            return self._said(False, NUMBERS[ufunc], *map(number, inputs))
        raise _Refusal(f"it uses np.{ufunc.__name__}")

    def traced_where(self, condition: Any, a: Any, b: Any) -> Symbol:
        """`formulas.where` of symbols."""
        return self._said(False, "{} ? {} : {}", truth(condition), number(a), number(b))

    def _said(self, is_truth: bool, expression: str, *operands: str) -> Symbol:
        name, kind = f"t{len(self.lines)}", "bool" if is_truth else "real"
        value = expression.format(*operands)
        self.lines.append(f"[[maybe_unused]] const {kind} {name} = {value};")
        return Symbol(self.lines, name, is_truth)

    def __bool__(self) -> bool:
        raise _Refusal("it asks for the truth of a number that is not known yet, as `if` does")

    def __float__(self) -> float:
        raise _Refusal("it wants the value of a number that is not known yet, as `math` does")

    __int__ = __index__ = __float__


def number(operand: Any) -> str:
    """A symbol or a plain number as a real number of CUDA C."""
    if isinstance(operand, Symbol):
        return f"real({operand.name})" if operand.truth else operand.name
    if not isinstance(operand, bool | int | float | np.generic):
        raise _Refusal(f"it uses {operand!r}, which is no number")
    constant = float(operand)
    if not math.isfinite(constant):
        raise _Refusal(f"it has the constant {constant}")
    return f"real({constant!r})"


def truth(operand: Any) -> str:
    """A symbol or a plain number as a truth of CUDA C."""
    if not isinstance(operand, Symbol):
        return "true" if operand else "false"
    return operand.name if operand.truth else f"({operand.name} != 0)"


def trace(formula: Formula, arguments: Sequence[str], count: int) -> Statements:
    """Follow a formula with symbols of these names for its arguments.

    Raises
    ------
    InputError
        Where it does what no kernel can do, or returns another number of results than `count`.
    """
    lines: list[str] = []
    try:
        found = results(formula(*(Symbol(lines, name) for name in arguments)))
    except (_Refusal, TypeError, AttributeError) as error:
        raise InputError(
            f"no kernel can be made of formula '{name_of(formula)}' ({error}): {ALLOWED}"
        ) from error
    if len(found) != count:
        raise InputError(
            f"formula '{name_of(formula)}' returns {len(found)} values where {count} are wanted: "
            "return one for each"
        )
    return Statements(lines, found)


def name_of(formula: Formula) -> str:
    """What a formula is called in its file."""
    return getattr(formula, "__qualname__", type(formula).__name__)
