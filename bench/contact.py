"""All that is to be known of a GPU at first contact: ``python -m bench.contact [--minutes 25]``.

The tests that are marked for a device, those again under NVIDIA's compute-sanitizer, and all that
``python -m bench.gpu`` measures: each part in a process of its own, with its share of the time.
What it said and found is in the folder as soon as it ends, and nothing that fails ends the others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import machine

TESTS = ("-q", "-n0", "-m", "gpu", "--color=no", "-p", "no:cacheprovider")
DEVICE = (
    "from sparsedend.backends import cuda\n"
    "cuda.library()\n"
    "from bench import device\n"
    "print(device.facts())\n"
)
#: Each array has memory of its own: in a part of CuPy's pool its ends would be nobody's.
UNPOOLED = (
    "import sys, cupy, pytest\n"
    "cupy.cuda.set_allocator(None)\n"
    f"sys.exit(pytest.main({list(TESTS)}))\n"
)


class Part(NamedTuple):
    """A command, and the seconds that it may take."""

    name: str
    seconds: float
    command: Sequence[str]


def parts(output: Path) -> list[Part]:
    """What is done, in order of what must be known first."""
    python = (sys.executable, "-u")
    checked = ("compute-sanitizer", "--error-exitcode", "9", "--tool")

    def measured(name: str, seconds: float) -> Part:
        return Part(name, seconds, (*python, "-m", "bench.gpu", name, "--output", str(output)))

    return [
        Part("nvidia-smi", 20, ("nvidia-smi",)),
        Part("device", 20, (*python, "-c", DEVICE)),
        Part("tests", 240, (*python, "-m", "pytest", *TESTS)),
        measured("kernels", 90),
        measured("step", 180),
        Part("memcheck", 300, (*checked, "memcheck", *python, "-c", UNPOOLED)),
        Part("racecheck", 240, (*checked, "racecheck", *python, "-c", UNPOOLED)),
        measured("fmnist", 90),
        measured("scale", 120),
        measured("grid", 180),
    ]


def run(todo: Sequence[Part], output: Path, seconds: float) -> bool:
    """Do the parts within so much time; whether all went well.

    Parameters
    ----------
    todo : sequence of Part
    output : Path
        Folder, made if need be: ``<part>.log`` gets what each prints, ``contact.md`` how it ended.
    seconds : float
    """
    output.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    facts = machine.facts()
    rows: list[list[str]] = []
    for part in todo:
        began = time.monotonic()
        result = _ended(part, output / f"{part.name}.log", min(part.seconds, end - began))
        rows.append([part.name, result, f"{time.monotonic() - began:.0f}"])
        print(f"{part.name}: {result}", flush=True)
        table = machine.table(["part", "result", "s"], rows)
        text = "\n\n".join(["# First contact", table, machine.lines(facts)])
        (output / "contact.md").write_text(text + "\n", encoding="utf-8")
    return all(result == "well" for _, result, _ in rows)


def _ended(part: Part, log: Path, seconds: float) -> str:
    """Run a part, and how it ended."""
    if seconds <= 0:
        return "not run: no time was left"
    if shutil.which(part.command[0]) is None:
        return f"not run: {part.command[0]} is not installed"
    with log.open("wb") as said:
        process = subprocess.Popen(
            part.command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            status = process.wait(seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)  # With all that it has started.
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"stopped after {seconds:.0f} s"
            raise
    return f"failed ({status})" if status else "well"


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=25, help="for all, 25 if not given")
    parser.add_argument("--output", type=Path, default=machine.RESULTS / "contact", help="folder")
    given = parser.parse_args()
    sys.exit(0 if run(parts(given.output), given.output, given.minutes * 60) else 1)


if __name__ == "__main__":
    main()
