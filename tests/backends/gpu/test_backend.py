"""The backend as a whole."""

import pickle

import numpy as np
import pytest

from sparsedend import backends
from sparsedend.backends import Backend, NumpyBackend
from sparsedend.errors import InputError


def test_it_inherits_no_operation(emulated):
    """Each is written in this folder, and none is the specification's."""
    kind = type(backends.create("cupy"))
    folder = kind.__module__.rpartition(".")[0]
    assert not issubclass(kind, NumpyBackend)
    for name in {*Backend.__abstractmethods__, "activations"}:
        owner = next(each for each in kind.__mro__ if name in vars(each))
        assert owner.__module__.rpartition(".")[0] == folder, name
    assert Backend.__abstractmethods__ >= {"elementwise", "batches", "limited", "clip_norm"}


def test_auto_takes_a_gpu(backend):
    assert backends.create("auto").name == "cupy"
    assert backends.create("auto", half=True).half


def test_half_storage_is_for_float32(backend):
    half = backends.create("cupy", half=True)
    assert half.activations(3, 128, np.float32).dtype == np.float16
    assert backend.activations(3, 128, np.float32).dtype == np.float32
    with pytest.raises(InputError, match=r"for float32, and the network is float64: make the"):
        half.activations(3, 128, np.float64)


@pytest.mark.parametrize("half", [False, True])
def test_copies_of_a_backend(backend, half):
    made = backends.create("cupy", 3, half=half)
    copy = pickle.loads(pickle.dumps(made))
    assert (type(copy), copy.threads, copy.half) == (type(made), 3, half)
    assert repr(copy) == f"CupyBackend(threads=3, half={half})"


@pytest.mark.parametrize(
    ("images", "dtype", "sparse", "stored"),
    [
        (np.uint8, np.float32, True, np.uint16),
        (np.uint8, np.float32, False, np.float32),
        (np.uint8, np.float64, True, np.float64),
        (np.float32, np.float32, True, np.float32),
    ],
)
def test_how_a_batch_is_kept(backend, images, dtype, sparse, stored):
    given = np.zeros((3, 5), images)
    assert backend.batch(given, 128, dtype, sparse_readers=sparse).dtype == stored
