"""Predict with a network that sparsedend wrote beside this file; needs NumPy alone.

import NAME  # of NAME.py and NAME.npz

network = NAME.load()
outputs = NAME.predict(network, x)
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

#: What a network's file holds, by name.
Arrays = dict[str, np.ndarray]

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "leaky-relu": lambda x, slope: np.where(x > 0, x, np.float32(slope) * x),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-abs(x))),
}
#: Samples computed at once, so that the products of all connections take little memory.
BATCH = 100


def load(path: str | Path | None = None) -> Arrays:
    """Arrays of a network: of the .npz file beside this one, if no path is given."""
    with np.load(path or Path(__file__).with_suffix(".npz")) as file:
        return dict(file)


def predict(network: Arrays, x: np.ndarray) -> np.ndarray:
    """Outputs, (samples, outputs) float32; ``network["gives"]`` says what they are.

    Parameters
    ----------
    network : dict
        From `load`.
    x : (samples, …) floating
        What ``network["takes"]`` says.
    """
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise ValueError(f"x is {x.dtype}: give floating numbers, pixels of bytes divided by 255")
    x = x.reshape(len(x), int(network["inputs"])).astype(np.float32)
    starts = range(0, max(len(x), 1), BATCH)
    return np.concatenate([forward(network, x[n : n + BATCH]) for n in starts])


def forward(network: Arrays, x: np.ndarray) -> np.ndarray:
    """Outputs of one batch, (samples, inputs) float32."""
    for step in network["steps"]:
        kind, *numbers = str(step).split()
        if kind == "softmax":
            x = np.exp(x - x.max(axis=1, keepdims=True))
            x /= x.sum(axis=1, keepdims=True)
        elif kind in FUNCTIONS:
            x = FUNCTIONS[kind](x, *map(float, numbers))
        elif f"{kind}.indptr" in network:
            x = sparse(x, *(network[f"{kind}.{part}"] for part in ("data", "indices", "indptr")))
            x += network[f"{kind}.bias"]
        else:
            x = x @ network[f"{kind}.data"].T + network[f"{kind}.bias"]
    return x


def sparse(x: np.ndarray, data: np.ndarray, indices: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """Products of samples with the rows of a CSR matrix."""
    sums = np.zeros((len(x), len(indptr) - 1), np.float32)
    filled = np.diff(indptr) > 0  # NumPy would take a row without connections for one of one.
    sums[:, filled] = np.add.reduceat(x[:, indices] * data, indptr[:-1][filled], axis=1)
    return sums
