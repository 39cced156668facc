import importlib
import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from bench import contestants, estimators, measurements, report, store, uses
from bench.contestants import (
    CALLER,
    CALLERS,
    CONTESTANTS,
    ESTIMATOR,
    FED,
    HELD,
    OURS,
    PREDICTOR,
    PREDICTOR_CALLERS,
)
from bench.options import Options
from bench.table import Row, Table
from bench.works import Request, Stream, from_record, to_record

REQUEST = Request(30, 2, 3, synapses=4)
STREAM = Stream(30, 2, 3, synapses=4, batch=5, images=4099)
STEPS = 820


def made(name, work):
    contestant = CONTESTANTS[name]
    return importlib.import_module(f"bench.contestants.{contestant.module}").runner(
        work, contestant
    )


@pytest.mark.parametrize("work", [REQUEST, STREAM])
def test_works_are_recorded(work):
    assert from_record(to_record(work)) == work


@pytest.mark.parametrize(
    ("names", "work"),
    [((PREDICTOR, ESTIMATOR, CALLERS, PREDICTOR_CALLERS), REQUEST), ((FED, HELD), STREAM)],
)
def test_outputs_and_proofs_are_ours(names, work):
    ours = made(OURS, work)
    outputs, proof = ours.outputs(), ours.proof()
    for name in names:
        runner = made(name, work)
        np.testing.assert_allclose(runner.outputs(), outputs, atol=1e-5)
        assert (proof is None) == (work is REQUEST)
        if proof is not None:
            np.testing.assert_allclose(runner.proof(), proof, atol=0.03 * abs(proof).max())


@pytest.mark.parametrize(("name", "callers"), [(CALLER, 1), (PREDICTOR_CALLERS, 2)])
def test_callers_ask_at_once_and_all_requests_count(name, callers):
    """Each at the same time: every one of them waits until all have come."""
    runner = made(name, REQUEST)
    all_there = threading.Barrier(callers)
    asked = []

    def answer(request):
        all_there.wait(30)
        asked.append(len(request))

    runner.answer = answer
    runner.parts["inference"]()
    assert asked == [REQUEST.batch] * runner.repeats
    assert runner.repeats % callers == 0
    assert runner.network.backend.threads == 1


@pytest.mark.parametrize("name", [FED, HELD])
def test_a_stream_is_trained_on_epoch_after_epoch(name):
    whole = made(name, replace(STREAM, task="run"))
    before = whole.network.parameters.copy()
    for epoch in (1, 2, 3):
        whole.parts["run"]()
        assert whole.training.steps == STEPS * epoch
    assert np.isfinite(whole.network.parameters).all()
    assert not np.array_equal(whole.network.parameters, before)
    steps = made(name, STREAM)
    assert steps.repeats == STEPS
    steps.parts["step"]()
    assert steps.training.steps == STEPS


def test_only_the_first_images_are_written(monkeypatch):
    from bench.contestants import streams

    monkeypatch.setattr(streams, "WRITTEN", 7)
    runner = made(FED, STREAM)
    x = runner.file["x"][:]
    np.testing.assert_array_equal(x[:7], runner.images[:7])
    assert not x[7:].any()
    assert runner.file["y"].shape == (4099,)


@pytest.mark.parametrize("suite", uses.SUITES, ids=lambda suite: suite.name)
def test_suites_name_contestants_that_can(suite):
    for case in suite.cases(False, 2):
        for name in case.contestants:
            assert contestants.CONTESTANTS[name].can_do(case.work)


def test_a_gain_is_of_one_caller_s_time():
    def row(name, dendrites, seconds):
        return Row(Request(784, dendrites, 4), 2, name, "inference", seconds=(seconds,))

    callers = next(suite for suite in uses.SUITES if suite.name == "callers")
    rows = [
        row(name, dendrites, seconds)
        for dendrites, scale in ((4, 1), (16, 10))
        for name, seconds in zip(callers.contestants, (1, 1.5 * scale, 4, 8), strict=True)
    ]
    values = [goal.value(Table(rows, callers.contestants[0])) for goal in callers.goals]
    assert values == [1.5, 2, 15, 2]


def test_the_page_of_a_stream(tmp_path):
    memory = {"base": 10**8, "peak": 5 * 10**8}
    small, large = uses.SUITES[2].works
    entries = [
        (small, FED, "step", 0.0002),
        (small, HELD, "step", 0.00018),
        (large, FED, "step", 0.002),
        (large, HELD, "step", 0.001),
        (uses.WHOLE, FED, "run", 60.0),
    ]
    rows = [
        Row(work, 2, name, task, "", (seconds,) * 2, **memory)
        for work, name, task, seconds in entries
    ]
    store.save_rows(tmp_path, "out-of-core", rows, {"machine": "a machine"})
    page = report.section(uses.SUITES[2], tmp_path)
    assert "D=4: share of the speed in memory: 0.9, **reached**" in page
    assert "D=16: share of the speed in memory: 0.5, **MISSED**" in page
    assert "20 GB: peak of memory in GB: 0.5, **reached**" in page
    assert "D=4 S=128, 20 GB" in page


def test_the_page_of_single_samples(tmp_path):
    times = {OURS: 60e-6, PREDICTOR: 31e-6, ESTIMATOR: 200e-6}
    work = uses.SUITES[0].works[0]
    rows = [Row(work, 2, name, "inference", "", (each,) * 2) for name, each in times.items()]
    store.save_rows(tmp_path, "one-sample", rows, {"machine": "a machine"})
    page = report.section(uses.SUITES[0], tmp_path)
    assert "predictor: µs: 31, **MISSED**" in page
    assert "estimator: µs beyond predict: 140, **reached**" in page


@pytest.mark.filterwarnings("ignore")
def test_the_large_table(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1200, uses.FEATURES))
    table = estimators.Table(lambda: (x, np.arange(1200) % 7), True)
    asked = []
    monkeypatch.setattr(
        estimators, "tables", lambda rows: asked.append(rows) or {"covertype-like": table}
    )
    monkeypatch.setattr(uses, "ROWS", 10_000)
    uses.measure("covertype", Options(tmp_path, quick=True, threads=1, rounds=2))
    assert asked == [1200]
    columns, facts = store.load(tmp_path, "covertype")
    assert [len(each) for each in columns["seconds"]] == [2] * 4
    assert columns["parameters"][::2] == [3107, 18_607]
    assert columns["parameters"][1::2] == [3087, 18_575]
    assert facts["threads"] == "1"


def test_the_page_of_the_large_table(tmp_path):
    found = [
        ("MLPClassifier, 50 units", 3107, 0.7, [3.0, 2.0, 9.0]),
        ("DendriticClassifier, 70 somata", 3087, 0.696, [1.5, 1.0, 2.0]),
        ("MLPClassifier, 300 units", 18_607, 0.9, [8.0]),
        ("DendriticClassifier, 422 somata", 18_575, 0.894, [4.0]),
    ]
    columns = dict(zip(uses.COLUMNS, map(list, zip(*found, strict=True)), strict=True))
    store.save(tmp_path, "covertype", columns, {"machine": "a machine"})
    page = uses.section("covertype", tmp_path)
    assert "| MLPClassifier, 50 units | 3,107 | 0.700 | 3.00 | 2.00 … 9.00 |" in page
    assert "70 somata: accuracy -0.004 (goal -0.005), 2.00 times as fast (goal 1): **reac" in page
    assert "422 somata: accuracy -0.006 (goal -0.005), 2.00 times as fast (goal 1): **MIS" in page
    with pytest.raises(LookupError):
        uses.section("covertype", tmp_path / "none")


def test_all_are_measured_by_name_and_stand_on_one_page():
    names = {name for name, each in measurements.MEASUREMENTS.items() if each.page == uses.PAGE}
    assert names == {"one-sample", "callers", "out-of-core", "covertype"}
