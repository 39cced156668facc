"""CUDA C made into machine code as CuPy makes it, and that made readable: no device is needed."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: Numbers next to nothing are 0: so CuPy compiles.
FLUSH = "-ftz=true"
#: All that CuPy adds to a program's own options.
CUPY = (FLUSH, "--device-as-default-execution-space")
#: What ptxas is asked to say; the code does not depend on it.
PTXAS = ("--verbose", "--warn-on-spills")


class Compiled(NamedTuple):
    """A program for one architecture: its cubin, and what the compiler said."""

    cubin: bytes
    log: str


def compiled(code: str, options: tuple[str, ...], architecture: int) -> Compiled:
    """Compile a program by NVRTC.

    Parameters
    ----------
    code : str
    options : tuple of str
        The program's own.
    architecture : int
        90 of sm_90.

    Raises
    ------
    ImportError
        Where there is no NVRTC.
    ValueError
        Where the program is not accepted, or the compiler warns of something.
    """
    library, program = _loaded(), ctypes.c_void_p()
    told = [f"--ptxas-options={option}" for option in PTXAS]
    given = [f"-arch=sm_{architecture}", *CUPY, *told, *options]
    texts = (ctypes.c_char_p * len(given))(*(each.encode() for each in given))
    _succeed(library.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"", 0, None, None))
    try:
        failed = library.nvrtcCompileProgram(program, len(texts), texts)
        log = _bytes(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program)
        said = log.rstrip(b"\0").decode()
        if failed or "warning" in said:
            raise ValueError(said)
        return Compiled(_bytes(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program), said)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def disassembled(cubin: bytes) -> str:
    """Text of a cubin's instructions, by nvdisasm.

    Raises
    ------
    ImportError
        Where there is no nvdisasm.
    """
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [nvdisasm(), "--print-code", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def version() -> str:
    """Of NVRTC; ImportError where there is none."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _succeed(_loaded().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


@cache
def nvrtc() -> Path:
    """NVIDIA's runtime compiler, of pip or of the toolkit; ImportError where there is none."""
    compiler = shutil.which("nvcc")
    toolkit = [Path(compiler).resolve().parents[1] / "lib64"] if compiler else []
    found = _first("libnvrtc.so.*", [*_packages(), *toolkit])
    if found is None:
        raise ImportError("no NVRTC: pip install nvidia-cuda-nvrtc, or install the CUDA toolkit")
    return found


@cache
def _loaded() -> ctypes.CDLL:
    for each in nvrtc().parent.glob("libnvrtc-builtins.so.*"):
        ctypes.CDLL(str(each))  # It is asked for by its name alone, and found if it is there.
    return ctypes.CDLL(str(nvrtc()))


@cache
def nvdisasm() -> Path:
    """NVIDIA's disassembler, on the path or of pip; ImportError where there is none."""
    on_path = shutil.which("nvdisasm")
    found = Path(on_path) if on_path else _first("nvdisasm", _packages())
    if found is None:
        raise ImportError(
            "no nvdisasm: pip install nvidia-cuda-nvdisasm, or install the CUDA toolkit"
        )
    return found


def _packages() -> list[Path]:
    """Folders where pip puts what is NVIDIA's."""
    package = importlib.util.find_spec("nvidia")
    return [Path(each) for each in (package.submodule_search_locations or ())] if package else []


def _first(name: str, folders: list[Path]) -> Path | None:
    return next((path for folder in folders for path in sorted(folder.rglob(name))), None)


def _bytes(size_of: ctypes._CFuncPtr, copy: ctypes._CFuncPtr, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _succeed(size_of(program, ctypes.byref(size)))
    room = ctypes.create_string_buffer(size.value)
    _succeed(copy(program, room))
    return room.raw


def _succeed(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC returned {status}")
