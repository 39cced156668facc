"""Every kernel compiles for two generations of GPUs, with no warning and no spilled register."""

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from sparsedend.backends import cuda

NVCC = shutil.which("nvcc")
ARCHITECTURES = (80, 90)
PTXAS = ("--verbose", "--warn-on-spills")


def nvrtc():
    """Path of NVIDIA's compiler as a library, where pip installed it; None if nowhere."""
    package = importlib.util.find_spec("nvidia")
    folders = package.submodule_search_locations if package else ()
    return next((path for folder in folders for path in Path(folder).rglob("libnvrtc.so.*")), None)


def log_of_nvcc(options):
    command = [
        *(NVCC, "--fatbin", "--threads", "2", "-o", "/dev/null"),
        *(f"-gencode=arch=compute_{each},code=sm_{each}" for each in ARCHITECTURES),
        *("-Werror", "all-warnings", "-Xptxas", ",".join(PTXAS), *options, cuda.SOURCE),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def log_of_nvrtc(path, architecture, options):
    library, program = ctypes.CDLL(str(path)), ctypes.c_void_p()
    ptxas = [f"--ptxas-options={option}" for option in PTXAS]
    texts = [option.encode() for option in (f"-arch=sm_{architecture}", *ptxas, *options)]
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


@pytest.mark.parametrize("stored", cuda.OPTIONS)
def test_kernels_compile(stored):
    options = cuda.OPTIONS[stored]
    if NVCC:
        log = log_of_nvcc(options)
    elif path := nvrtc():
        log = "\n".join(log_of_nvrtc(path, each, options) for each in ARCHITECTURES)
    else:
        pytest.skip("no CUDA compiler: install the CUDA toolkit, or pip install nvidia-cuda-nvrtc")
    spills = [line for line in log.splitlines() if "spill" in line]
    assert len(spills) > 20 * len(ARCHITECTURES)
    assert all("0 bytes spill stores, 0 bytes spill loads" in line for line in spills), log
