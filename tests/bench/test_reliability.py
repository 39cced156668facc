"""The harness that damages files and kills trainings, in little: every case must end well."""

import signal
from collections import Counter

import numpy as np
import pytest

from bench.reliability import __main__, damage, kills, samples


@pytest.fixture(scope="module")
def found():
    return damage.measured(8, seed=1)


def test_no_damaged_file_does_harm(found):
    assert set(found) == {kind.name for kind in samples.KINDS}
    assert [each for _, bad in found.values() for each in bad] == []
    assert all(counts.total() == 8 for counts, _ in found.values())
    assert found["checkpoint"][0]["refused"] > 0


def test_cases_are_repeated_by_their_seeds():
    content = np.random.default_rng(0).bytes(5000)
    assert damage.damaged(content, 5) == damage.damaged(content, 5)
    assert len({damage.damaged(content, seed) for seed in range(50)}) > 40


@pytest.mark.parametrize(
    ("read", "ended"),
    [
        (lambda path: path.read_text(), "same"),
        (lambda path: path.name, "changed"),
        (lambda path: 1 / 0, "traceback"),
        (lambda path: bytearray(2**34), "memory"),
        # One that pytest's fault handler does not print.
        (lambda path: signal.raise_signal(signal.SIGTRAP), "crash"),
    ],
)
def test_how_reading_ends(tmp_path, read, ended):
    (tmp_path / "a").write_text("x")
    kind = samples.Kind("a file", lambda path: None, read)
    assert damage.outcome(kind, tmp_path / "a", samples.digest("x")) == ended


def test_what_hangs_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, "SECONDS", 1)

    def read(path):
        while True:
            pass

    assert damage.outcome(samples.Kind("a file", lambda path: None, read), tmp_path, "") == "hang"


def test_killed_trainings_go_on_to_the_same_bits():
    counts, wrong = kills.measured(2, seed=1)
    assert wrong == []
    assert dict(counts) == {"SIGKILL × 1 in a write": 1, "SIGTERM × 1": 1}


def test_the_page_names_what_went_wrong(found):
    text = __main__.page(found, Counter(), ["a checkpoint, seed 7: crash"], 1)
    assert "Wrong: 1.\n* a checkpoint, seed 7: crash" in text
    assert text.count("| 8 |") >= len(found)
