"""What keeps CuPy from working is told in one way."""

import sys

import pytest

from sparsedend import backends
from sparsedend.errors import InputError
from tests.emulation import library


def test_cupy_is_missing():
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[cuda13\]'"):
        backends.create("cupy")


@pytest.mark.parametrize(
    "error", [ImportError("libcublas.so.13 is missing"), ValueError("numpy.dtype size changed")]
)
def test_cupy_is_broken(monkeypatch, error):
    class Finder:
        @staticmethod
        def find_spec(name, *_):
            if name == "cupy":
                raise error

    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(InputError, match=rf"cannot be imported \({type(error).__name__}: {error}"):
        backends.create("cupy")
    assert backends.create("auto").name == "numba"


@pytest.mark.parametrize("devices", [0, None])
def test_a_device_is_missing(emulated, monkeypatch, devices):
    def count():
        if devices is None:
            raise library.CUDARuntimeError("cudaErrorInsufficientDriver")
        return devices

    monkeypatch.setattr(library.runtime, "getDeviceCount", count)
    with pytest.raises(InputError, match=r"no CUDA device was found.*nvidia-smi"):
        backends.create("cupy")
    assert backends.create("auto").name == "numba"


def test_half_storage_is_a_gpus():
    with pytest.raises(InputError, match=r"backend 'numba' stores no half activations"):
        backends.create("numba", half=True)
