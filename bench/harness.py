"""Contestants take turns at a work, each in a process of its own.

All processes of a case are started, built and compared before any is timed; then one runs at a
time, in rounds: the others are stopped, because waiting threads of OpenMP and BLAS may spin for up
to 200 ms. A process may use the first `threads` cores and no others, and its pools are told so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from .contestants import CONTESTANTS, OURS, Contestant
from .works import Layer, Work, to_record

#: Share of the machine's memory that a contestant's weights may take.
SHARE = 0.25
#: A contestant whose step takes longer is not asked for a larger work of the same suite.
TOO_SLOW = 20.0
#: Seconds of each burst, and of the calls before it that are not measured: a process that was
#: stopped comes back to cold caches and, after long, to pages that the system has taken from it.
BURST, WARM_UP = 0.1, 0.3
#: Agreement, as a share of the largest value: of outputs and gradients, and of how a loss falls,
#: where Adam turns the rounding of the smallest gradients into whole steps.
OUTPUT_TOLERANCE, FALL_TOLERANCE = 1e-4, 0.03


@dataclass(frozen=True)
class Case:
    """A work, with how many threads, by whom."""

    work: Work
    threads: int
    contestants: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What one contestant did of one case.

    `note` is empty, or says why there are no times. Times are seconds per call: one of each round
    and part. `first` holds those of each part's first call, with all compilation; memory is bytes,
    after the imports and at most, and at most on a GPU.
    """

    case: Case
    contestant: str
    note: str = ""
    seconds: dict[str, list[float]] | None = None
    first: float = 0.0
    build: float = 0.0
    base: int = 0
    peak: int = 0
    device: int = 0

    @property
    def parts(self) -> dict[str, list[float]]:
        """Seconds by part; "all" is their sum where there are several."""
        seconds = self.seconds or {}
        if len(seconds) < 2:
            return seconds
        return {**seconds, "all": [sum(turn) for turn in zip(*seconds.values(), strict=True)]}


def measure(cases: list[Case], rounds: int) -> Iterator[Record]:
    """Records of all cases, in order; cases should grow."""
    slow: dict[str, float] = {}
    for case in cases:
        for record in _measure(case, rounds, slow):
            times = [t for part in (record.seconds or {}).values() for t in part]
            if times and max(times) > TOO_SLOW:
                slow[record.contestant] = max(times)
            yield record


def missing(contestant: Contestant) -> list[str]:
    """Its packages that are not installed."""
    return [names for names in contestant.packages if not any(map(_installed, names.split(" | ")))]


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _measure(case: Case, rounds: int, slow: dict[str, float]) -> Iterator[Record]:
    with ExitStack() as stack:
        workers = []
        for name in (OURS, *(name for name in case.contestants if name != OURS)):
            reason = _why_not(CONTESTANTS[name], case.work, slow)
            if reason:
                yield Record(case, name, reason)
            else:
                workers.append(stack.enter_context(Worker(case, name)))
        able = []
        for worker in workers:
            worker.ready = worker.answer()
            worker.pause()
            reason = worker.ready.get("error") or _difference(case, worker, workers[0])
            if reason and worker is workers[0]:
                raise RuntimeError(f"{OURS} at {case.work}: {reason}")
            if reason:
                yield Record(case, worker.name, reason)
            else:
                able.append(worker)
        turns: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in able}
        for _ in range(rounds):
            for worker in list(able):
                answer = worker.ask("turn")
                if "error" in answer:
                    yield Record(case, worker.name, answer["error"])
                    able.remove(worker)
                else:
                    turns[worker.name].append(answer)
        for worker in able:
            answers, ready = turns[worker.name], worker.ready
            seconds = {part: [answer[part] for answer in answers] for part in answers[0]}
            first, memory = sum(ready["first"].values()), worker.end()
            known = (ready["build"], ready["base"], memory["peak"], memory["device"])
            yield Record(case, worker.name, "", seconds, first, *known)


def _why_not(contestant: Contestant, work: Work, slow: dict[str, float]) -> str:
    """Why it does not take part; empty if it does."""
    absent = missing(contestant)
    if absent:
        return f"not installed: {', '.join(absent)}"
    if not contestant.can_do(work):
        return "does no such work"
    needed = contestant.needs(work)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > SHARE * total:
        return f"would need {needed / 1e9:.0f} GB for its weights"
    if contestant.name in slow:
        return f"took {slow[contestant.name]:.0f} s at a smaller size"
    return ""


def _difference(case: Case, worker: Worker, ours: Worker) -> str:
    """How its results differ from ours; empty where they do not."""
    if worker.ready["cores"] != case.threads or any(
        threads > case.threads for threads in worker.ready["threads"].values()
    ):
        return f"uses {worker.ready['threads']}, not {case.threads} threads"
    for what in ("outputs", "proof"):
        own, reference = (w.ready[what] for w in (worker, ours))
        if own is None or reference is None:
            continue
        if len(own) != len(reference):
            return f"its {what} has another size than ours"
        falls = what == "proof" and not isinstance(case.work, Layer)
        tolerance = FALL_TOLERANCE if falls else OUTPUT_TOLERANCE
        difference = np.max(np.abs(np.subtract(own, reference))) / np.max(np.abs(reference))
        if not difference <= tolerance:
            return f"its {what} differs from ours by {difference:.2g} of the largest value"
    return ""


class Worker:
    """A process with one contestant, killed at the end of the context."""

    ready: dict[str, Any]

    def __init__(self, case: Case, name: str) -> None:
        self.name = name
        pools = ("OMP", "MKL", "OPENBLAS", "NUMBA", "NUMEXPR")
        environment = {f"{pool}_NUM_THREADS": str(case.threads) for pool in pools}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        cores = sorted(os.sched_getaffinity(0))[: case.threads]
        if len(cores) < case.threads:
            raise ValueError(f"{case.threads} threads on {len(cores)} cores: give at most those")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        task = {"contestant": name, "work": to_record(case.work)}
        self.send(task | {"burst": BURST, "warm_up": WARM_UP})

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, message: object) -> None:
        """One line."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def pause(self) -> None:
        """Stop it until it is asked again."""
        self.process.send_signal(signal.SIGSTOP)

    def answer(self) -> dict[str, Any]:
        """One line; an error where the process has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with {self.process.wait()}"}

    def ask(self, message: object) -> dict[str, Any]:
        """Answer to a line."""
        self.process.send_signal(signal.SIGCONT)
        self.send(message)
        answer = self.answer()
        self.pause()
        return answer

    def end(self) -> dict[str, Any]:
        """Its last answer."""
        assert self.process.stdin
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        answer = self.answer()
        self.process.stdin = None  # so that communicate does not flush what is closed
        return answer
