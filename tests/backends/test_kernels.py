"""Every kernel compiles for two generations of GPUs, with no warning and no spilled register."""

import shutil
import subprocess

import pytest

from bench import cubins
from sparsedend.backends.gpu import formulas, program
from tests.backends.gpu.formulas import FORMULAS, LOSSES

NVCC = shutil.which("nvcc")
ARCHITECTURES = (80, 90)


def log_of_nvcc(code, options, folder):
    if NVCC is None:
        pytest.skip("no nvcc: install the CUDA toolkit")
    source = folder / "kernels.cu"
    source.write_text(code)
    command = [
        *(NVCC, "--fatbin", "--threads", "2", "-o", "/dev/null"),
        *(f"-gencode=arch=compute_{each},code=sm_{each}" for each in ARCHITECTURES),
        *("-Werror", "all-warnings", "-Xptxas", ",".join(cubins.PTXAS), cubins.FLUSH),
        *(*options, source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def log_of_nvrtc(code, options, folder):
    try:
        return "".join(cubins.compiled(code, options, each).log for each in ARCHITECTURES)
    except ImportError as error:
        pytest.skip(str(error))


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
