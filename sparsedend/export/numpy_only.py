"""Arrays for NumPy alone, and a program of one page that predicts with them.

The .npz file holds, of dtype float32 unless said otherwise:

``steps``
    Texts, one a step: the name of a matrix, or a function with its numbers ("leaky-relu 0.1").
``NAME.data``, ``NAME.bias``
    Weights, (outputs, inputs), and biases, (outputs,), of the matrix NAME; where it is sparse also
    ``NAME.indices`` and ``NAME.indptr``, int32 or int64, and its weights are (nnz,), in CSR form.
``inputs``
    Values of a sample, an integer.
``takes``, ``gives``
    Texts: what inputs and outputs are.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import write
from ..network import Network
from . import template
from .output import check_free
from .steps import Linear, Program, Step, program


def npz(network: Network, path: str | Path, *, raw: bool = False, overwrite: bool = False) -> None:
    """Write a network as arrays, and beside them a predictor that needs NumPy alone.

    ``net.npz`` gets ``net.py``, which says how it is used. It takes floating numbers as `predict`
    computes with: of images the pixels row by row, bytes divided by 255. It returns
    (samples, outputs) float32: probabilities where the network's loss has them, else values. What
    the arrays are stands in `sparsedend.export.numpy_only`.

    Parameters
    ----------
    network : Network
    path : str or Path
        Ends in .npz.
    raw : bool
        Whether to return the outputs of ``predict(…, raw=True)`` instead.
    overwrite : bool
        Whether to replace files.

    Raises
    ------
    InputError
        Where the path does not end in .npz, a layer or the loss is the user's own, a parameter is
        not finite in float32, or a file exists or cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"'{path}' does not end in .npz: give such a name, the program gets .py")
    code = path.with_suffix(".py")
    check_free(path, code, overwrite=overwrite)
    memory = io.BytesIO()
    np.savez(memory, **_arrays(program(network, raw=raw)))
    write(path, memory.getvalue())
    write(code, Path(template.__file__).read_bytes())


def _arrays(of: Program) -> dict[str, Any]:
    arrays = {
        "steps": np.array([_text(step) for step in of.steps]),
        "inputs": np.array(of.inputs),
        "takes": np.array(of.takes),
        "gives": np.array(of.gives),
    }
    for step in of.linear:
        arrays |= {f"{step.name}.data": step.weights, f"{step.name}.bias": step.bias}
        if step.structure is not None:
            arrays[f"{step.name}.indices"] = step.structure.indices
            arrays[f"{step.name}.indptr"] = step.structure.indptr
    return arrays


def _text(step: Step) -> str:
    if isinstance(step, Linear):
        return step.name
    return " ".join([step.kind, *map(str, step.numbers)])
