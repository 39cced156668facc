import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench import contestants, harness
from bench.contestants import CSR, OURS, SCIPY, Contestant
from bench.harness import Case, measure
from bench.suites import SUITES
from bench.worker import device_memory
from bench.works import Dendritic, Layer, Perceptron
from sparsedend.backends.threads import available_threads

WORKS = (
    Dendritic(30, 2, 3, synapses=4, batch=5),
    Dendritic(30, 2, 3, synapses=4, batch=5, task="inference"),
    Layer(40, 20, 0.1, batch=7),
    Perceptron((20, 10, 5), (0.3, 1.0), batch=6),
)


@pytest.mark.parametrize("work", [WORKS[0], WORKS[2]], ids=str)
def test_contestants_agree_and_are_timed(work, monkeypatch):
    monkeypatch.setattr(harness, "BURST", 0.001)
    monkeypatch.setattr(harness, "WARM_UP", 0.001)
    names = [
        name for name in (OURS, SCIPY, CSR) if not harness.missing(contestants.CONTESTANTS[name])
    ]
    threads = min(2, available_threads())
    found = list(measure([Case(work, threads, tuple(names))], rounds=2))
    assert [rows[0].contestant for rows in found] == names
    for rows in found:
        assert sum(row.whole for row in rows) == 1
        for row in rows:
            assert row.note == ""
            assert len(row.seconds) == 2
            assert min(row.seconds) > 0
            assert row.peak >= row.base > 0 == row.device
    parts = {row.part for row in found[0]}
    layer = isinstance(work, Layer)
    assert parts == ({"forward", "backward", "all"} if layer else {work.task})


def test_memory_of_the_device(emulated):
    before = device_memory()
    emulated_array = sys.modules["cupy"].zeros(1000, "u1")
    assert device_memory() - before == emulated_array.nbytes


def test_no_memory_without_a_device():
    assert device_memory() == 0


def test_other_outputs_are_found(monkeypatch):
    case = Case(WORKS[2], 1, (OURS,))
    ready = {"cores": 1, "threads": {}, "outputs": [1.0, 2.0], "proof": None}

    class Fake:
        name = OURS

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
    cases = [Case(WORKS[0], 1, (OURS, "absent", "huge"))]
    notes = {rows[0].contestant: rows[0].note for rows in measure(cases, rounds=1)}
    assert notes["absent"] == "not installed: no-such-package"
    assert "would need" in notes["huge"]
    assert notes[OURS] == ""


def test_who_the_others_are_compared_with_must_be_able(monkeypatch):
    absent = Contestant("absent", "ours", "numba", ("no-such-package",))
    monkeypatch.setitem(contestants.CONTESTANTS, "absent", absent)
    with pytest.raises(RuntimeError, match=r"absent at .*: not installed: no-such-package"):
        list(measure([Case(WORKS[0], 1, ("absent", OURS))], rounds=1))


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_suites_name_contestants_that_exist(suite):
    quick, cases = list(suite.cases(True, 2)), list(suite.cases(False, 2))
    assert quick
    assert set(quick) <= set(cases)
    for case in cases:
        assert set(case.contestants) <= set(contestants.CONTESTANTS)
        assert case.contestants[0] == suite.contestants[0]
        assert case.work.connections <= case.work.dense_values
    labels = [suite.label.format(w=case.work, threads=case.threads) for case in cases]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-suite"], "unknown name 'no-such-suite': choose of step, "),
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


ROOT = Path(bench.__file__).parents[1]
MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in sorted((ROOT / "bench").rglob("*.py"))
]
#: Rivals that need not be installed.
OPTIONAL = {"cupy", "keras", "nerva_numpy", "sklearn", "tensorflow", "torch"}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported(module):
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        pytest.skip(f"{error.name} is not installed")
