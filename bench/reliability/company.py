"""Threads and forks that use networks, files and trainings at once, as a seed will have it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import sparsedend as sd
from sparsedend import checkpoint

from .children import wrong_with_a_child
from .page import Section, table
from .works import ROOT

TITLE = "Threads and forks"
#: Seconds after which a case counts as hanging.
SECONDS = 180
MODELS = ("dann-r", "dann-lrf", "pdann", "vann", "sann")
OUTCOMES = ("equal", "other bits", "traceback", "crash", "hang")
#: How a process ends that got other bits.
OTHER = 3


def measured(cases: int, seed: int) -> Section:
    """Do so many cases, each in a process of its own."""
    counts: Counter[tuple[str, str]] = Counter()
    bad = []
    for case in range(seed, seed + cases):
        backend = ("numba", "numpy")[case % 2]
        command = [sys.executable, "-m", "bench.reliability.company", str(case), backend]
        try:
            ended = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
            )
            outcome = _outcome(ended.returncode)
        except subprocess.TimeoutExpired:
            outcome = "hang"
        counts[backend, outcome] += 1
        if outcome != "equal":
            last = ended.stderr.splitlines()[-1:] if outcome != "hang" else []
            bad.append(f"company {case} {backend}: {', '.join([outcome, *last])}")
    lines = [
        f"From seed {seed} on, in {cases} processes: 2 to 8 threads on one network and its copies "
        "predict, evaluate, train, save, read, go on from a checkpoint, or fork and do the same "
        "there; every answer must be that of one call after the other.",
        "",
        *table(
            ["backend", *OUTCOMES],
            [
                [backend, *(counts[backend, outcome] for outcome in OUTCOMES)]
                for backend in ("numba", "numpy")
            ],
        ),
    ]
    return Section(TITLE, lines, bad)


def _outcome(code: int) -> str:
    if code < 0:
        return "crash"
    return {0: "equal", OTHER: "other bits"}.get(code, "traceback")


class Company:
    """What threads share, and what each answer must be.

    Parameters
    ----------
    seed : int
    backend : {"numba", "numpy"}
    folder : Path
        For checkpoints.
    """

    def __init__(self, seed: int, backend: str, folder: Path) -> None:
        self.rng = np.random.default_rng(seed)
        self.x = self.rng.integers(0, 256, (300, 6, 6, 1), np.uint8)
        self.y = self.rng.integers(0, 3, 300)
        engine = sd.backends.create(backend, int(self.rng.integers(1, 3)))
        sizes = {"dendrites": 2, "somata": 6, "synapses": 4}
        model = str(self.rng.choice(MODELS))
        self.network = sd.models.build(model, (6, 6, 1), 3, backend=engine, seed=seed, **sizes)
        self.path = folder / "shared.h5"
        self.own = folder
        self._save(self.path)
        self.size = int(self.rng.integers(1, 300))
        #: What each kind of work answers with nobody beside it.
        self.works: tuple[Callable[[], Any], ...] = (
            self._predict,
            self._evaluate,
            self._train,
            self._resume,
            self._save_again,
            self._read,
        )
        self.expected = [work() for work in self.works]

    def _predict(self) -> bytes:
        return sd.predict(self.network, self.x[: self.size], raw=True).tobytes()

    def _evaluate(self) -> Any:
        return sd.evaluate(self.network, self.x[: self.size], self.y[: self.size])

    def _train(self) -> bytes:
        twin = self.network.copy()
        sd.fit(twin, self.x, self.y, epochs=2, training=sd.Training(batch_size=50))
        return twin.parameters.tobytes()

    def _resume(self) -> bytes:
        """On through a file that nobody else knows."""
        path = self.own / f"{os.getpid()}-{threading.get_ident()}.h5"
        twin, training = self.network.copy(), sd.Training(batch_size=50)
        sd.fit(twin, self.x, self.y, epochs=1, training=training)
        sd.save(twin, path, training=training)
        state = checkpoint.read(path, backend=self.network.backend)
        path.unlink()
        sd.fit(state.network, self.x, self.y, epochs=2, training=state.training)
        return state.network.parameters.tobytes()

    def _save(self, path: Path) -> None:
        sd.save(self.network, path, about={"by": "all"})

    def _save_again(self) -> bool:
        """A file that all write and read: whole whenever it is looked at."""
        self._save(self.path)
        return True

    def _read(self) -> bytes:
        return sd.load(self.path, backend=self.network.backend).parameters.tobytes()

    def right(self, work: int) -> bool:
        """Whether a kind of work answers as it did alone."""
        return bool(self.works[work]() == self.expected[work])

    def meet(self) -> bool:
        """Let threads and forks work beside each other; whether all answered alike."""
        plans = [
            [(int(work), bool(fork)) for work, fork in zip(works, forks, strict=True)]
            for works, forks in (
                (self.rng.integers(0, len(self.works), 8), self.rng.random(8) < 0.15)
                for _ in range(int(self.rng.integers(2, 9)))
            )
        ]

        def follow(plan: list[tuple[int, bool]]) -> bool:
            equal = True
            for work, fork in plan:
                if fork:
                    told = wrong_with_a_child(lambda work=work: self.right(work))
                    if told:
                        raise RuntimeError(f"a child that did {self.works[work].__name__} {told}")
                else:
                    equal &= self.right(work)
            return equal

        with ThreadPoolExecutor(len(plans)) as pool:
            return all(list(pool.map(follow, plans)))


def main() -> int:
    """One case: a seed, and a backend."""
    with tempfile.TemporaryDirectory() as folder:
        met = Company(int(sys.argv[1]), sys.argv[2], Path(folder)).meet()
    return 0 if met else OTHER


if __name__ == "__main__":
    sys.exit(main())
