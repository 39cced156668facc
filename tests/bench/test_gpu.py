"""All that is measured on a GPU, at tiny sizes on its double: that it runs, not how fast."""

import importlib
import sys

import pytest

import bench
from bench import harness, machine, measurements, roofline, store
from bench.contestants import CUPY, GPU_RIVALS
from bench.options import Options
from bench.suites import SUITES, Suite
from bench.works import Dendritic
from tests.conftest import child

WORK = Dendritic(20, 2, 4, synapses=3, batch=16)
#: A contestant's process in which the double stands for CuPy, and PyTorch stays on the host.
CHILD = """
import sys
from dataclasses import replace
from tests.emulation import library
for name in ("cupy", "cupyx", "cupyx.scipy", "cupyx.scipy.sparse"):
    sys.modules[name] = library
from bench import worker
from bench.contestants import CUPY, runner
for name, each in worker.CONTESTANTS.items():
    worker.CONTESTANTS[name] = each if name == CUPY else replace(each, device="cpu")
runner.QUEUED = 4
worker.main()
"""


@pytest.fixture
def double(emulated, monkeypatch):
    """The double, in the processes of contestants too, which do little."""
    installed = machine.installed
    monkeypatch.setattr(machine, "installed", lambda name: "cupy" in name or installed(name))
    monkeypatch.setattr(harness, "COMMAND", [sys.executable, "-c", CHILD])
    monkeypatch.setattr(harness, "BURST", 0.001)
    monkeypatch.setattr(harness, "WARM_UP", 0.001)
    device = importlib.import_module("bench.device")
    monkeypatch.setattr(device, "L2_BYTES", 2**16)
    monkeypatch.setattr(device, "COPY_BYTES", 2**16)
    yield
    del sys.modules["bench.device"], bench.device


def test_contestants_agree_and_their_memory_on_the_device_counts(double, monkeypatch, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is the rival")
    suite = Suite("gpu-tiny", "?", (WORK,), (CUPY, *GPU_RIVALS[:2]), slice(1), page="gpu-tiny")
    options = Options(tmp_path, threads=1, rounds=2)
    measurements.measure_suite(suite, options)
    rows, facts = store.load_rows(tmp_path, "gpu-tiny")
    assert [row.contestant for row in rows if row.seconds] == [CUPY, *GPU_RIVALS[:2]]
    assert rows[0].device > 4 * WORK.connections
    assert "none, 1 multiprocessors" in facts["device"]


def test_each_kernel_has_its_share_of_a_ceiling(double, monkeypatch, tmp_path):
    monkeypatch.setitem(roofline.WORKS, "gpu-kernels", (WORK,))
    measurements.run(["gpu-kernels"], Options(tmp_path, quick=True))
    text = (tmp_path / "gpu-kernels.md").read_text()
    assert text.count("| D=2, S=4, batch 16 | ") == 7
    assert "GB/s in memory" in text


def test_trainings_alone_and_side_by_side(double, tmp_path):
    small = {"dataset": "digits", "seeds": [1], "epochs": 1, "dendrites": 2, "somata": 4}
    options = Options(tmp_path)
    measurements.fmnist.gpu_epoch(options, **small)
    text = (tmp_path / "gpu-fmnist.md").read_text()
    assert "| cupy | " in text
    assert "| numba | " in text
    measurements.fmnist.gpu_grid(options, **(small | {"dendrites": [1, 2], "model": "dann-r"}))
    assert "2 runs, 2 finished" in (tmp_path / "gpu-grid.md").read_text()


def test_without_numba_the_gpu_s_own_results_are_kept(double, monkeypatch, tmp_path, capsys):
    for name in [name for name in sys.modules if name.startswith("sparsedend.backends.cpu")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    small = {"dataset": "digits", "seeds": [1], "epochs": 1, "dendrites": 2, "somata": 4}
    measurements.fmnist.gpu_epoch(Options(tmp_path), **small)
    text = (tmp_path / "gpu-fmnist.md").read_text()
    assert "| cupy | " in text
    assert "| numba | " not in text
    assert "numba is left out" in capsys.readouterr().out


def test_what_fails_does_not_end_the_others(monkeypatch, tmp_path, capsys):
    def absent(options):
        raise ImportError("no such package")

    def broken(options):
        raise ZeroDivisionError

    done = []
    for name, measure in (("gpu-a", absent), ("gpu-b", broken), ("gpu-c", done.append)):
        made = measurements.Measurement(measure, name)
        monkeypatch.setitem(measurements.MEASUREMENTS, name, made)
    assert measurements.run(["gpu-a", "gpu-b", "gpu-c"], Options(tmp_path)) == ["gpu-b"]
    assert done == [Options(tmp_path)]
    assert "gpu-a is not measured: no such package" in capsys.readouterr().out


def test_the_parts_of_the_gpu_s_command():
    named = {name.removeprefix("gpu-") for name in measurements.MEASUREMENTS if "gpu-" in name}
    assert named == {"step", "kernels", "scale", "fmnist", "grid"}
    assert SUITES["gpu-step"].contestants[0] == CUPY


def test_the_gpu_s_command_starts_where_numba_cannot_be_imported():
    child("import sys; sys.modules['numba'] = None; import bench.gpu")
