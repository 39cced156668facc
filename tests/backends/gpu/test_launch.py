"""Compiling and launching kernels."""

import numpy as np
import pytest

from sparsedend import backends
from sparsedend.errors import InputError
from tests.backends.gpu.test_device import module
from tests.emulation import library


def add_one(x):
    return x + 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            RuntimeError("CuPy failed to load libnvrtc.so.13:\nOSError: no such file"),
            r"runtime compiler.*libnvrtc.*pip install",
        ),
        (
            library.CompileException("nvrtc: error: failed to load builtins"),
            r"runtime compiler.*builtins.*pip install",
        ),
        (
            RuntimeError("Failed to find CUDA headers.\nPlease install the CUDA Toolkit"),
            r"CUDA's headers, .* are missing \(Failed to find CUDA headers\. Please.*pip install",
        ),
        (PermissionError(13, "Permission denied"), r"kernels cannot be kept.*CUPY_CACHE_DIR"),
    ],
)
def test_kernels_cannot_be_made(emulated, monkeypatch, error, message):
    def get_function(self, name):
        raise error

    monkeypatch.setattr(library.RawModule, "get_function", get_function)
    backend = backends.create("cupy")
    x = backend.zeros(3, np.float32)
    with pytest.raises(InputError, match=message):
        backend.elementwise(add_one, (x,), (x,))


def test_other_errors_are_not_hidden(emulated, monkeypatch):
    def get_function(self, name):
        raise library.CompileException("error: identifier 'z' is undefined")

    monkeypatch.setattr(library.RawModule, "get_function", get_function)
    backend = backends.create("cupy")
    x = backend.zeros(3, np.float32)
    with pytest.raises(library.CompileException, match="undefined"):
        backend.elementwise(add_one, (x,), (x,))


def test_each_kernel_is_compiled_once(emulated, monkeypatch):
    """For each way of storing activations that there is among its arguments."""
    compiled = []

    class Module(library.RawModule):
        def __init__(self, *, code, options):
            compiled.append(options[1:])
            super().__init__(code=code, options=options)

    monkeypatch.setattr(library, "RawModule", Module)
    backend = backends.create("cupy")
    for dtype in (np.float32, np.float64, np.float16, np.float32):
        x = backend.zeros(3, dtype)
        for _ in range(2):
            backend.elementwise(add_one, (x,), (x,))
            np.testing.assert_array_equal(backend.fetch(x) > 0, True)
    options = module(backend, "program").OPTIONS
    assert compiled == [options[name][1:] for name in ("float32", "float64", "float16")]
