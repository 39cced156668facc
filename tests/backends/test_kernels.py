"""Every kernel compiles for two generations of GPUs, with no warning and no spilled register."""

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from sparsedend.backends.gpu import formulas, program
from tests.backends.gpu.formulas import FORMULAS, LOSSES

NVCC = shutil.which("nvcc")
ARCHITECTURES = (80, 90)
#: As CuPy compiles.
CUPY = ("-ftz=true",)
PTXAS = ("--verbose", "--warn-on-spills")


def nvrtc():
    """Path of NVIDIA's compiler as a library, of pip or of the toolkit; None if nowhere."""
    package = importlib.util.find_spec("nvidia")
    folders = [*(package.submodule_search_locations if package else ())]
    if NVCC:
        folders.append(Path(NVCC).resolve().parents[1] / "lib64")
    found = (path for folder in folders for path in Path(folder).rglob("libnvrtc.so.*"))
    return next(found, None)


def log_of_nvcc(code, options, folder):
    if NVCC is None:
        pytest.skip("no nvcc: install the CUDA toolkit")
    source = folder / "kernels.cu"
    source.write_text(code)
    command = [
        *(NVCC, "--fatbin", "--threads", "2", "-o", "/dev/null"),
        *(f"-gencode=arch=compute_{each},code=sm_{each}" for each in ARCHITECTURES),
        *("-Werror", "all-warnings", "-Xptxas", ",".join(PTXAS), *CUPY, *options, source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def log_of_nvrtc(code, options, folder):
    path = nvrtc()
    if path is None:
        pytest.skip("no NVRTC: pip install nvidia-cuda-nvrtc, or install the CUDA toolkit")
    library = ctypes.CDLL(str(path))
    return "".join(log_of_program(library, code, options, each) for each in ARCHITECTURES)


def log_of_program(library, code, options, architecture):
    made = ctypes.c_void_p()
    ptxas = [f"--ptxas-options={option}" for option in PTXAS]
    given = (f"-arch=sm_{architecture}", "--device-as-default-execution-space", *CUPY, *ptxas)
    texts = [option.encode() for option in (*given, *options)]
    source = code.encode()
    assert library.nvrtcCreateProgram(ctypes.byref(made), source, b"", 0, None, None) == 0
    failed = library.nvrtcCompileProgram(made, len(texts), (ctypes.c_char_p * len(texts))(*texts))
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(made, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(made, log)
    library.nvrtcDestroyProgram(ctypes.byref(made))
    text = log.value.decode()
    assert not failed, text
    assert "warning" not in text, text
    return text


def kernels_of_formulas(stored):
    """One program of all kernels of formulas, each in a namespace: to compile each takes long."""
    stored = "stored" if stored == "float16" else "real"
    made = {
        name: formulas.elementwise(
            formula, ("real",) * (outputs - 1) + (stored,), (stored,) * inputs, numbers, rates
        )
        for name, (formula, inputs, outputs, rates, numbers) in FORMULAS.items()
    }
    bodies = [each.code.removeprefix(program.text(program.ELEMENTWISE)) for each in made.values()]
    for formula, numbers in LOSSES.values():
        code = formulas.loss(formula, numbers).code
        bodies.append(code.removeprefix(program.text(program.LOSSES)))
    spaces = [f"namespace n{number} {{\n{body}\n}}" for number, body in enumerate(bodies)]
    return "\n".join([program.text(program.LOSSES), *spaces])


#: Programs by name: the text for activations that are stored so, and how many kernels at least.
PROGRAMS = {
    "operations": (lambda stored: program.text(program.OPERATIONS), 18),
    "epochs": (lambda stored: program.text(program.EPOCHS), 1),
    "formulas": (kernels_of_formulas, len(FORMULAS) + len(LOSSES)),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("stored", program.OPTIONS)
@pytest.mark.parametrize("log_of", [log_of_nvcc, log_of_nvrtc], ids=["nvcc", "nvrtc"])
def test_kernels_compile(tmp_path, log_of, stored, name):
    code, kernels = PROGRAMS[name]
    log = log_of(code(stored), program.OPTIONS[stored], tmp_path)
    spills = [line for line in log.splitlines() if "spill" in line]
    assert len(spills) >= kernels * len(ARCHITECTURES)
    assert all("0 bytes spill stores, 0 bytes spill loads" in line for line in spills), log


def test_every_kernel_is_in_a_program():
    used = {*program.OPERATIONS, *program.EPOCHS, *program.ELEMENTWISE, *program.LOSSES}
    assert used == {path.name for path in program.KERNELS.iterdir()}
