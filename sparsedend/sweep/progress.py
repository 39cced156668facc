"""Where a sweep stands: runs finished, running and left, and the time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

from .grid import PlannedRun

#: Seconds between two lines where standard error is no terminal.
QUIET_SECONDS = 30.0


class Progress:
    """A bar in a terminal, else a line now and then, on standard error.

    The time left is judged by the runs' work, which differs a thousandfold, not by their number.

    Parameters
    ----------
    runs : list of PlannedRun
        All that are to be done.
    jobs : int
        How many at once.
    """

    def __init__(self, runs: list[PlannedRun], jobs: int) -> None:
        self.jobs = jobs
        self.done = self.failed = 0
        self.total = len(runs)
        self.work_left = self.work = sum(run.work for run in runs)

    def __enter__(self) -> Progress:
        self.began = self.told = time.monotonic()
        self.bar = tqdm(
            total=self.work,
            bar_format="{l_bar}{bar}| {desc}",
            disable=not sys.stderr.isatty() or not self.total,
        )
        self.bar.set_description_str(self.text())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def finished(self, run: PlannedRun, *, failed: bool) -> None:
        """Count a run that has ended."""
        self.done += 1
        self.failed += failed
        self.work_left -= run.work
        self.bar.set_description_str(self.text(), refresh=False)
        self.bar.update(run.work)
        now = time.monotonic()
        if self.bar.disable and (now - self.told > QUIET_SECONDS or self.done == self.total):
            self.told = now
            print(self.text(), file=sys.stderr, flush=True)

    def text(self) -> str:
        """What is told."""
        remaining = self.total - self.done
        running = min(self.jobs, remaining)
        failed = f" ({self.failed} failed)" if self.failed else ""
        counts = f"{self.done} finished{failed}, {running} running, {remaining - running} left"
        if not 0 < self.done < self.total:
            return counts
        elapsed = time.monotonic() - self.began
        seconds = elapsed * self.work_left / (self.work - self.work_left)
        return f"{counts}, about {_duration(seconds)} to go"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s"
