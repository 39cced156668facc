"""What is told while a sweep is under way."""

import numpy as np
import pytest

from sparsedend.sweep import expand, progress
from tests.sweep.rows import SMALL


def test_time_left_is_judged_by_work(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    runs = sorted(
        expand(SMALL | {"somata": [8, 512], "seed": [1, 2, 3]}), key=lambda run: -run.work
    )
    total = sum(run.work for run in runs)
    with progress.Progress(runs, 2) as shown:
        assert shown.text() == "0 finished, 2 running, 4 left"
        now[0] = 60.0
        shown.finished(runs[0], failed=False)
        shown.finished(runs[1], failed=True)
        done = runs[0].work + runs[1].work
        minutes, seconds = divmod(round(60 * (total - done) / done), 60)
        assert shown.text() == (
            f"2 finished (1 failed), 2 running, 2 left, about {minutes} min {seconds:02} s to go"
        )
    assert np.isclose(shown.work_left, total - done)


def test_a_line_now_and_then_where_there_is_no_terminal(monkeypatch, capsys):
    """After half a minute, and at the end."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    runs = expand(SMALL | {"seed": [1, 2, 3, 4]})
    with progress.Progress(runs, 1) as shown:
        for seconds, run in zip((20.0, 29.0, 31.0, 32.0), runs, strict=True):
            now[0] = seconds
            shown.finished(run, failed=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "3 finished, 1 running, 0 left, about 0 min 10 s to go",
        "4 finished, 0 running, 0 left",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 min 00 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (7384, "2 h 03 min"),
    ],
)
def test_times_as_they_are_read(seconds, text):
    assert progress._duration(seconds) == text
