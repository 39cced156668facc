"""ONNX: sparse matrices as Gather, Mul and ReduceSum, so that no missing connection is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import write
from ..network import Network
from ..version import __version__
from .output import check_free
from .steps import Function, Linear, Program, program

#: The oldest in which ReduceSum and Softmax are what they are now, and its file format.
OPSET, IR_VERSION = 13, 7
#: Bytes that a file may have (protobuf's limit), those of the graph itself apart.
MOST_BYTES = 2**31 - 2**20

OPERATORS = {
    "leaky-relu": "LeakyRelu",
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "softmax": "Softmax",
}


def onnx(network: Network, path: str | Path, *, raw: bool = False, overwrite: bool = False) -> None:
    """Write a network as an ONNX graph of opset 13.

    Its input is ``features``, (batch, inputs) float32 for any batch, numbers as `predict` computes
    with: of images the pixels row by row, bytes divided by 255. Its output is ``output``,
    (batch, outputs) float32: probabilities where the network's loss has them, else values. Rows of
    a sparse matrix with nearly equal numbers of connections are padded to the same.

    Parameters
    ----------
    network : Network
    path : str or Path
    raw : bool
        Whether the output is that of ``predict(…, raw=True)`` instead.
    overwrite : bool
        Whether to replace a file.

    Raises
    ------
    InputError
        Where the package onnx is not installed, a layer or the loss is the user's own, a parameter
        is not finite in float32, the file would have 2 GiB or exists, or it cannot be written.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    graph = _Graph(_library(), program(network, raw=raw))
    write(path, graph.serialized())


def _library() -> Any:
    try:
        import onnx
    except ImportError:
        raise InputError(
            "onnx, which writes graphs, is not installed: pip install 'sparsedend[export]'"
        ) from None
    return onnx


class _Graph:
    """Nodes and constants, as they are added.

    Activations are feature-major, (features, batch), as elsewhere in this package, and the sums of
    gathered inputs go over the first axis: so onnxruntime copies and adds whole rows, which takes
    batches of 128 a fifth of the time.
    """

    def __init__(self, library: Any, program: Program) -> None:
        self.onnx, self.program = library, program
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray] = {}

    def serialized(self) -> bytes:
        """The file's bytes."""
        helper, of = self.onnx.helper, self.program
        x = self._node("Transpose", ["features"], "inputs")
        for number, step in enumerate(of.steps):
            if isinstance(step, Linear):
                x = self._linear(step, x)
            else:
                x = self._function(step, x, f"step{number}_{OPERATORS[step.kind].lower()}")
        self._node("Transpose", [x], "output")
        size = sum(values.nbytes for values in self.constants.values())
        if size > MOST_BYTES:
            raise InputError(
                f"the graph would have {size:,} bytes, of which ONNX takes {MOST_BYTES:,} at most: "
                "export a smaller network, or another format"
            )
        real = self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "sparsedend",
            [helper.make_tensor_value_info("features", real, ["batch", of.inputs], of.takes)],
            [helper.make_tensor_value_info("output", real, ["batch", of.outputs], of.gives)],
            [self.onnx.numpy_helper.from_array(*each[::-1]) for each in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="sparsedend",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        return model.SerializeToString()

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        node = self.onnx.helper.make_node(operator, inputs, [output], **attributes)
        self.nodes.append(node)
        return output

    def _constant(self, name: str, values: NDArray) -> str:
        self.constants[name] = values
        return name

    def _function(self, step: Function, x: str, name: str) -> str:
        attributes = {"alpha": step.numbers[0]} if step.kind == "leaky-relu" else {}
        attributes |= {"axis": 0} if step.kind == "softmax" else {}
        return self._node(OPERATORS[step.kind], [x], name, **attributes)

    def _linear(self, step: Linear, x: str) -> str:
        name = step.name
        bias = self._constant(f"{name}_bias", step.bias[:, None])
        if step.structure is None:
            weights = self._constant(f"{name}_weights", step.weights)
            return self._node("Gemm", [weights, x, bias], name)
        if step.even and step.in_order:
            sums = self._tree(step, x)
        else:
            groups = alike(step.fan_in)
            parts = [self._rows(step, rows, x, f"{name}_rows{n}") for n, rows in enumerate(groups)]
            sums = parts[0]
            if len(groups) > 1:
                sums = self._node("Concat", parts, f"{name}_groups", axis=0)
                place = np.argsort(np.concatenate(groups)).astype(np.int32)
                places = self._constant(f"{name}_places", place)
                sums = self._node("Gather", [sums, places], f"{name}_sums")
        return self._node("Add", [sums, bias], name)

    def _tree(self, step: Linear, x: str) -> str:
        """Rows that share the inputs out among themselves, in order: no indices."""
        name, shape = step.name, (step.shape[0], step.fan_in[0])
        sizes = self._constant(f"{name}_shape", np.array([*shape, -1], np.int64))
        inputs = self._node("Reshape", [x, sizes], f"{name}_inputs")
        return self._sums(inputs, step.weights.reshape(shape), name, axis=1)

    def _rows(self, step: Linear, rows: NDArray, x: str, name: str) -> str:
        """Some of the rows, all as long as the longest of them."""
        assert step.structure is not None
        starts, fan_in = step.structure.indptr[rows], step.fan_in[rows]
        offsets = np.arange(max(fan_in.max(), 1))[:, None]
        # What fills a row up has its last input, and weight 0.
        last = np.maximum(starts + fan_in - 1, 0)
        positions = np.minimum(starts + offsets, last)
        weights = np.where(offsets < fan_in, step.weights[positions], np.float32(0))
        at = self._constant(f"{name}_indices", step.structure.indices[positions])
        inputs = self._node("Gather", [x, at], f"{name}_inputs")
        return self._sums(inputs, weights, name, axis=0)

    def _sums(self, inputs: str, weights: NDArray, name: str, *, axis: int) -> str:
        """Weighted sums of inputs, (rows, fan-in, batch) or (fan-in, rows, batch), over an axis."""
        constant = self._constant(f"{name}_weights", weights[:, :, None])
        products = self._node("Mul", [inputs, constant], f"{name}_products")
        along = self._constant(f"axis{axis}", np.array([axis], np.int64))
        return self._node("ReduceSum", [products, along], f"{name}_sums", keepdims=0)


def alike(fan_in: NDArray) -> list[NDArray]:
    """Rows in groups, so that padded to the longest of its group none grows by over a quarter.

    Parameters
    ----------
    fan_in : (rows,)

    Returns
    -------
    list of arrays
        Rows of each group, ascending; a row without any connection counts as of one.
    """
    lengths = np.maximum(fan_in, 1)
    left = np.argsort(-lengths, kind="stable")
    groups = []
    while left.size:
        inside = np.count_nonzero(5 * lengths[left] >= 4 * lengths[left[0]])
        groups.append(np.sort(left[:inside]))
        left = left[inside:]
    return groups
