import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from sparsedend import connectivity, datasets, digests, layers
from sparsedend.backends import cuda
from sparsedend.errors import InputError
from sparsedend.optimizers import Optimizer
from sparsedend.structure import Structure
from tests.emulation import compilation, library, streams

ROOT = Path(__file__).parents[1]

# In the background of a script Ctrl-C is ignored, and children inherit that; tests send it to them.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """No test touches the user's own data sets."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SPARSEDEND_DATA", str(folder))
    monkeypatch.delenv("SPARSEDEND_ORIGINALS", raising=False)
    return folder


@pytest.fixture(autouse=True)
def no_gpu(request, monkeypatch):
    """Only tests that are marked for it see a GPU that is there."""
    if request.node.get_closest_marker("gpu") is None:
        monkeypatch.setitem(sys.modules, "cupy", None)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


ORIGINALS = Path(os.environ.get("SPARSEDEND_ORIGINALS", ROOT.parent / "shared" / "datasets"))


@pytest.fixture
def originals():
    """Folder of a data set's original files, by name."""

    def folder(name):
        if not (ORIGINALS / name).is_dir():
            pytest.skip(f"no original files in {ORIGINALS / name}: set SPARSEDEND_ORIGINALS")
        return ORIGINALS / name

    return folder


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits")


@pytest.fixture
def emulated(monkeypatch):
    """CuPy's double on the host in the place of CuPy, for one test."""
    if compilation.COMPILER is None:
        pytest.skip("no g++, which compiles the kernels for the host: install it")
    for name in ("cupy", "cupyx", "cupyx.scipy", "cupyx.scipy.sparse"):
        monkeypatch.setitem(sys.modules, name, library)
    before = forget_gpu()
    yield
    forget_gpu()
    sys.modules.update(before)
    streams.finish()


def forget_gpu():
    """Have the modules of the CuPy backend imported anew; those there were, by name."""
    names = [name for name in sys.modules if f"{name}.".startswith("sparsedend.backends.gpu.")]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture
def gpu():
    """A CUDA device, with CuPy. Only ``-m`` chooses such tests: none is skipped then."""
    try:
        cuda.library()
    except InputError as error:
        pytest.fail(f"a device was asked for by -m, and there is none: {error}", pytrace=False)


#: Where the CuPy backend is tested: on the host everywhere, and on a device with ``-m gpu``.
CUPY = ("emulated", pytest.param("gpu", marks=pytest.mark.gpu))


def child(code, *, timeout=100, **environment):
    """What lines of Python print in a process of their own, which must end well and in time."""
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        # Not here, where Python would find the package first.
        cwd=tempfile.gettempdir(),
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@contextmanager
def edited(path):
    """An HDF5 file to change, which has no digest then."""
    with h5py.File(path, "r+") as file:
        yield file
    content = Path(path).read_bytes()
    if content.startswith(digests.MAGIC):
        Path(path).write_bytes(content[digests.ROOM :])  # As h5unjam does.


class Still(Optimizer):
    """Changes nothing: with it, a step of a training is a forward and a backward pass."""

    kind = "still"

    def __init__(self):
        super().__init__(1.0)

    def apply(self, backend, parameters, gradients, state, rates):
        pass


def uneven(rng, rows, columns, most=9):
    """Structure with rows of 0 to `most` entries, the first and last empty."""
    fan_in = rng.integers(0, min(most, columns) + 1, rows)
    fan_in[[0, -1]] = 0
    chosen = [np.sort(rng.choice(columns, n, replace=False)) for n in fan_in]
    indptr = np.concatenate([[0], np.cumsum(fan_in)])
    return Structure(indptr, np.concatenate(chosen), (rows, columns))


def uneven_tree(rng, somata, dendrites):
    """Cables from contiguous dendrites, a different number for each soma, the second with none."""
    cuts = np.sort(rng.integers(0, dendrites + 1, somata - 1))
    cuts[1] = cuts[0]
    indptr = np.concatenate([[0], cuts, [dendrites]])
    return Structure(indptr, np.arange(dendrites), (somata, dendrites))


def small_stacks():
    """Networks of every layer, small enough for finite differences: name -> (layers, shape)."""
    rng = np.random.default_rng(5)
    return {
        "dendritic": (
            [
                layers.Dendritic(uneven(rng, 23, 30), uneven_tree(rng, 5, 23)),
                layers.Dense(5, 3),
            ],
            (5, 6, 1),
        ),
        "two blocks": (
            [
                layers.Dendritic(
                    connectivity.local(rng, (4, 4, 2), 24, 5), connectivity.tree(6, 4)
                ),
                layers.Dendritic(uneven(rng, 8, 6, 4), uneven_tree(rng, 4, 8)),
                layers.Dense(4, 4),
            ],
            (4, 4, 2),
        ),
        "sparse": (
            [
                layers.Sparse(uneven(rng, 12, 20)),
                layers.LeakyReLU(12),
                layers.Sparse(uneven(rng, 7, 12)),
                layers.LeakyReLU(7, 0.3),
                layers.Dense(7, 3),
            ],
            (4, 5, 1),
        ),
        "dropout": (
            [
                layers.Sparse(uneven(rng, 12, 20)),
                layers.LeakyReLU(12),
                layers.Dropout(12, 0.3),
                layers.Dense(12, 7),
                layers.LeakyReLU(7),
                layers.Dropout(7, 0.5),
                layers.Dense(7, 3),
            ],
            (4, 5, 1),
        ),
        "dense": (
            [layers.Dense(9, 6), layers.LeakyReLU(6), layers.Dense(6, 3)],
            (3, 3, 1),
        ),
        "activations": (
            [
                *(layers.Sparse(uneven(rng, 12, 20)), layers.Softplus(12), layers.Dropout(12, 0.3)),
                *(layers.Dense(12, 8), layers.ReLU(8), layers.Identity(8), layers.Tanh(8)),
                *(layers.Dense(8, 8), layers.Sigmoid(8), layers.Dense(8, 3), layers.Identity(3)),
            ],
            20,
        ),
        "other dendrites": (
            [
                layers.Dendritic(
                    *(uneven(rng, 17, 20), uneven_tree(rng, 6, 17)),
                    activation="tanh",
                    soma_activation="softplus",
                ),
                layers.Dropout(6, 0.2),
                layers.Dendritic(
                    *(uneven(rng, 9, 6, 4), uneven_tree(rng, 4, 9)),
                    slope=0.0,
                    soma_activation="identity",
                ),
                layers.Dense(4, 3),
            ],
            20,
        ),
    }
