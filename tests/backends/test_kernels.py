"""Every kernel compiles for two generations of GPUs, with no warning and no spilled register."""

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from sparsedend.backends import cuda

NVCC = shutil.which("nvcc")
PTXAS = ("--verbose", "--warn-on-spills")


def nvrtc():
    """Path of NVIDIA's compiler as a library, where pip installed it; None if nowhere."""
    package = importlib.util.find_spec("nvidia")
    folders = package.submodule_search_locations if package else ()
    return next((path for folder in folders for path in Path(folder).rglob("libnvrtc.so.*")), None)


def log_of_nvcc(architecture, options):
    command = [
        *(NVCC, "--cubin", f"-arch={architecture}", "-o", "/dev/null"),
        *("-Werror", "all-warnings", "-Xptxas", ",".join(PTXAS), *options, cuda.SOURCE),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def log_of_nvrtc(path, architecture, options):
    library, program = ctypes.CDLL(str(path)), ctypes.c_void_p()
    ptxas = [f"--ptxas-options={option}" for option in PTXAS]
    texts = [option.encode() for option in (f"-arch={architecture}", *ptxas, *options)]
    source, name = cuda.SOURCE.read_bytes(), cuda.SOURCE.name.encode()
    assert library.nvrtcCreateProgram(ctypes.byref(program), source, name, 0, None, None) == 0
    failed = library.nvrtcCompileProgram(
        program, len(texts), (ctypes.c_char_p * len(texts))(*texts)
    )
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    text = log.value.decode()
    assert not failed, text
    assert "warning" not in text, text
    return text


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("real", cuda.OPTIONS)
def test_kernels_compile(architecture, real):
    options = cuda.OPTIONS[real]
    if NVCC:
        log = log_of_nvcc(architecture, options)
    elif path := nvrtc():
        log = log_of_nvrtc(path, architecture, options)
    else:
        pytest.skip("no CUDA compiler: install the CUDA toolkit, or pip install nvidia-cuda-nvrtc")
    spills = [line for line in log.splitlines() if "spill" in line]
    assert len(spills) > 20
    assert all("0 bytes spill stores, 0 bytes spill loads" in line for line in spills), log
