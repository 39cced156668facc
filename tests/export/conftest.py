"""The formats, each as a function that gives outputs of samples."""

import ctypes
import runpy
import subprocess

import numpy as np
import pytest

import sparsedend as sd
from tests.export.networks import C_FLAGS

Floats = ctypes.POINTER(ctypes.c_float)


@pytest.fixture
def in_onnx(tmp_path):
    """What onnxruntime makes of samples with a network's graph."""
    onnx = pytest.importorskip("onnx", reason="no onnx: pip install onnx")
    runtime = pytest.importorskip("onnxruntime", reason="no onnxruntime: pip install onnxruntime")

    def outputs(network, x, **options):
        path = tmp_path / "net.onnx"
        sd.export.onnx(network, path, overwrite=True, **options)
        onnx.checker.check_model(str(path), full_check=True)
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(["output"], {"features": x})[0]

    return outputs


@pytest.fixture
def in_numpy(tmp_path):
    """What the program that was written makes of samples, with the arrays beside it."""

    def outputs(network, x, **options):
        sd.export.npz(network, tmp_path / "net.npz", **options)
        names = runpy.run_path(str(tmp_path / "net.py"))
        return names["predict"](names["load"](), x)

    return outputs


@pytest.fixture
def in_c(tmp_path):
    """What compiled C makes of samples."""

    def outputs(network, x, *, compiler="gcc", **options):
        source, library = tmp_path / "net.c", tmp_path / "net.so"
        sd.export.c(network, source, **options)
        command = [compiler, *C_FLAGS, "-shared", "-fPIC", source, "-o", library, "-lm"]
        subprocess.run(command, check=True)
        predict = ctypes.CDLL(str(library)).net_predict
        predict.argtypes, predict.restype = [Floats, Floats], None
        found = np.full((len(x), network.outputs + 1), np.nan, np.float32)
        before = x.copy()
        for sample, row in zip(x, found, strict=True):
            predict(sample.ctypes.data_as(Floats), row.ctypes.data_as(Floats))
        np.testing.assert_array_equal(x, before)
        assert np.isnan(found[:, -1]).all(), "nothing is written after the output"
        return found[:, :-1]

    return outputs
