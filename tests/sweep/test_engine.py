"""Sweeps in real processes on this machine: their rows, their order, killed and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from sparsedend import InputError, backends
from sparsedend.datasets import write
from sparsedend.locks import locked
from sparsedend.run import run
from sparsedend.sweep import Results, engine, expand, sweep
from sparsedend.sweep.engine import KILLED, _rows_here, available_threads
from sparsedend.sweep.results import row_of
from tests.cli.commands import ENVIRONMENT
from tests.conftest import CUPY
from tests.datasets.test_datasets import made
from tests.sweep.rows import SMALL, by_settings, killed_after_a_row, same
from tests.sweep.test_results import RESULT


def test_results_do_not_depend_on_where_and_in_which_order(tmp_path):
    runs = expand(SMALL | {"model": ["dann-lrf", "vann"], "seed": [1, 2], "noise": [0.0, 0.3]})
    two = by_settings(sweep(runs, tmp_path / "two.h5", jobs=2))
    one = by_settings(sweep(runs[::-1], tmp_path / "one.h5", jobs=1))
    assert len(two) == len(one) == 8
    for settings, row in two.items():
        assert same(row, one[settings])
        direct = run(settings, None, backend=backends.create("auto", 1))
        assert row["test_loss"] == direct["test_loss"]
        assert row["validation_loss"] == direct["validation_loss"]
    assert Results.read(tmp_path / "two.h5").finished.keys() == two.keys()


@pytest.mark.parametrize("device", CUPY)
def test_runs_share_a_gpu(tmp_path, request, device):
    """Side by side, in threads, each comes out as it does alone; one that fails stops no other."""
    request.getfixturevalue(device)
    runs = expand(SMALL | {"model": ["dann-lrf", "vann"], "dropout": [0.0, 0.3], "epochs": 1})
    runs += expand(SMALL | {"learning_rate": [1e30]})
    results = by_settings(sweep(runs, tmp_path / "s.h5", jobs=3, backend="cupy"))
    failed = results.pop(runs[-1].settings)
    assert "the validation loss is" in failed["error"] or "loss is nan" in failed["error"]
    assert len(results) == 4
    for settings, row in results.items():
        assert row["backend"] == "cupy"
        direct = run(settings, None, backend=backends.create("cupy"))
        assert row["test_loss"] == direct["test_loss"]
        assert row["training_loss"] == direct["training_loss"]


def test_a_run_that_fails_is_recorded_and_the_others_go_on(tmp_path, capsys):
    runs = expand(SMALL | {"learning_rate": [1e30, 1e-3, 2e-3]})
    said = []
    results = by_settings(sweep(runs, tmp_path / "s.h5", jobs=2))
    errors = {settings.learning_rate: row["error"] for settings, row in results.items()}
    assert "loss is nan in epoch 1 with Adam(learning_rate=1e+30" in errors[1e30]
    assert "use a smaller learning rate" in errors[1e30]
    assert errors[1e-3] == errors[2e-3] == ""
    assert "3 finished (1 failed), 0 running, 0 left" in capsys.readouterr().err
    sweep(runs, tmp_path / "s.h5", jobs=1, resume=True, say=said.append)
    assert said == [f"'{tmp_path / 's.h5'}' holds 2 of these 3 runs already"]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_has_the_threads_it_is_given(tmp_path, threads):
    """One where a backend would by itself take all of two, and the other way round."""
    runs = expand(SMALL | {"seed": [1, 2], "epochs": 1})
    results = sweep(runs, tmp_path / "s.h5", jobs=2, threads=threads)
    assert [row["threads"] for row in results.rows] == [min(threads, available_threads())] * 2


@pytest.fixture
def started(monkeypatch):
    """What a sweep would have handed to processes; their rows come without them."""
    calls = []

    def rows_here(task, left, jobs, threads):
        calls.append((task, left, jobs, threads))
        yield from (row_of(run.settings, run.fingerprint, RESULT) for run in left)

    monkeypatch.setattr(engine, "_rows_here", rows_here)
    monkeypatch.setattr(engine, "available_threads", lambda: 8)
    return calls


def test_the_longest_runs_come_first(tmp_path, started):
    """Those that are left, whatever the order in the grid."""
    runs = expand(SMALL | {"somata": [8, 64, 16, 32], "epochs": [3, 1]})
    sweep(runs[2:3], tmp_path / "s.h5")
    results = sweep(runs, tmp_path / "s.h5", resume=True)
    (_, _, *_), (_, left, *_) = started
    works = [run.work for run in left]
    assert works == sorted(works, reverse=True)
    assert len(set(works)) == len(works) == 7
    assert {run.settings for run in left} == {run.settings for run in runs} - {runs[2].settings}
    assert len(results.rows) == 8


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (8, 1)),
        ({"threads": 2}, (4, 2)),
        ({"threads": 3}, (2, 3)),
        ({"threads": 20}, (1, 20)),
        ({"jobs": 3, "threads": 2}, (3, 2)),
    ],
)
def test_jobs_are_as_many_as_the_cores_take(tmp_path, started, given, expected):
    sweep(expand(SMALL), tmp_path / "s.h5", **given)
    ((task, _, *found),) = started
    assert tuple(found) == expected
    assert task.keywords["threads"] == expected[1]


def test_what_a_task_is_told(tmp_path, started, monkeypatch):
    """The folder by its whole path, for workers stand elsewhere; what exists there is kept."""
    monkeypatch.chdir(tmp_path)
    for more in ({}, {"resume": True}, {"overwrite": True}):
        sweep(expand(SMALL), "s.h5", backend="numpy", checkpoints=Path("networks"), **more)
    tasks = [task for task, *_ in started]
    assert [task.keywords["resume"] for task in tasks] == [True, True, False]
    assert {task.keywords["checkpoints"] for task in tasks} == {tmp_path / "networks"}
    assert {task.keywords["backend"] for task in tasks} == {"numpy"}
    sweep(expand(SMALL), "t.h5")
    assert started[-1][0].keywords["checkpoints"] is None


def test_folders_are_given_by_path_or_text(tmp_path, started):
    sweep(expand(SMALL), str(tmp_path / "s.h5"), checkpoints=str(tmp_path / "networks"))
    assert started[-1][0].keywords["checkpoints"] == tmp_path / "networks"
    assert (tmp_path / "networks").is_dir()


@pytest.mark.parametrize("how", [{}, {"overwrite": True}, {"resume": True}])
def test_results_are_a_file(tmp_path, monkeypatch, started, how):
    monkeypatch.chdir(tmp_path)
    for output in (".", tmp_path):
        with pytest.raises(InputError, match=r"is a folder: give the name of a file"):
            sweep(expand(SMALL), output, **how)
    assert started == []


def test_what_is_held_already_is_told_and_left_out(tmp_path, started):
    runs = expand(SMALL | {"seed": [1, 2, 3]})
    said = []
    sweep(runs[:2], tmp_path / "s.h5", say=said.append)
    assert said == []
    sweep(runs, tmp_path / "s.h5", resume=True, say=said.append)
    assert said == [f"'{tmp_path / 's.h5'}' holds 2 of these 3 runs already"]
    assert [run.settings.seed for run in started[-1][1]] == [3]


def test_networks_are_kept_where_asked_for(tmp_path):
    runs = expand(SMALL | {"seed": [1, 2]})
    sweep(runs, tmp_path / "s.h5", jobs=1, checkpoints=tmp_path / "networks")
    assert len(list((tmp_path / "networks").glob("dann-lrf-digits-2x8-s[12]-*.h5"))) == 2


def test_a_killed_process_is_replaced(tmp_path):
    runs = expand(SMALL | {"seed": list(range(6)), "epochs": 500})

    def workers():
        mine = psutil.Process().children(recursive=True)
        return [child.pid for child in mine if "popen_loky" in " ".join(child.cmdline())]

    thread = killed_after_a_row(tmp_path / "s.h5", workers)
    results = sweep(runs, tmp_path / "s.h5", jobs=2)
    thread.join()
    assert results.finished.keys() == {run.settings for run in runs}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_kills_its_process_is_recorded(jobs):
    def task(run):
        if run.settings.seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return row_of(run.settings, run.fingerprint, RESULT)

    rows = list(_rows_here(task, expand(SMALL | {"seed": list(range(5))}), jobs, 1))
    assert {row["seed"]: row["error"] for row in rows} == {0: "", 1: "", 2: KILLED, 3: "", 4: ""}


@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_are_started_in_the_order_given(tmp_path, jobs):
    def task(run):
        with open(tmp_path / "started", "a") as file:
            file.write(f"{run.settings.seed}\n")
        time.sleep(0.02)
        return row_of(run.settings, run.fingerprint, RESULT)

    seeds = list(range(20))
    list(_rows_here(task, expand(SMALL | {"seed": seeds}), jobs, 1))
    started = list(map(int, (tmp_path / "started").read_text().split()))
    assert sorted(started) == seeds
    assert all(abs(place - seed) < jobs for place, seed in enumerate(started))


def test_workers_do_not_survive_a_killed_sweep(tmp_path):
    # About a minute and a half: longer than this waits, and no longer should the test be killed.
    (tmp_path / "g.toml").write_text("seed = [0, 1]\nepochs = 30000\n")
    words = ["sweep", "g.toml", "--output", "s.h5", "--jobs", "2", "--checkpoints", "networks"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sparsedend", *words], cwd=tmp_path, env=os.environ | ENVIRONMENT
    )
    sweeping = psutil.Process(running.pid)

    def workers():
        children = sweeping.children(recursive=True)
        return [child for child in children if "popen_loky" in " ".join(child.cmdline())]

    # A worker that keeps its network has begun.
    while len(list(tmp_path.glob("networks/*.h5"))) < 2:
        time.sleep(0.02)
    found = workers()
    assert len(found) == 2
    running.kill()
    running.wait()
    _, alive = psutil.wait_procs(found, timeout=10)
    assert alive == []


def test_other_images_are_noticed(tmp_path):
    """A result on a data set that has changed since is not taken for one on the new."""
    path = tmp_path / "mine.h5"
    sizes = {"dendrites": 2, "somata": 3, "synapses": 4, "epochs": 1, "dataset": str(path)}
    write(made(), path)
    before = sweep(expand(sizes), tmp_path / "s.h5", jobs=1).rows
    write(made(train_x=np.flip(made().train_x)), path)
    with pytest.raises(
        InputError,
        match=r"holds runs on other images or labels than '.*mine.h5' has now: give another `outp",
    ):
        sweep(expand(sizes), tmp_path / "s.h5", jobs=1, resume=True)
    after = sweep(expand(sizes), tmp_path / "s.h5", jobs=1, overwrite=True).rows
    assert after[0]["test_loss"] != before[0]["test_loss"]


def test_two_sweeps_cannot_write_one_file(tmp_path):
    with (
        locked(tmp_path / "s.h5"),
        pytest.raises(InputError, match="is being written by another process"),
    ):
        sweep(expand(SMALL), tmp_path / "s.h5", jobs=1)
    assert len(sweep(expand(SMALL), tmp_path / "s.h5", jobs=1).rows) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["s.h5"]


def test_an_unknown_backend_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="unknown backend 'foo'"):
        sweep(expand(SMALL), tmp_path / "s.h5", backend="foo")
    assert not (tmp_path / "s.h5").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_sweep_goes_on_where_it_was(tmp_path, number):
    (tmp_path / "g.toml").write_text(
        "seed = [0, 1, 2, 3, 4, 5]\nepochs = 400\ndendrites = 2\nsomata = 8\nsynapses = 5\n"
    )
    command = [sys.executable, "-m", "sparsedend", "sweep", "g.toml", "--output", "s.h5"]
    environment = os.environ | ENVIRONMENT
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    path = tmp_path / "s.h5"
    while not (path.is_file() and Results.read(path).rows):
        time.sleep(0.02)
    os.killpg(running.pid, number)
    _, said = running.communicate(timeout=60)
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert "'s.h5' holds the finished runs: --resume goes on from it" in said
        assert "Traceback" not in said
        assert "leaked" not in said
    before = by_settings(Results.read(path))
    answer = subprocess.run(
        [*command, "--resume"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert f"'s.h5' holds {len(before)} of these 6 runs already" in answer.stderr
    after = by_settings(Results.read(path))
    assert len(after) == 6
    for settings, row in before.items():
        assert after[settings] == row, "not done again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": 0}, "jobs is 0: give a whole number"),
        ({"jobs": True}, "jobs is True: give a whole number"),
        ({"threads": -1}, "threads is -1: give a whole number"),
        ({"threads": 1.5}, "threads is 1.5: give a whole number"),
    ],
)
def test_refuses(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        sweep(expand(SMALL), tmp_path / "s.h5", **change)


def test_results_are_replaced_when_a_run_has_ended(tmp_path, monkeypatch):
    """A sweep that comes to none leaves them; one of nothing replaces them at once."""
    path = tmp_path / "s.h5"
    sweep(expand(SMALL), path, jobs=1)

    def broken(*_):
        yield from ()
        raise InputError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_rows_here", broken)
        with pytest.raises(InputError, match="the disk is gone"):
            sweep(expand(SMALL | {"seed": 2}), path, jobs=1, overwrite=True)
    assert [row["seed"] for row in Results.read(path).rows] == [1]
    sweep([], path, jobs=1, overwrite=True)
    assert Results.read(path).rows == []


def test_existing_results_are_kept_or_replaced(tmp_path):
    path = tmp_path / "s.h5"
    sweep(expand(SMALL), path, jobs=1)
    with pytest.raises(InputError, match="exists: give `resume=True`, `overwrite=True` or"):
        sweep(expand(SMALL), path, jobs=1)
    with pytest.raises(InputError, match="`resume` and `overwrite` are both given"):
        sweep(expand(SMALL), path, resume=True, overwrite=True)
    other = expand(SMALL | {"seed": 2})
    assert len(sweep(other, path, jobs=1, resume=True).rows) == 2
    assert len(sweep(other, path, jobs=1, overwrite=True).rows) == 1
