"""Kernels in CUDA C, compiled for the host by ``cuda.h``."""

import atexit
import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

COMPILER = shutil.which("g++")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra")
SHIM = Path(__file__).with_name("cuda.h")
TYPES = {
    "int": np.int32,
    "int64": np.int64,
    "long long": np.int64,
    "float4": np.float32,
    "float": np.float32,
    "double": np.float64,
    "unsigned": np.uint32,
    "unsigned char": np.uint8,
    "pixel": np.uint16,
    "stored": np.float16,
}
#: Instructions that convert float16, which `cuda.h` has as functions.
FLOAT16 = re.compile(
    r'asm\("cvt\.(?:rn\.)?(f\d+)\.(f\d+) %0, %1;" : "=\w"\((.*?)\) : "\w"\((.*?)\)\);'
)


@functools.cache
def compiled(code, options):
    """Library of the kernels, and the types of their parameters by name."""
    with tempfile.TemporaryDirectory() as folder:
        code = FLOAT16.sub(r"\3 = \1_of_\2(\4);", code)
        source, target = Path(folder) / "kernels.cc", Path(folder) / "kernels.so"
        source.write_text(code)
        flat = _run(COMPILER, "-E", "-P", *options, "-D__launch_bounds__(...)=", source)
        found = re.findall(r'extern "C" __global__ void\s+(\w+)\s*\(([^)]*)\)', flat)
        entries = "".join(
            f'\nextern "C" int launch_{name}(void** arguments, int x, int y, int block)'
            f" {{ return fibers::launch({name}, arguments, x, y, block); }}"
            for name, _ in found
        )
        source.write_text(f"#include <{SHIM.name}>\n{code}{entries}\n")
        errors = ("-Werror", "-Wno-unknown-pragmas", f"-I{_precompiled()}")
        _run(COMPILER, "-shared", *FLAGS, *errors, *options, source, "-o", target)
        real = next((each.split("=")[1] for each in options if each.startswith("-DREAL=")), None)
        known = TYPES | ({"real": TYPES[real]} if real else {})
        if "-DFLOAT16" not in options and real:
            known["stored"] = known["real"]
        return ctypes.CDLL(str(target)), {name: _types(text, known) for name, text in found}


@functools.cache
def _precompiled():
    """Folder of the shim as a precompiled header, which takes two thirds off each compilation."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    header = Path(folder) / SHIM.name
    header.write_text(f'#include "{SHIM}"\n')
    _run(COMPILER, "-x", "c++-header", *FLAGS, header)
    return folder


def _run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _types(parameters, known):
    """(dtype, whether a pointer) of each parameter."""
    found = []
    for parameter in parameters.split(","):
        words = re.sub(r"\bconst\b", "", parameter).replace("*", " * ").split()
        name = " ".join(word for word in words[:-1] if word != "*")
        found.append((np.dtype(known[name]), "*" in words))
    return found
