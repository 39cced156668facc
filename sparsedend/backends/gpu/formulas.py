"""Kernels made of formulas."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ..formulas import Formula
from . import program
from .tracing import Statements, name_of, number, trace, truth

ELEMENTWISE = """
struct Results {{
    real v[{count}];
}};

__device__ inline Results formula({parameters}) {{
    {statements}
    return {{{{{results}}}}};
}}

extern "C" __global__ void __launch_bounds__(THREADS)
    {name}({arguments}, int64 size) {{
    int64 i = element();
    if (i >= size) return;
    Results z = formula({values});
    {puts}
}}
"""

LOSS = """
__device__ inline Judgement formula({parameters}) {{
    {statements}
    return {{{results}}};
}}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    {name}(const stored* outputs, const real* targets, const int64* order, const real* weights,
           int weighted, int samples, int rows, int width, real* delta,
           double* totals{arguments}) {{
    __shared__ double partial[3][THREADS];
    judge(outputs, targets, order, weights, weighted, samples, rows, width, delta, partial, totals,
          [=](real output, real target) {{ return formula(output, target{values}); }});
}}
"""


class Made(NamedTuple):
    """A kernel that was made of a formula: its name, and its program."""

    name: str
    code: str


@lru_cache(maxsize=256)
def elementwise(
    formula: Formula, outputs: tuple[str, ...], inputs: tuple[str, ...], numbers: int, rates: int
) -> Made:
    """Kernel of `Backend.elementwise`.

    It takes the inputs, the outputs, the rates, if there are any, as an array of float64, the
    numbers as reals, and the number of elements.

    Parameters
    ----------
    formula : callable
    outputs, inputs : tuple of {"real", "stored"}
        How each array lies in memory.
    numbers, rates : int
        How many there are of each.

    Raises
    ------
    InputError
        Where no kernel can be made of the formula.
    """
    reads = [f"x{i}" for i in range(len(inputs))]
    rated = [f"r{i}" for i in range(rates)]
    fixed = [f"n{i}" for i in range(numbers)]
    found = trace(formula, reads + rated + fixed, len(outputs))
    name = f"elementwise_{_identifier(formula)}"
    arguments = [
        *(f"const {kind}* in{i}" for i, kind in enumerate(inputs)),
        *(f"{kind}* out{i}" for i, kind in enumerate(outputs)),
        *(["const double* rates"] if rates else []),
        *(f"real {each}" for each in fixed),
    ]
    values = [
        *(f"value(in{i}[i])" for i in range(len(inputs))),
        *(f"real(rates[{i}])" for i in range(rates)),
        *fixed,
    ]
    code = ELEMENTWISE.format(
        name=name,
        count=len(outputs),
        parameters=_parameters(reads + rated + fixed),
        statements=_statements(found),
        results=", ".join(map(number, found.results)),
        arguments=", ".join(arguments),
        values=", ".join(values),
        puts="\n    ".join(f"put(out{i} + i, z.v[{i}]);" for i in range(len(outputs))),
    )
    return Made(name, program.text(program.ELEMENTWISE) + code)


@lru_cache(maxsize=256)
def loss(formula: Formula, numbers: int) -> Made:
    """Kernel of `Backend.formula_loss`, with so many numbers after its other arguments.

    Raises
    ------
    InputError
        Where no kernel can be made of the formula.
    """
    fixed = [f"n{i}" for i in range(numbers)]
    found = trace(formula, ["output", "target", *fixed], 3)
    value, gradient, right = found.results
    name = f"loss_{_identifier(formula)}"
    code = LOSS.format(
        name=name,
        parameters=_parameters(["output", "target", *fixed]),
        statements=_statements(found),
        results=f"{number(value)}, {number(gradient)}, {truth(right)}",
        arguments="".join(f", real {each}" for each in fixed),
        values="".join(f", {each}" for each in fixed),
    )
    return Made(name, program.text(program.LOSSES) + code)


def _parameters(names: list[str]) -> str:
    return ", ".join(f"[[maybe_unused]] real {name}" for name in names)


def _statements(found: Statements) -> str:
    return "\n    ".join(found.lines)


def _identifier(formula: Formula) -> str:
    """The formula's name, for whoever looks at what runs."""
    return re.sub(r"\W+", "_", name_of(formula), flags=re.ASCII).strip("_")
