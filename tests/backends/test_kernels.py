"""Every kernel compiles for two generations of GPUs, with no warning and no spilled register."""

import shutil
import subprocess

import pytest

from sparsedend.backends import cuda

NVCC = shutil.which("nvcc")


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("real", cuda.OPTIONS)
def test_kernels_compile(tmp_path, architecture, real):
    if NVCC is None:
        pytest.skip("no nvcc, which compiles the kernels: install the CUDA toolkit")
    command = [
        *(NVCC, "--cubin", f"-arch={architecture}", "-o", tmp_path / "kernels.cubin"),
        *("-Werror", "all-warnings", "-Xptxas", "--verbose,--warn-on-spills"),
        *(*cuda.OPTIONS[real], cuda.SOURCE),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    spills = [line for line in done.stderr.splitlines() if "spill" in line]
    assert len(spills) > 20
    assert all("0 bytes spill stores, 0 bytes spill loads" in line for line in spills), done.stderr
