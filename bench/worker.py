"""One contestant with one work in a process of its own: ``python -m bench.worker``.

The first line read says what to do. The answer says that it is ready; then every line "turn" is
answered with seconds, and the end of the input with the peak of memory. All lines are JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from .contestants import CONTESTANTS
from .works import from_record

#: Values of an output that are compared.
SAMPLE = 4096


def main() -> None:
    """Serve the parent."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what packages print must not mix with the answers
    task = json.loads(sys.stdin.readline())
    try:
        for answer in serve(task, sys.stdin):
            print(json.dumps(answer), file=answers)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        print(json.dumps({"error": f"{type(error).__name__}: {reason}"[:300]}), file=answers)


def serve(task: dict[str, Any], turns: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Build, prove, and take turns until there are no more; what to answer."""
    contestant = CONTESTANTS[task["contestant"]]
    work = from_record(task["work"])
    module = importlib.import_module(f"bench.contestants.{contestant.module}")
    base = memory("VmRSS")
    build, runner = timed(lambda: module.runner(work, contestant))
    with runner.limited():

        def begin() -> list[NDArray | None]:
            shown = [runner.outputs(), runner.proof()]
            for part in runner.parts.values():
                part()
            return shown

        first, shown = timed(begin)
        seconds = {name: timed(part)[0] for name, part in runner.parts.items()}
        outputs, proof = (None if each is None else sample(each) for each in shown)
        yield {
            "build": build,
            "first": first,
            "base": base,
            "threads": {pool["prefix"]: pool["num_threads"] for pool in threadpool_info()},
            "cores": len(os.sched_getaffinity(0)),
            "outputs": outputs,
            "proof": proof,
        }
        for _ in turns:
            turn = {}
            for name, part in runner.parts.items():
                if seconds[name] < task["warm_up"]:
                    burst(part, task["warm_up"])
                turn[name] = burst(part, task["burst"]) / runner.repeats
            yield turn
    yield {"peak": memory("VmHWM"), "device": device_memory()}


def burst(part: Callable[[], object], seconds: float) -> float:
    """Seconds per call, of as many calls as that time takes."""
    calls, passed, began = 0, 0.0, time.perf_counter()
    while passed < seconds:
        part()
        calls += 1
        passed = time.perf_counter() - began
    return passed / calls


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it returned."""
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def sample(values: NDArray) -> list[float]:
    """Values at the same places for all contestants."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[:: max(1, flat.size // SAMPLE)].tolist()


def memory(name: str) -> int:
    """Bytes, by a name in ``/proc/self/status``: VmRSS now, VmHWM at most so far."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def device_memory() -> int:
    """Bytes that CuPy and PyTorch have taken on a GPU at most; 0 where they do not use one."""
    cupy, torch = (sys.modules.get(name) for name in ("cupy", "torch"))
    taken = cupy.get_default_memory_pool().total_bytes() if cupy else 0
    return taken + (torch.cuda.max_memory_reserved() if torch else 0)


if __name__ == "__main__":
    main()
