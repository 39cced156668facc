"""Sweeps in real processes: here, on a cluster of two workers, killed and resumed."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from sparsedend import InputError, backends
from sparsedend.backends.threads import available_threads
from sparsedend.datasets import write
from sparsedend.files import locked
from sparsedend.run import run
from sparsedend.sweep import Results, expand, sweep
from sparsedend.sweep.engine import KILLED, _rows_here
from sparsedend.sweep.results import row_of
from sparsedend.sweep.worker import execute
from tests.conftest import CUPY, ROOT
from tests.datasets.test_datasets import made
from tests.sweep.test_results import RESULT

SMALL = {"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 2}


def by_settings(results):
    return {Results.settings_of(row): row for row in results.rows}


def same(one, other):
    """Whether two rows agree in everything but time and memory."""
    volatile = ("train_seconds", "seconds_per_epoch", "seconds")
    return all(one[name] == other[name] for name in one if name not in volatile)


def killed_after_a_row(path, pids):
    """Thread that kills one of the processes when the first run has ended."""

    def wait():
        while not (path.is_file() and Results.read(path).rows):
            time.sleep(0.02)
        os.kill(pids()[0], signal.SIGKILL)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


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


def test_a_run_that_fails_is_recorded_and_the_others_go_on(tmp_path):
    runs = expand(SMALL | {"learning_rate": [1e30, 1e-3]})
    said = []
    results = by_settings(sweep(runs, tmp_path / "s.h5", jobs=2))
    errors = {settings.learning_rate: row["error"] for settings, row in results.items()}
    assert "loss is nan in epoch 1 with learning rate 1e+30: use a smaller one" in errors[1e30]
    assert errors[1e-3] == ""
    sweep(runs, tmp_path / "s.h5", jobs=1, resume=True, say=said.append)
    assert said == [f"'{tmp_path / 's.h5'}' holds 1 of these 2 runs already"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_has_the_threads_it_is_given(tmp_path, jobs):
    results = sweep(expand(SMALL | {"seed": [1, 2]}), tmp_path / "s.h5", jobs=jobs, threads=2)
    assert [row["threads"] for row in results.rows] == [min(2, available_threads())] * 2


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
    running = subprocess.Popen(
        [sys.executable, "-m", "sparsedend", "sweep", "g.toml", "--output", "s.h5", "--jobs", "2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    sweeping = psutil.Process(running.pid)

    def workers():
        children = sweeping.children(recursive=True)
        return [child for child in children if "popen_loky" in " ".join(child.cmdline())]

    while len(found := workers()) < 2:
        time.sleep(0.05)
    time.sleep(2)
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
    with pytest.raises(InputError, match=r"holds runs on other images or labels than '.*mine.h5'"):
        sweep(expand(sizes), tmp_path / "s.h5", jobs=1, resume=True)
    after = sweep(expand(sizes), tmp_path / "s.h5", jobs=1, overwrite=True).rows
    assert after[0]["test_loss"] != before[0]["test_loss"]
    planned = replace(expand(sizes)[0], fingerprint="another")
    row = execute(planned, "numpy", 1, None, False)
    assert "has other images or labels than the sweep's" in row["error"]


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
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
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


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two workers, each a process of one thread."""
    distributed = pytest.importorskip("distributed")
    environment = {"PYTHONPATH": str(ROOT)}
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        host="127.0.0.1",
        env=environment,
    ) as running:
        yield running


def test_a_cluster_gives_the_same(tmp_path, cluster):
    runs = expand(SMALL | {"model": ["dann-r", "sann"], "seed": [1, 2]})
    here = by_settings(sweep(runs, tmp_path / "here.h5", jobs=1))
    address = cluster.scheduler_address
    there = by_settings(sweep(runs, tmp_path / "there.h5", scheduler=address))
    assert here.keys() == there.keys()
    assert all(same(row, there[settings]) for settings, row in here.items())


def test_a_killed_worker_loses_no_run(tmp_path, cluster):
    runs = expand(SMALL | {"seed": list(range(6)), "epochs": 500})

    def workers():
        return [worker.pid for worker in cluster.workers.values()]

    thread = killed_after_a_row(tmp_path / "s.h5", workers)
    results = sweep(runs, tmp_path / "s.h5", scheduler=cluster.scheduler_address)
    thread.join()
    assert results.finished.keys() == {run.settings for run in runs}


def test_workers_of_several_threads_are_refused(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address=":0", host="127.0.0.1"
        ) as running,
        pytest.raises(InputError, match="has several threads: start workers with"),
    ):
        sweep(expand(SMALL), tmp_path / "s.h5", scheduler=running.scheduler_address)
    assert not (tmp_path / "s.h5").exists()


def test_a_scheduler_that_goes_away_is_told(tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
    ) as running:
        path = tmp_path / "s.h5"

        def close():
            while not (path.is_file() and Results.read(path).rows):
                time.sleep(0.02)
            running.close()

        thread = threading.Thread(target=close)
        thread.start()
        runs = expand(SMALL | {"seed": list(range(6)), "epochs": 500})
        with pytest.raises(InputError, match="the scheduler is gone; finished runs are kept"):
            sweep(runs, path, scheduler=running.scheduler_address)
        thread.join()
    assert 1 <= len(Results.read(path).rows) < 6


def test_a_scheduler_without_workers_is_refused(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", host="127.0.0.1") as running,
        pytest.raises(InputError, match="it has no workers: start workers with"),
    ):
        sweep(expand(SMALL), tmp_path / "s.h5", scheduler=running.scheduler_address)


def test_a_scheduler_that_is_not_there_is_told_within_ten_seconds(tmp_path):
    began = time.monotonic()
    for address in ("tcp://127.0.0.1:9", "127.0.0.1"):
        with pytest.raises(InputError, match=rf"no scheduler answers at '{address}'"):
            sweep(expand(SMALL), tmp_path / "s.h5", scheduler=address)
    assert time.monotonic() - began < 10
    assert not (tmp_path / "s.h5").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"jobs": 0}, "jobs is 0"), ({"threads": -1}, "threads is -1")],
)
def test_refuses(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        sweep(expand(SMALL), tmp_path / "s.h5", **change)


def test_existing_results_are_kept_or_replaced(tmp_path):
    path = tmp_path / "s.h5"
    sweep(expand(SMALL), path, jobs=1)
    with pytest.raises(InputError, match="exists: give --resume, --overwrite"):
        sweep(expand(SMALL), path, jobs=1)
    other = expand(SMALL | {"seed": 2})
    assert len(sweep(other, path, jobs=1, resume=True).rows) == 2
    assert len(sweep(other, path, jobs=1, overwrite=True).rows) == 1


def test_time_left_is_judged_by_work(monkeypatch):
    from sparsedend.sweep import progress

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
