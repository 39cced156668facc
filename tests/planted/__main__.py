"""Plant bugs one by one and see whether tests notice: ``python -m tests.planted``.

Every bug is planted in a temporary copy of this tree, where the tests named for it run until the
first that fails. Two copies work at once. The tests must pass without a bug first.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from .bugs import Bug, faults, read

ROOT = Path(__file__).parents[2]
COPIES = 2
#: Tests notice a bug too where they take so many times as long as without it, and so many seconds
#: besides, in which kernels are compiled anew.
TIMES, BESIDES = 5, 120
#: Seconds for tests without a bug.
LONGEST = 900
#: Per cent that must be noticed.
LEAST = 92
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "mutants", "runs", "results"
)
#: pytest's exit codes: all passed; some failed, or could not even be imported.
PASSED, FAILED = (0,), (1, 2)


class Copy:
    """A copy of the tree with a cache of compiled kernels of its own."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.tree, self.kernels = folder / "tree", folder / "kernels"
        shutil.copytree(root, self.tree, ignore=LEFT_OUT)

    def notices(self, bug: Bug, seconds: float) -> bool:
        """Whether the bug's tests fail with the bug in the tree, which is then as it was.

        They do also where they do not end within so many seconds.
        """
        path = self.tree / bug.file
        whole = path.read_bytes()
        path.write_text(bug.planted(self.tree), encoding="utf-8")
        try:
            passed, _ = self.run(bug.tests, seconds, compile_anew=bug.compiled)
            return not passed
        finally:
            path.write_bytes(whole)

    def run(
        self, tests: Iterable[str], seconds: float = LONGEST, *, compile_anew: bool = False
    ) -> tuple[bool, str]:
        """Whether these tests pass, and what pytest said at last.

        Raises
        ------
        RuntimeError
            Where pytest could not run them.
        """
        with tempfile.TemporaryDirectory() as fresh:
            environment = os.environ | {
                "PYTHONPATH": str(self.tree),
                # A bug may keep the length of its file, and be planted within the same second.
                "PYTHONDONTWRITEBYTECODE": "1",
                "NUMBA_CACHE_DIR": fresh if compile_anew else str(self.kernels),
            }
            command = [
                *(sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider"),
                *("--hypothesis-seed=0", *tests),
            ]
            try:
                answer = subprocess.run(
                    command,
                    cwd=self.tree,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=seconds,
                )
            except subprocess.TimeoutExpired:
                return False, f"no end within {seconds:.0f} s"
        # A kernel that writes beyond its arrays may end the process: a signal, a negative code.
        if answer.returncode >= 0 and answer.returncode not in PASSED + FAILED:
            raise RuntimeError(f"pytest {' '.join(tests)} cannot run:\n{answer.stdout[-3000:]}")
        return answer.returncode in PASSED, answer.stdout[-3000:]


def survivors(bugs: list[Bug], root: Path = ROOT) -> list[Bug]:
    """Bugs that no test noticed; says of each how it went.

    Raises
    ------
    RuntimeError
        Where tests fail without a bug, or cannot run.
    """
    left: list[Bug] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(COPIES) as pool:
        copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for number in range(COPIES):
            copies.put(Copy(Path(folder) / str(number), root))

        def check(tests: tuple[str, ...]) -> float:
            copy = copies.get()
            began = time.monotonic()
            try:
                passed, said = copy.run(tests)
            finally:
                copies.put(copy)
            if not passed:
                raise RuntimeError(f"pytest {' '.join(tests)} fails without a bug:\n{said}")
            return time.monotonic() - began

        def plant(bug: Bug) -> tuple[Bug, bool, float]:
            copy = copies.get()
            began = time.monotonic()
            try:
                noticed = copy.notices(bug, TIMES * whole[bug.tests] + BESIDES)
                return bug, noticed, time.monotonic() - began
            finally:
                copies.put(copy)

        try:
            tests = list(dict.fromkeys(bug.tests for bug in bugs))
            whole = dict(zip(tests, pool.map(check, tests), strict=True))
            for future in as_completed([pool.submit(plant, bug) for bug in bugs]):
                bug, noticed, seconds = future.result()
                word = "noticed" if noticed else "SURVIVED"
                print(f"{word:8} {seconds:4.0f} s  {bug}", flush=True)
                if not noticed:
                    left.append(bug)
        finally:
            pool.shutdown(cancel_futures=True)
    return left


def main() -> int:
    """Plant what was asked for; 0 where enough was noticed, 1 where not, 2 where nothing can be."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.planted",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="PATTERN", help="bugs whose line this expression matches")
    parser.add_argument("--sample", metavar="N", type=int, help="so many of them, chosen by --seed")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample (default: 1)")
    parser.add_argument("--list", action="store_true", help="list them and plant none")
    options = parser.parse_args()
    bugs = [bug for bug in read() if re.search(options.only or "", str(bug))]
    if options.sample and options.sample < len(bugs):
        bugs = random.Random(options.seed).sample(bugs, options.sample)
    wrong = faults(bugs, ROOT)
    if wrong or not bugs:
        print("\n".join(wrong) or f"no bug matches '{options.only}'", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(map(str, bugs)))
        return 0
    # A shell lets what runs in its background ignore interrupts, and tests of them would fail.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        left = survivors(bugs)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    for bug in left:
        print(f"\nnot noticed by {' '.join(bug.tests)}:\n  {bug}")
        if bug.explained:
            print(f"  explained: {bug.explained}")
    noticed = len(bugs) - len(left)
    print(f"\n{noticed} of {len(bugs)} planted bugs noticed: {100 * noticed / len(bugs):.1f} %")
    return int(100 * noticed < LEAST * len(bugs))


if __name__ == "__main__":
    sys.exit(main())
