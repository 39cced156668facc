"""The harness that breaks things on purpose, in little: every case must end well."""

import errno
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest

from bench.reliability import (
    __main__,
    children,
    company,
    cost,
    damage,
    faults,
    fuzz,
    kills,
    parsers,
    samples,
    soak,
    sweeps,
    works,
)
from bench.reliability.page import Section, table, write
from sparsedend import InputError
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def found():
    return damage.read_damaged(8, seed=1)


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
    counts, wrong = kills.killed(2, seed=4)
    assert wrong == []
    assert dict(counts) == {"SIGKILL × 1": 1, "SIGTERM × 1": 1}


class Begun:
    """In the place of a work with its older file."""

    def __init__(self, work, folder, inputs):
        self.work = work


def damages(cases, seed, monkeypatch):
    done = []
    kinds = [
        samples.Kind(name, lambda path: path.write_bytes(b"x"), lambda path: 0) for name in "ab"
    ]
    monkeypatch.setattr(damage, "KINDS", kinds)
    monkeypatch.setattr(damage, "damaged", lambda content, seed: done.append(seed) or content)
    monkeypatch.setattr(damage, "outcome", lambda kind, path, right: "crash")
    found = damage.read_damaged(cases, seed)
    assert [bad for _, bad in found.values()] == [
        [f"{name}, seed {number}: crash" for number in range(seed, seed + cases)] for name in "ab"
    ]
    assert done[cases:] == done[:cases]
    return done[:cases]


def killings(cases, seed, monkeypatch):
    done = []

    def killed(path, rng, *how):
        done.append((rng.random(), *how))
        return "traceback", True

    monkeypatch.setattr(kills, "_begun", lambda path, *more: None)
    monkeypatch.setattr(kills, "_ended", lambda process, path: b"")
    monkeypatch.setattr(kills, "_killed", killed)
    told = kills.killed(cases, seed)[1]
    assert [line.split(",")[0] for line in told] == [f"kill {seed + n}" for n in range(cases)]
    return done


def failures(cases, seed, monkeypatch):
    done = []

    def case(stage, folder, library, seed):
        done.append((stage.work.name, seed))
        return "open", faults.UNREACHED, "hang"

    monkeypatch.setattr(faults, "compile_into", lambda library: None)
    monkeypatch.setattr(faults, "make_inputs", lambda folder: None)
    monkeypatch.setattr(faults, "Stage", Begun)
    monkeypatch.setattr(faults, "_full", lambda stages, folder: ("", []))
    monkeypatch.setattr(faults, "_case", case)
    told = faults.measured(cases, seed).bad
    assert [line.split(",")[0] for line in told] == [f"fault {seed + n}" for n in range(cases)]
    return done


@pytest.mark.parametrize("broken", [damages, killings, failures])
def test_a_case_is_repeated_by_the_seed_that_is_told(broken, monkeypatch):
    """As ``--seed N`` with one case of its stage does it."""
    together = broken(14, 3, monkeypatch)
    assert len(together) == 14
    assert [broken(1, seed, monkeypatch)[0] for seed in range(3, 17)] == together


def test_a_killed_sweep_goes_on():
    pytest.importorskip("joblib")
    section = sweeps.measured(1, seed=0)
    assert section.bad == []
    assert section.lines[-1].startswith(("| the sweep, SIGKILL", f"| {sweeps.NOBODY}"))


def test_children_are_waited_for(capfd):
    assert children.ended(lambda: 7, 60) == 7
    assert children.ended(lambda: 1 // 0, 60) == children.RAISED
    assert "ZeroDivisionError" in capfd.readouterr().err
    # A signal that pytest's fault handler does not print.
    trapped = children.ended(lambda: signal.raise_signal(signal.SIGTRAP), 60)
    assert trapped == -signal.SIGTRAP
    assert children.ended(lambda: time.sleep(60), 0.05) is None
    assert children.wrong_with_a_child(lambda: True) == ""
    assert children.wrong_with_a_child(lambda: False) == "has another answer"


needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@needs_cc
def test_disks_that_fail_leave_what_was_there(monkeypatch):
    """A work of each kind that needs no processes of its own."""
    few = [work for work in works.WORKS if work.name in ("save", "export")]
    monkeypatch.setattr(faults, "WORKS", few)
    monkeypatch.setattr(faults, "LEFT", (4096,))
    section = faults.measured(4, seed=3)
    assert section.bad == []
    rows = [line for line in section.lines if line.startswith(("| save", "| export"))]
    assert [line.split(" | ")[0] for line in rows] == ["| save", "| export"]
    assert sum(int(cell) for row in rows for cell in row.strip("| ").split(" | ")[1:]) == 4


@needs_cc
@pytest.mark.parametrize(
    ("call", "number", "after", "at_first", "then"),
    [
        ("open", 1, "", errno.EIO, None),
        ("open", 2, "", None, errno.EIO),
        ("write", 1, "", errno.EIO, None),
        ("fsync", 2, "", None, errno.EIO),
        ("rename", 1, "open write", errno.EIO, errno.EIO),
    ],
)
def test_the_call_that_was_named_fails(tmp_path, call, number, after, at_first, then):
    library, place, told = tmp_path / "f.so", tmp_path / "in", tmp_path / "told"
    place.mkdir()
    faults.compile_into(library)
    code = """
import os, sys
for turn in range(2):
    try:
        with open(sys.argv[1] + "/a", "wb", buffering=0) as file:
            file.write(b"x")
            os.fsync(file.fileno())
        os.rename(sys.argv[1] + "/a", sys.argv[1] + "/b")
        with open(sys.argv[2] + "/a", "wb") as file:  # In another folder all is well.
            file.write(b"x")
        print(None)
    except OSError as error:
        print(error.errno)
"""
    environment = {
        "LD_PRELOAD": str(library),
        **faults.environment(place, call, number, errno.EIO, after, told),
    }
    ended = subprocess.run(
        [sys.executable, "-c", code, str(place), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == [str(at_first), str(then)], ended.stderr
    assert told.exists()


def test_what_a_failed_work_must_not_leave(tmp_path):
    work = works.Work("a work", "a", (), (), lambda path: path.read_text())
    stage = object.__new__(works.Stage)
    stage.work, stage.before, stage.after, stage.names = work, "older", "newer", ["a"]

    def ended(code, told):
        return subprocess.CompletedProcess([], code, "", told)

    for content in ("older", "newer"):
        (tmp_path / "a").write_text(content)
        assert stage.wrong_after_failing(tmp_path, ended(2, "Error: full\n")) == ""
    assert stage.wrong_after_all(tmp_path, ended(0, "")) == ""
    assert "ended with 0" in stage.wrong_after_failing(tmp_path, ended(0, "Error: full\n"))
    assert "ended with 2" in stage.wrong_after_failing(tmp_path, ended(2, "Error: a\nError: b\n"))
    assert "traceback" in stage.wrong_after_failing(tmp_path, ended(1, "Traceback\nError: b\n"))
    (tmp_path / "b").write_text("")
    assert stage.wrong_after_all(tmp_path, ended(0, "")).endswith("without a fault: b")
    assert stage.wrong_after_all(tmp_path, ended(0, ""), ["b"]) == ""
    stage.work = work._replace(alone=True)
    assert stage.wrong_after_all(tmp_path, ended(0, ""), ["b"]).endswith("without a fault: b")
    (tmp_path / "a").write_text("half")
    assert "neither" in stage.wrong_after_failing(tmp_path, ended(2, "Error: full\n"))
    assert "not what it is" in stage.wrong_after_all(tmp_path, ended(0, ""))
    (tmp_path / "a").unlink()
    assert "cannot be read" in stage.wrong_after_failing(tmp_path, ended(2, "Error: full\n"))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_threads_and_forks_have_equal_answers(backend):
    command = [sys.executable, "-m", "bench.reliability.company", "1", backend]
    assert subprocess.run(command, cwd=ROOT, timeout=company.SECONDS).returncode == 0


def test_answers_that_differ_are_noticed(tmp_path):
    met = company.Company(1, "numpy", tmp_path)
    met.expected[0] = b"another"
    assert not met.meet()
    met.works = (lambda: 1 / 0,) * len(met.works)
    with pytest.raises((ZeroDivisionError, RuntimeError)):
        met.meet()


def test_a_soak_in_little(monkeypatch):
    monkeypatch.setattr(soak, "IMAGES", 1000)
    found = soak.soaked(0.05, seed=1)
    assert found["wrong"] == []
    assert min(found["counts"].values()) > 0
    section = soak.judged(json.loads(json.dumps(found)), 0.05, 1)
    assert section.lines[-4].startswith("| first | ")


@pytest.mark.parametrize(
    ("column", "told"), [(1, "memory grew by"), (2, "descriptors grew"), (3, "threads grew")]
)
def test_growth_is_noticed(column, told):
    counts = dict.fromkeys(("epochs", "predictions", "forks", "loads"), 1)

    def bad(grows):
        looks = [[n, 10**8, 20, 5] for n in range(soak.LOOKS)]
        for n, look in enumerate(looks):
            look[column] += grows * n
        return soak.judged({"counts": counts, "wrong": [], "looks": looks}, 1, 1).bad

    assert bad(0) == []
    (line,) = bad(10**6 if column == 1 else 1)
    assert line.startswith(told)
    if column == 1:
        assert bad(10**5) == [], "a history is kept"
        assert len(bad(2 * 10**5)) == 1, "it is the second quarter that is grown from"


def test_a_wrong_answer_is_told_however_soon_it_comes():
    counts = dict.fromkeys(("epochs", "predictions", "forks", "loads"), 1)
    for few in range(soak.LEAST):
        looks = [[n, 10**9 * n, n, n] for n in range(few)]
        section = soak.judged({"counts": counts, "wrong": ["bits"], "looks": looks}, 1, 1)
        assert section.bad == ["bits"]
        assert section.lines[-1] == f"It ended after {few} looks: too few to tell growth."


@pytest.mark.parametrize("name", parsers.PARSERS)
def test_every_parser_reads_its_seed_and_refuses_less(name):
    seed, parse = parsers.PARSERS[name]
    content = seed()
    parse(content)
    for cut in (content[: len(content) // 2], content[::-1], b""):
        with suppress(InputError):
            parse(cut)


def test_a_fuzzer_in_little():
    pytest.importorskip("atheris")
    (contents, reached), found = fuzz.fuzzed("grid", 1, 1)
    assert found == []
    assert int(contents.replace(",", "")) > 10
    assert int(reached) > 10


SMALL = {"dendrites": 2, "somata": 10, "synapses": 3}


def test_what_a_digest_costs_in_little():
    section = cost.measured(1, 1, SMALL)
    *_, writing, reading, _, floor = section.lines
    assert [line.split(" | ")[0] for line in (writing, reading)] == ["| writing", "| reading"]
    assert "reads it once more" in floor
    assert "20 dendrites" in section.lines[0]


def test_how_a_digest_s_cost_is_counted(monkeypatch):
    times = iter([1.0, 1.04, 2.0, 2.2])
    monkeypatch.setattr(cost, "_seconds", lambda work: next(times))
    # Without it first, then with it first.
    row, more = cost.compared("writing", lambda: None, 2)
    assert row == ["writing", "1.520", "1.600", "-2.5%", "-9.1% to 4.0%"]
    assert more == pytest.approx((0.04 - 1 / 11) / 2)


@pytest.mark.parametrize(
    ("writing", "reading", "bad"),
    [(0.049, 0.5, []), (0.06, 0, ["writing: 6.0% more"])],
)
def test_a_digest_that_costs_too_much_is_noticed(monkeypatch, writing, reading, bad):
    """Of writing: who reads a file first reads it twice."""
    more = {"writing": writing, "reading": reading}
    monkeypatch.setattr(cost, "compared", lambda name, work, rounds: ([name] * 5, more[name]))
    assert cost.measured(1, 1, SMALL).bad == bad


def test_a_page_keeps_the_sections_that_are_not_measured(tmp_path):
    path = tmp_path / "a.md"
    one, other = Section("One", ["a"], []), Section("Other", table(["x", "n"], [("y", 5)]), ["bad"])
    write(path, [other], "python -m b", ["One", "Other"])
    text = write(path, [one], "python -m a", ["One", "Other"])
    assert text == path.read_text()
    assert text.index("## One\n\n`python -m a`") < text.index("## Other\n\n`python -m b`")
    assert "| x | n |\n|---|---:|\n| y | 5 |\n\nWrong: 1.\n* bad\n" in text
    again = write(path, [one], "python -m a", ["One", "Other"])
    assert again == text
    assert "bad" not in write(path, [Section("Other", [], [])], "python -m b", ["One", "Other"])


def test_every_stage_has_a_place_on_the_page():
    parts = (damage, kills, sweeps, faults, company, soak, fuzz, cost)
    assert [each.TITLE for each in parts] == list(__main__.ORDER)
    assert len(set(__main__.ORDER)) == len(parts)
