import subprocess
import sys

import pytest

from bench import contestants, harness
from bench.contestants import OURS, Contestant
from bench.harness import Case, measure
from bench.suites import CSR, MASKED, SUITES
from bench.worker import device_memory
from bench.works import Dendritic, Layer, Perceptron
from sparsedend.backends.threads import available_threads

WORKS = (
    Dendritic(30, 2, 3, synapses=4, batch=5),
    Dendritic(30, 2, 3, synapses=4, batch=5, task="inference"),
    Layer(40, 20, 0.1, batch=7),
    Perceptron((20, 10, 5), (0.3, 1.0), batch=6),
)


@pytest.mark.parametrize("work", WORKS, ids=str)
def test_contestants_agree_and_are_timed(work, monkeypatch):
    monkeypatch.setattr(harness, "BURST", 0.001)
    monkeypatch.setattr(harness, "WARM_UP", 0.001)
    names = [
        name
        for name in ("sparsedend numpy", "SciPy CSR", MASKED, CSR)
        if not harness.missing(contestants.CONTESTANTS[name])
    ]
    threads = min(2, available_threads())
    records = list(measure([Case(work, threads, tuple(names))], rounds=2))
    assert {record.contestant for record in records} == {OURS, *names}
    for record in records:
        assert record.note == ""
        assert all(len(times) == 2 and min(times) > 0 for times in record.parts.values())
        assert record.peak >= record.base > 0 == record.device


def test_memory_of_the_device(emulated):
    before = device_memory()
    emulated_array = sys.modules["cupy"].zeros(1000, "u1")
    assert device_memory() - before == emulated_array.nbytes


def test_no_memory_without_a_device():
    assert device_memory() == 0


def test_other_outputs_are_found(monkeypatch):
    case = Case(WORKS[2], 1, ())
    ready = {"cores": 1, "threads": {}, "outputs": [1.0, 2.0], "proof": None}

    class Fake:
        def __init__(self, **changes):
            self.ready = ready | changes

    assert harness._difference(case, Fake(), Fake()) == ""
    assert "outputs differs" in harness._difference(case, Fake(outputs=[1.0, 2.01]), Fake())
    assert "outputs differs" in harness._difference(case, Fake(outputs=[float("nan"), 2.0]), Fake())
    assert "another size" in harness._difference(case, Fake(outputs=[1.0]), Fake())
    assert "threads" in harness._difference(case, Fake(threads={"openblas": 4}), Fake())
    assert "threads" in harness._difference(case, Fake(cores=2), Fake())


def test_who_is_not_there_or_would_not_fit_is_named(monkeypatch):
    absent = Contestant("absent", "ours", "numba", ("no-such-package",))
    huge = Contestant("huge", "ours", "numba", (), dense_vectors=10**9)
    monkeypatch.setitem(contestants.CONTESTANTS, "absent", absent)
    monkeypatch.setitem(contestants.CONTESTANTS, "huge", huge)
    monkeypatch.setattr(harness, "BURST", 0.001)
    monkeypatch.setattr(harness, "WARM_UP", 0.001)
    notes = {
        record.contestant: record.note
        for record in measure([Case(WORKS[0], 1, ("absent", "huge"))], rounds=1)
    }
    assert notes["absent"] == "not installed: no-such-package"
    assert "would need" in notes["huge"]
    assert notes[OURS] == ""


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_suites_name_contestants_that_exist(suite):
    for case in (*suite.cases(True, 2), *suite.cases(False, 2)):
        assert set(case.contestants) <= set(contestants.CONTESTANTS)
        assert case.work.connections <= case.work.dense_values


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-suite"], "unknown suite 'no-such-suite': choose of step, "),
        (["step", "--threads", "0"], "--threads is 0: give 1 to "),
        (["step", "--rounds", "0"], "--rounds is 0: give 1 or more"),
    ],
)
def test_bad_arguments_end_with_what_to_do(arguments, said):
    answer = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
