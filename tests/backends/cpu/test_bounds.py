"""The raw loads of the kernels stay inside their arrays, also at odd shapes."""

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

LOADS = """
import numba, numpy as np
import tests.backends.cpu.bounds
from sparsedend.backends.cpu.simd import item, load, store

@numba.njit
def moved(array, offset):
    store(array, 0, load(array, offset, 16))
    return item(array, offset)

print(moved(np.ones(40), {}))
"""


def ended(tmp_path, *command):
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path),
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_OPT": "1",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("offset", [0, 24])
def test_what_lies_inside_is_loaded(tmp_path, offset):
    done = ended(tmp_path, "-c", LOADS.format(offset))
    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr


@pytest.mark.parametrize("offset", [-1, 25, 2**40])
def test_what_lies_outside_ends_the_process(tmp_path, offset):
    assert -ended(tmp_path, "-c", LOADS.format(offset)).returncode in (
        signal.SIGILL,
        signal.SIGTRAP,
    )


@pytest.mark.long
@pytest.mark.parametrize(
    "tests",
    [
        ["tests/backends/test_operations.py", "-k", "not double and not cupy"],
        ["tests/layers", "tests/losses", "tests/training/test_fit.py"],
        ["tests/backends/test_recording.py", "tests/test_session.py", "tests/test_samples.py"],
    ],
    ids=lambda tests: tests[0],
)
def test_no_kernel_leaves_its_arrays(tmp_path, tests):
    plugin = "-p", "tests.backends.cpu.bounds"
    done = ended(tmp_path, "-m", "pytest", "-q", "-n0", *plugin, *tests)
    assert done.returncode == 0, done.stdout[-3000:]
