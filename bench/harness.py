"""Contestants take turns at a work, each in a process of its own.

All processes of a case are started, built and compared before any is timed; then one runs at a
time, in rounds: the others are stopped, because waiting threads of OpenMP and BLAS may spin for up
to 200 ms. A process may use the first `threads` cores and no others, and its pools are told so.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import machine
from .contestants import CONTESTANTS, Contestant
from .table import Row
from .works import Layer, Work, to_record

#: Share of the memory, of the machine or of its GPU, that a contestant's weights may take.
SHARE = {"cpu": 0.25, "cuda": 0.75}
#: A contestant whose step takes longer is not asked for a larger work of the same suite.
TOO_SLOW = 20.0
#: Seconds of each burst, and of the calls before it that are not measured: a process that was
#: stopped comes back to cold caches and, after long, to pages that the system has taken from it.
BURST, WARM_UP = 0.1, 0.3
#: Agreement, as a share of the largest value: of a layer's gradients, and of how a loss falls,
#: where Adam turns the rounding of the smallest gradients into whole steps.
GRADIENT_TOLERANCE, FALL_TOLERANCE = 1e-4, 0.03
#: What a contestant's process runs.
COMMAND = [sys.executable, "-m", "bench.worker"]


@dataclass(frozen=True)
class Case:
    """A work, with how many threads, by whom, beside how many busy processes.

    The first of the contestants is whom the others are compared with.
    """

    work: Work
    threads: int
    contestants: tuple[str, ...]
    busy: int = 0


def measure(cases: list[Case], rounds: int) -> Iterator[list[Row]]:
    """Rows of one contestant after the other in all cases, in order; cases should grow."""
    slow: dict[str, float] = {}
    for case in cases:
        for rows in _measure(case, rounds, slow):
            longest = max((max(row.seconds) for row in rows if row.seconds), default=0.0)
            if longest > TOO_SLOW:
                slow[rows[0].contestant] = longest
            yield rows


def missing(contestant: Contestant) -> list[str]:
    """Its packages that are not installed."""
    return [
        names
        for names in contestant.packages
        if not any(map(machine.installed, names.split(" | ")))
    ]


def _measure(case: Case, rounds: int, slow: dict[str, float]) -> Iterator[list[Row]]:
    def noted(name: str, note: str) -> list[Row]:
        if name == case.contestants[0]:
            raise RuntimeError(f"{name} at {case.work}: {note}")
        return [Row(case.work, case.threads, name, note=note)]

    with ExitStack() as stack:
        workers = []
        for name in case.contestants:
            if not CONTESTANTS[name].can_do(case.work):
                continue
            if reason := _why_not(CONTESTANTS[name], case.work, slow):
                yield noted(name, reason)
            else:
                workers.append(stack.enter_context(Worker(case, name)))
        able = []
        for worker in workers:
            worker.ready = worker.answer()
            worker.pause()
            if reason := worker.ready.get("error") or _difference(case, worker, workers[0]):
                yield noted(worker.name, reason)
            else:
                able.append(worker)
        for _ in range(case.busy):
            stack.enter_context(_spinning(case.threads))
        turns: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in able}
        for _ in range(rounds):
            for worker in list(able):
                answer = worker.ask("turn")
                if "error" in answer:
                    yield noted(worker.name, answer["error"])
                    able.remove(worker)
                else:
                    turns[worker.name].append(answer)
        for worker in able:
            yield _rows(case, worker, turns[worker.name])


@contextmanager
def _spinning(threads: int) -> Iterator[None]:
    """A busy process on the cores of the contestants."""
    command = [sys.executable, "-c", "while True: pass"]
    process = subprocess.Popen(command, **machine.confined(threads))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _rows(case: Case, worker: Worker, turns: list[dict[str, float]]) -> list[Row]:
    """A row for each part, and one for their sum where there are several."""
    seconds = {part: tuple(turn[part] for turn in turns) for part in turns[0]}
    if len(seconds) > 1:
        seconds["all"] = tuple(sum(turn.values()) for turn in turns)
    ready, memory = worker.ready, worker.end()
    known = (ready["first"], ready["build"], ready["base"], memory["peak"], memory["device"])
    return [
        Row(case.work, case.threads, worker.name, part, "", times, *known)
        for part, times in seconds.items()
    ]


def _why_not(contestant: Contestant, work: Work, slow: dict[str, float]) -> str:
    """Why it does not take part; empty if it does."""
    if absent := missing(contestant):
        return f"not installed: {', '.join(absent)}"
    needed = contestant.needs(work)
    if needed and needed > SHARE[contestant.device] * _memory(contestant.device):
        return f"would need {needed / 1e9:.0f} GB for its weights"
    if contestant.name in slow:
        return f"took {slow[contestant.name]:.0f} s at a smaller size"
    return ""


def _memory(device: str) -> int:
    if device == "cpu":
        return machine.memory()
    from . import device as gpu

    return gpu.memory()


def _difference(case: Case, worker: Worker, ours: Worker) -> str:
    """How its results differ from ours; empty where they do not."""
    if worker.ready["cores"] != case.threads or any(
        threads > case.threads for threads in worker.ready["threads"].values()
    ):
        return f"uses {worker.ready['threads']}, not {case.threads} threads"
    proof = GRADIENT_TOLERANCE if isinstance(case.work, Layer) else FALL_TOLERANCE
    tolerances = {"outputs": CONTESTANTS[worker.name].tolerance, "proof": proof}
    for what, tolerance in tolerances.items():
        own, reference = (w.ready[what] for w in (worker, ours))
        if own is None or reference is None:
            continue
        if len(own) != len(reference):
            return f"its {what} has another size than ours"
        difference = np.max(np.abs(np.subtract(own, reference))) / np.max(np.abs(reference))
        if not difference <= tolerance:
            return f"its {what} differs from ours by {difference:.2g} of the largest value"
    return ""


class Worker:
    """A process with one contestant, killed at the end of the context."""

    ready: dict[str, Any]

    def __init__(self, case: Case, name: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **machine.confined(case.threads, **CONTESTANTS[name].environment),
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
