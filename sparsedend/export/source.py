"""C99: one file of constant arrays and one function, which needs nothing but math.h."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import write
from ..network import Network
from ..version import __version__
from .output import check_free
from .steps import Function, Linear, Program, program

#: Of x, with the function's numbers as fields.
EXPRESSIONS = {
    "leaky-relu": "x > 0.0f ? x : {0} * x",
    "relu": "x > 0.0f ? x : 0.0f",
    "tanh": "tanhf(x)",
    "sigmoid": "0.5f + 0.5f * tanhf(0.5f * x)",
    "softplus": "(x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)))",
}
SOFTMAX = """
    float largest = {0}[0], total = 0.0f;
    for (uint32_t n = 1; n < {1}; n++)
        if ({0}[n] > largest)
            largest = {0}[n];
    for (uint32_t n = 0; n < {1}; n++)
        total += {0}[n] = expf({0}[n] - largest);
    for (uint32_t n = 0; n < {1}; n++)
        {0}[n] /= total;"""
#: The largest of 8-bit weights, of either sign.
LARGEST = 127
COLUMNS = 100


def c(
    network: Network,
    path: str | Path,
    *,
    name: str | None = None,
    quantize: bool = False,
    raw: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a network as a C99 file with ``void NAME_predict(const float *input, float *output)``.

    It takes one sample as `predict` computes with it: of an image the pixels row by row, bytes
    divided by 255. It leaves probabilities where the network's loss has them, else values. It
    allocates nothing, and any number of threads may call it; the comment at the top says how much
    of the stack it needs. Only the networks whose functions need it include ``math.h``.

    Parameters
    ----------
    network : Network
    path : str or Path
    name : str, optional
        NAME; that of the file, if not given.
    quantize : bool
        Whether weights are stored in 8 bits, with a scale for each dendrite, soma and class
        (symmetric: its largest weight is ±127). Biases, scales and sums stay float.
    raw : bool
        Whether to leave the outputs of ``predict(…, raw=True)`` instead, which spares ``expf``.
    overwrite : bool
        Whether to replace a file.

    Raises
    ------
    InputError
        Where the name is no identifier, a layer or the loss is the user's own, a parameter is not
        finite in float32, or the file exists or cannot be written.
    """
    path = Path(path)
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII) if name is None else name
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise InputError(
            f"'{name}' cannot begin the name of a C function: give as `name` letters, digits and "
            "underscores, a letter first"
        )
    check_free(path, overwrite=overwrite)
    lines = _lines(program(network, raw=raw), name, quantize)
    write(path, "".join(f"{line}\n" for line in lines).encode())


def _lines(of: Program, name: str, quantize: bool) -> Iterator[str]:
    body: list[str] = []
    rooms: dict[str, int] = {}
    x, size = "input", of.inputs
    for step in of.steps:
        # Each matrix has room of its name for what it gives, but the last one, which has the
        # output. Functions work in place, but never in the input.
        if isinstance(step, Linear):
            y, size = "output" if step is of.linear[-1] else step.name, step.shape[0]
            body += _product(step, x, y, quantize)
        else:
            y = "changed" if x == "input" else x
            body += _function(step, x, y, size)
        rooms[y] = size
        x = y
    del rooms["output"]
    yield f"/* A dendritic network, written by sparsedend {__version__}."
    yield f" * Input: {of.takes}.".replace("×", "x")
    yield f" * Output: {of.outputs} {of.gives}."
    yield f" * Activations take {4 * sum(rooms.values())} bytes of the stack. */"
    if any("expf(" in line or "tanhf(" in line for line in body):
        yield "#include <math.h>"
    yield "#include <stdint.h>"
    for step in of.linear:
        yield from _arrays(step, quantize)
    signature = f"void {name}_predict(const float *input, float *output)"
    declared = [f"    float {room}[{size}];" for room, size in rooms.items()]
    yield from ("", f"{signature};", "", signature, "{", *declared, *body, "}")


def _function(step: Function, x: str, y: str, size: int) -> list[str]:
    """Lines of ``y = f(x)``; softmax in place."""
    if step.kind == "softmax":
        return SOFTMAX.format(x, size).splitlines()[1:]
    expression = EXPRESSIONS[step.kind].format(*map(_literal, step.numbers))
    return [
        f"    for (uint32_t n = 0; n < {size}; n++) {{",
        f"        const float x = {x}[n];",
        f"        {y}[n] = {expression};",
        "    }",
    ]


def _product(step: Linear, x: str, y: str, quantize: bool) -> Iterator[str]:
    """Lines of ``y = W x + b``."""
    name, (rows, columns) = step.name, step.shape
    yield f"    /* {columns} -> {rows} */"
    yield "    {"
    yield f"        const {'int8_t' if quantize else 'float'} *weight = {name}_weights;"
    if step.in_order:
        yield f"        const float *x = {x};"
        factor = "*x++"
    elif step.structure is None:
        factor = f"{x}[n]"
    else:
        yield f"        const {_integer(step.structure.indices)} *index = {name}_indices;"
        factor = f"{x}[*index++]"
    count = step.fan_in[0] if step.even else f"{name}_fan_in[row]"
    total = f"{name}_scale[row] * sum" if quantize else "sum"
    yield f"        for (uint32_t row = 0; row < {rows}; row++) {{"
    yield "            float sum = 0.0f;"
    yield f"            for (uint32_t n = 0; n < {count}; n++)"
    yield f"                sum += *weight++ * {factor};"
    yield f"            {y}[row] = {total} + {name}_bias[row];"
    yield "        }"
    yield "    }"


def _arrays(step: Linear, quantize: bool) -> Iterator[str]:
    """Constants of a matrix: no indices where they count up, no fan-in where it is constant."""
    weights, name = step.weights.ravel(), step.name
    if quantize:
        weights, scale = quantized(weights, step.fan_in)
        yield from _array("int8_t", f"{name}_weights", map(str, weights))
        yield from _array("float", f"{name}_scale", map(_literal, scale))
    else:
        yield from _array("float", f"{name}_weights", map(_literal, weights))
    yield from _array("float", f"{name}_bias", map(_literal, step.bias))
    if step.structure is not None and not step.in_order:
        indices = step.structure.indices
        yield from _array(_integer(indices), f"{name}_indices", map(str, indices))
    if not step.even:
        fan_in = step.fan_in
        yield from _array(_integer(fan_in), f"{name}_fan_in", map(str, fan_in))


def quantized(weights: NDArray, fan_in: NDArray) -> tuple[NDArray, NDArray]:
    """Weights in 8 bits, and the scale of each row: ``weights ≈ integers · scale``.

    Parameters
    ----------
    weights : (nnz,) float32
        Row by row.
    fan_in : (rows,)
        Weights of each row.

    Returns
    -------
    integers : (nnz,) int8
        From -127 to 127.
    scale : (rows,) float32
        Of a row's largest weight; 0 where all are 0 or there are none.
    """
    rows = np.repeat(np.arange(fan_in.size), fan_in)
    largest = np.zeros(fan_in.size)
    np.maximum.at(largest, rows, abs(weights))
    scale = largest / LARGEST
    integers = np.rint(weights / np.where(scale > 0, scale, 1.0)[rows])
    return integers.astype(np.int8), scale.astype(np.float32)


def _array(kind: str, name: str, values: Iterable[str]) -> Iterator[str]:
    yield f"\nstatic const {kind} {name}[] = {{"
    line = "   "
    for value in values:
        if len(line) + len(value) + 2 > COLUMNS:
            yield line
            line = "   "
        line += f" {value},"
    yield line
    yield "};"


def _integer(values: NDArray) -> str:
    """The smallest type of C that holds them all."""
    return f"{np.min_scalar_type(values.max())}_t"


def _literal(value: float) -> str:
    """The shortest literal that is exactly this float."""
    return f"{np.float32(value)!s}f"
