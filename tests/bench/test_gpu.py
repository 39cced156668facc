"""All that is measured on a GPU, at tiny sizes on its double: that it runs, not how fast."""

import importlib
import sys

import pytest

TINY = {"dendrites": 2, "somata": 4}


@pytest.fixture
def part(emulated):
    """A module of the package, by name."""
    yield lambda name: importlib.import_module(f"bench.gpu.{name}")
    for name in [name for name in sys.modules if name.startswith("bench.gpu")]:
        del sys.modules[name]


def test_step_and_scale(part):
    pytest.importorskip("torch", reason="PyTorch is the rival")
    text = part("step").report(sizes=[(2, 4)], steps=3, ways=["eager"])
    assert "PyTorch eager, TF32" in text
    text = part("scale").report(somata=(3, 6), dendrites=2, inputs=20, steps=2)
    assert text.count("\n| 3 | 6 |") == 1
    assert "2.0 times the somata take" in text


def test_kernels(part, monkeypatch):
    device = part("device")
    monkeypatch.setattr(device, "L2_BYTES", 2**16)
    assert "16 GB" not in device.describe()
    limits = device.ceilings(2**16)
    assert min(limits) > 0
    text = part("kernels").report(limits, sizes=[(20, 2, 4, 16)], repeats=2)
    assert text.count(" of L2 |") == 7


def test_fmnist(part):
    small = {"dataset": "digits", "seeds": (1,), "epochs": 1}
    text = part("fmnist").report(**small, **TINY)
    assert "| cupy | " in text
    assert "| numba | " in text
    text = part("fmnist").grid_report(**small, dendrites=[1, 2], somata=[4])
    assert "6 trainings of three dANNs, 6 finished" in text
