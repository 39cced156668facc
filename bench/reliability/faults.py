"""Disks that are full, broken, away or read-only, by a library that stands before the system's own.

``faults.c`` fails at the n-th call of a kind on files of one folder; a small file system in memory
is really full.
"""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .page import Section, table
from .works import WORKS, Stage, make_inputs

TITLE = "Disks that fail"
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS)
#: Calls that fail, and how often one file that is written takes them.
CALLS = {"open": 3, "write": 2, "fsync": 2, "rename": 1}
#: What a disk goes on to refuse: one that is full takes files away, and gives them names.
FULL, GONE = "open write", "open write fsync rename unlink"
UNREACHED = "none: it came not to that call"
#: Bytes of a file system in memory, and what is left of them.
SIZE, LEFT = 2**18, (0, 4096, 12288)


def measured(cases: int, seed: int) -> Section:
    """Fail so many times, and fill a file system of their own for every work among these cases."""
    numbers = range(seed, seed + cases)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name))
        library = folder / "faults.so"
        try:
            compile_into(library)
        except (OSError, subprocess.CalledProcessError) as error:
            why = getattr(error, "stderr", None) or error
            return Section(TITLE, [f"Left out, for `cc` could not compile: {why}"], [])
        make_inputs(folder / "inputs")
        stages = {
            place: Stage(WORKS[place], folder / WORKS[place].output, folder / "inputs")
            for place in sorted({case % len(WORKS) for case in numbers})
        }
        counts: Counter[tuple[str, str]] = Counter()
        bad = []
        for case in numbers:
            stage = stages[case % len(WORKS)]
            what, failed, wrong = _case(stage, folder / str(case), library, case)
            counts[stage.work.name, failed] += 1
            if wrong:
                bad.append(f"fault {case}, {stage.work.name}, {what}: {wrong}")
        full, more = _full(stages.values(), folder)
        bad += more
    columns = [errno.errorcode[number] for number in ERRORS] + [UNREACHED]
    rows = [
        [stage.work.name, *(counts[stage.work.name, column] for column in columns)]
        for stage in stages.values()
    ]
    lines = [
        f"{cases} times from seed {seed} on, a call that opens, writes, flushes or renames a file "
        "of the output's folder fails, once or from then on. Each work must end with one line and "
        "leave the older or the newer file, whole; the same command must succeed afterwards, with "
        "the same result and no file more than without a fault.",
        "",
        *table(["work", *columns], rows),
        "",
        full,
    ]
    return Section(TITLE, lines, bad)


def compile_into(library: Path) -> None:
    """Make the library of ``faults.c``."""
    options = ("-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-ldl")
    command = ["cc", str(Path(__file__).with_suffix(".c")), "-o", str(library), *options]
    subprocess.run(command, check=True, capture_output=True, text=True)


def environment(
    folder: Path, call: str, number: int, error: int, after: str, told: Path
) -> dict[str, str]:
    """What ``faults.c`` reads, as it says there."""
    return {
        "FAULT_FOLDER": str(folder),
        "FAULT_CALL": call,
        "FAULT_NUMBER": str(number),
        "FAULT_ERROR": str(error),
        "FAULT_AFTER": after,
        "FAULT_TOLD": str(told),
    }


def _case(stage: Stage, folder: Path, library: Path, seed: int) -> tuple[str, str, str]:
    """What fails in a case, how, and what was wrong."""
    rng = np.random.default_rng(seed)
    number = int(rng.choice(ERRORS))
    call = str(rng.choice(list(CALLS)))
    at = int(rng.integers(1, 1 + CALLS[call] * stage.work.saves))
    full = number in (errno.ENOSPC, errno.EDQUOT)
    after = str(rng.choice(["", FULL if full else GONE]))
    told = folder.with_suffix(".told")
    arguments = environment(folder, call, at, number, after, told)
    stage.fresh(folder)
    name = errno.errorcode[number]
    what = f"{call} {at} and {after or 'no more'} with {name}"
    try:
        ended = stage.run(folder, LD_PRELOAD=str(library), **arguments)
        if not told.exists():
            return what, UNREACHED, stage.wrong_after_all(folder, ended)
        wrong = stage.wrong_after_failing(folder, ended)
        left = [path.name for path in folder.rglob(".*")]
        if left and after != GONE:
            wrong = wrong or f"left behind {', '.join(left)}"
        return what, name, wrong or stage.wrong_after_all(folder, stage.run(folder), left)
    except subprocess.TimeoutExpired:
        return what, name, "hang"


def _full(stages: Collection[Stage], folder: Path) -> tuple[str, list[str]]:
    """A line on file systems that were full, and what was wrong."""
    bad, refused = [], 0
    for stage in stages:
        for left in LEFT:
            place = folder / f"full-{stage.work.name}-{left}"
            place.mkdir()
            try:
                with _mounted(place):
                    inner = stage.fresh(place / "folder")
                    _fill(place / "rest", left)
                    ended = stage.run(inner)
                    if ended.returncode:
                        refused += 1
                        wrong = stage.wrong_after_failing(inner, ended)
                    else:
                        wrong = stage.wrong_after_all(inner, ended)
                    (place / "rest").unlink()
                    wrong = wrong or stage.wrong_after_all(inner, stage.run(inner))
            except _CannotMountError as error:
                return f"A full tmpfs was left out, for none can be mounted: {error}.", []
            if wrong:
                bad.append(f"tmpfs with {left} bytes left, {stage.work.name}: {wrong}")
    cases = len(stages) * len(LEFT)
    return f"On a tmpfs with 0 to 12 kB left, {refused} of {cases} works were refused.", bad


class _CannotMountError(Exception):
    """Why not, in the system's words."""


@contextmanager
def _mounted(place: Path) -> Iterator[None]:
    """A small file system in memory at that place."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise _CannotMountError(" ".join(said.split()).rstrip(".")) from error
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _fill(path: Path, left: int) -> None:
    """Write a file until there is no room, and give some back."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - left))
