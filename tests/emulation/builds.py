"""How kernels are compiled for the host: as for a device, exactly, or watched by a sanitizer."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from llvmlite.binding import get_host_cpu_features

COMPILER = shutil.which("g++")
#: Instructions that multiply and add, where the compiler does not take them for granted.
FMA = ("-mfma",) if get_host_cpu_features().get("fma") else ()
#: What g++ contracts by -O2, and why it would not by -O1.
CONTRACTED = ("-ffp-contract=fast", "-fexpensive-optimizations", *FMA)


@dataclass(frozen=True)
class Build:
    """How kernels are compiled.

    Attributes
    ----------
    flags : tuple of str
        Of the compiler.
    flush : bool
        Whether denormals are zeros, which CUDA has for float32 alone.
    runtime : str
        Library that a process must begin with to use the build.
    variables : dict
        What it is told.
    """

    flags: tuple[str, ...]
    flush: bool = False
    runtime: str = ""
    variables: tuple[tuple[str, str], ...] = ()


EXACT = ("-ffp-contract=off",)
#: Addresses are those of one block's memory, and then of another's.
THREAD_SANITIZER = (
    "die_after_fork=0:ignore_noninstrumented_modules=1:suppress_equal_addresses=0:exitcode=66"
)
BUILDS = {
    # CuPy gives nvrtc -ftz=true, and both contract products and sums unless told not to.
    "device": Build(CONTRACTED, flush=True),
    "exact": Build(EXACT),
    "races": Build(
        (*EXACT, "-g", "-fsanitize=thread"),
        runtime="libtsan.so",
        variables=(("TSAN_OPTIONS", THREAD_SANITIZER),),
    ),
    "bounds": Build(
        (*EXACT, "-g", "-fsanitize=address", "-fsanitize-recover=address"),
        runtime="libasan.so",
        variables=(("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0"),),
    ),
}
#: Variable that names the build of a process.
VARIABLE = "SPARSEDEND_DOUBLE"
NAME = os.environ.get(VARIABLE, "device")
BUILD = BUILDS[NAME]


def environment(name):
    """Variables of a process that compiles kernels by the build of that name."""
    build = BUILDS[name]
    made = {VARIABLE: name, **dict(build.variables)}
    if build.runtime:
        made["LD_PRELOAD"] = run(COMPILER, f"-print-file-name={build.runtime}").strip()
    return made


def run(*command):
    """What a compiler says, which is not watched by what watches this process."""
    unwatched = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=unwatched)
    assert done.returncode == 0, done.stderr
    return done.stdout
