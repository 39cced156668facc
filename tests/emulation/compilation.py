"""Kernels in CUDA C, compiled for the host by ``cuda.h``."""

import atexit
import ctypes
import functools
import itertools
import re
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .builds import BUILD, COMPILER, run

#: Nothing may be done twice or once for two: a call has one address for each place in the program.
PLACES = ("-fno-thread-jumps", "-fno-crossjumping", "-fno-optimize-sibling-calls")
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-Wall", "-Wextra", *PLACES, *BUILD.flags)
FOLDER = Path(__file__).parent
SHIM, SCHEDULER = FOLDER / "cuda.h", FOLDER / "fibers.cc"
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
#: Declarations of shared memory, which is made anew for each block.
SHARED = re.compile(r"(?:alignas\(\d+\) )?__shared__ ([\w ]+?) (\w+)((?:\[[^]]*\])*);")
DECLARED = (
    r"auto& \2 = fibers::shared<\1\3>([]() -> const void* { static char here; return &here; }());"
)


class Parameter(NamedTuple):
    """What a kernel takes: a number, or an array that it may write to or not."""

    dtype: np.dtype
    pointer: bool
    written: bool


@functools.cache
def compiled(code, options):
    """Library of the kernels, and their parameters by name."""
    code = SHARED.sub(DECLARED, FLOAT16.sub(r"\3 = \1_of_\2(\4);", code))
    # Sanitizers look into it when they report.
    source = _folder() / f"kernels{next(_numbers)}.cc"
    source.write_text(code)
    flat = run(COMPILER, "-E", "-P", *options, "-D__launch_bounds__(...)=", source)
    found = re.findall(r'extern "C" __global__ void\s+(\w+)\s*\(([^)]*)\)', flat)
    flush = str(BUILD.flush and "-DREAL=double" not in options).lower()
    entries = "".join(
        f'\nextern "C" const char* launch_{name}(void** arguments, int x, int y, int block)'
        f" {{ return fibers::launch({name}, arguments, x, y, block, {flush}); }}"
        for name, _ in found
    )
    source.write_text(f"#include <{SHIM.name}>\n{code}{entries}\n")
    given = ("-Werror", "-Wno-unknown-pragmas", f"-I{_precompiled()}", *options)
    target = source.with_suffix(".so")
    run(COMPILER, "-shared", *FLAGS, *given, source, _scheduler(), "-o", target)
    real = next((each.split("=")[1] for each in options if each.startswith("-DREAL=")), None)
    known = TYPES | ({"real": TYPES[real]} if real else {})
    if "-DFLOAT16" not in options and real:
        known["stored"] = known["real"]
    return ctypes.CDLL(str(target)), {name: _parameters(text, known) for name, text in found}


_numbers = itertools.count()


@functools.cache
def _folder():
    """For what is compiled once."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


@functools.cache
def _precompiled():
    """Folder of the shim as a precompiled header, which takes two thirds off each compilation."""
    header = _folder() / SHIM.name
    header.write_text(f'#include "{SHIM}"\n')
    run(COMPILER, "-x", "c++-header", *FLAGS, header)
    return _folder()


@functools.cache
def _scheduler():
    """What runs the threads of a block, a library that all kernels are linked with."""
    target = _folder() / "fibers.so"
    run(COMPILER, "-std=c++17", "-O2", "-fPIC", "-Wall", "-shared", SCHEDULER, "-o", target)
    return target


def _parameters(text, known):
    found = []
    for parameter in text.split(","):
        words = parameter.replace("*", " * ").split()
        name = " ".join(word for word in words[:-1] if word not in ("*", "const", "__restrict__"))
        pointer = "*" in words
        found.append(Parameter(np.dtype(known[name]), pointer, pointer and words[0] != "const"))
    return found
