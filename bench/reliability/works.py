"""Work that writes files: what it is given, what was there before, and what must be there after."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import sparsedend as sd
from sparsedend import checkpoint, datasets
from sparsedend.sweep import Results

ROOT = Path(__file__).parents[2]
#: Seconds after which a work counts as hanging.
SECONDS = 180
SPARSEDEND = ("-m", "sparsedend")
TRAIN = (
    *(*SPARSEDEND, "train", "dann-r", "--backend", "numpy", "--dendrites", "2", "--somata", "4"),
    *("--synapses", "3", "--output", "{output}", "--resume", "--epochs"),
)
SWEEP = ("--output", "{output}", "--backend", "numpy", "--jobs", "1", "--resume")
CONVERT = (
    *(*SPARSEDEND, "data", "convert", "own", "--labels", "{inputs}/labels.npy"),
    *("--output", "{output}", "--overwrite", "--images"),
)
SAVE = """
import sys
import sparsedend as sd
engine = sd.backends.create("numpy", 1)
seed, sizes = int(sys.argv[2]), {"dendrites": 2, "somata": 3}
network = sd.models.build("vann", 6, 3, seed=seed, backend=engine, **sizes)
try:
    sd.save(network, sys.argv[1])
except sd.InputError as error:
    sys.exit(f"Error: {error}")
"""
PREDICT = (
    *(*SPARSEDEND, "predict", "{inputs}/network.h5", "--backend", "numpy"),
    *("--output", "{output}", "--overwrite"),
)
EXPORT = (*SPARSEDEND, "export", "{inputs}/network.h5", "--to", "c")
GRID = """
model = "vann"
dendrites = 1
somata = 2
epochs = 1
keep = ["weights"]
"""


class Work(NamedTuple):
    """A command that writes a file, also once more.

    Attributes
    ----------
    name : str
    output : str
        Name of its file.
    before : tuple of str
        Arguments of Python that leave an older file, where {output} is the file and {inputs} a
        folder with what it reads.
    command : tuple of str
        The work itself.
    read : callable
        What the file at a path holds, or an error.
    saves : int
        Files that it writes, one after the other.
    alone : bool
        Whether it has its output for itself, and so removes what others left there.
    """

    name: str
    output: str
    before: tuple[str, ...]
    command: tuple[str, ...]
    read: Callable[[Path], Any]
    saves: int = 1
    alone: bool = False


def _parameters(path: Path) -> bytes:
    return checkpoint.load(path, backend=sd.backends.create("numpy", 1)).parameters.tobytes()


def _finished(path: Path) -> list[tuple[Any, ...]]:
    rows = Results.read(path).rows
    return [(row["seed"], row["test_loss"], row["kept"]) for row in rows if not row["error"]]


WORKS = (
    Work("training", "a.h5", (*TRAIN, "2"), (*TRAIN, "3"), _parameters, saves=2, alone=True),
    Work(
        *("sweep", "s.h5"),
        (*SPARSEDEND, "sweep", "{inputs}/older.toml", *SWEEP),
        (*SPARSEDEND, "sweep", "{inputs}/newer.toml", *SWEEP),
        _finished,
        saves=2,
        alone=True,
    ),
    Work(
        *("data convert", "d.h5"),
        (*CONVERT, "{inputs}/older.npy"),
        (*CONVERT, "{inputs}/newer.npy"),
        lambda path: datasets.read(path).fingerprint,
    ),
    Work(
        *("save", "n.h5"),
        ("-c", SAVE, "{output}", "1"),
        ("-c", SAVE, "{output}", "2"),
        _parameters,
    ),
    Work(
        *("predict", "p.npy"),
        (*PREDICT, "{inputs}/older.npy"),
        (*PREDICT, "{inputs}/newer.npy"),
        lambda path: np.load(path).tobytes(),
    ),
    Work(
        *("export", "e.c"),
        (*EXPORT, "--output", "{output}", "--raw"),
        (*EXPORT, "--output", "{output}", "--overwrite"),
        lambda path: path.read_bytes(),
    ),
)


def make_inputs(folder: Path) -> None:
    """Write what works read."""
    folder.mkdir()
    rng = np.random.default_rng(8)
    for name in ("older", "newer"):
        np.save(folder / f"{name}.npy", rng.integers(0, 256, (40, 6, 6, 1), np.uint8))
    np.save(folder / "labels.npy", np.arange(40) % 3)
    engine = sd.backends.create("numpy", 1)
    sizes = {"dendrites": 2, "somata": 3, "synapses": 4}
    sd.save(sd.models.build("dann-r", (6, 6, 1), 3, backend=engine, **sizes), folder / "network.h5")
    (folder / "older.toml").write_text(f"{GRID}seed = 1\n")
    (folder / "newer.toml").write_text(f"{GRID}seed = [1, 2]\n")


class Stage:
    """A work with its older file and what must be there in the end.

    Parameters
    ----------
    work : Work
    folder : Path
        To be made, for all that the work needs.
    inputs : Path
        From `make_inputs`.
    """

    def __init__(self, work: Work, folder: Path, inputs: Path) -> None:
        self.work, self.inputs = work, inputs
        self.older = folder / "older"
        self.older.mkdir(parents=True)
        self._finish(work.before, self.older)
        self.before = work.read(self.older / work.output)
        after = self.fresh(folder / "newer")
        self._finish(work.command, after)
        self.after = work.read(after / work.output)
        self.names = _names(after)

    def fresh(self, folder: Path) -> Path:
        """A copy of the folder with the older file."""
        return Path(shutil.copytree(self.older, folder))

    def begun(
        self, folder: Path, command: tuple[str, ...] | None = None, **environment: str
    ) -> subprocess.Popen:
        """Begin the work in a folder, or another command."""
        given = {"inputs": self.inputs, "output": folder / self.work.output}
        words = [
            word if "\n" in word else word.format(**given) for word in command or self.work.command
        ]
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.inputs,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, folder: Path, command: tuple[str, ...] | None = None, **environment: str
    ) -> subprocess.CompletedProcess:
        """Do the work in a folder, or another command, and wait for its end."""
        with self.begun(folder, command, **environment) as process:
            try:
                said = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, *said)

    def wrong_after_failing(self, folder: Path, ended: subprocess.CompletedProcess) -> str:
        """What is wrong with how a work ended that could not write; nothing where all is well."""
        told = [
            line for line in ended.stderr.splitlines() if line.startswith(("Error:", "failed:"))
        ]
        if "Traceback" in ended.stderr or "Exception ignored" in ended.stderr:
            return f"traceback: {ended.stderr.splitlines()[-1]}"
        if ended.returncode not in (1, 2) or len(told) != 1:
            return f"ended with {ended.returncode} and said {ended.stderr!r}"
        try:
            found = self.work.read(folder / self.work.output)
        except Exception as error:
            return f"the file cannot be read: {error}"
        return "" if found in (self.before, self.after) else "the file is neither older nor newer"

    def wrong_after_all(
        self, folder: Path, ended: subprocess.CompletedProcess, left: Collection[str] = ()
    ) -> str:
        """What is wrong after the work could be done, where files of that name were left there."""
        if ended.returncode:
            return f"ended with {ended.returncode} and said {ended.stderr!r}"
        if self.work.read(folder / self.work.output) != self.after:
            return "the file is not what it is without a fault"
        more = set(_names(folder)) ^ set(self.names)
        if not self.work.alone:
            more -= set(left)
        return f"other files than without a fault: {', '.join(sorted(more))}" if more else ""

    def _finish(self, command: tuple[str, ...], folder: Path) -> None:
        ended = self.run(folder, command)
        if ended.returncode:
            raise RuntimeError(f"{self.work.name} fails without a fault: {ended.stderr}")


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
