"""Sweeps on a cluster of two workers on this machine, and on schedulers that are none."""

import threading
import time
from contextlib import nullcontext

import pytest

from sparsedend import InputError
from sparsedend.locks import locked
from sparsedend.sweep import Results, expand, sweep
from tests.conftest import ROOT
from tests.sweep.rows import SMALL, by_settings, killed_after_a_row, same


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


@pytest.mark.parametrize("fault", ["locked", "gone", "several"])
def test_a_client_that_is_not_used_is_closed(tmp_path, monkeypatch, cluster, fault):
    """Where another sweep has the output, and where the scheduler goes, or has no fit worker."""
    distributed = pytest.importorskip("distributed")
    clients = []

    class Client(distributed.Client):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            clients.append(self)

        def nthreads(self):
            if fault == "gone":
                raise OSError("it is gone")
            return {"it": 2} if fault == "several" else super().nthreads()

    monkeypatch.setattr(distributed, "Client", Client)
    lock = locked(tmp_path / "s.h5") if fault == "locked" else nullcontext()
    words = {
        "locked": "is being written by another process",
        "gone": r"no scheduler answers at .* \(it is gone\)",
        "several": "the worker it has several threads",
    }
    with lock, pytest.raises(InputError, match=words[fault]):
        sweep(expand(SMALL), tmp_path / "s.h5", scheduler=cluster.scheduler_address)
    assert [client.status for client in clients] == ["closed"]


def test_a_scheduler_that_is_not_there_is_told_within_ten_seconds(tmp_path):
    began = time.monotonic()
    for address in ("tcp://127.0.0.1:9", "127.0.0.1"):
        with pytest.raises(InputError, match=rf"no scheduler answers at '{address}'"):
            sweep(expand(SMALL), tmp_path / "s.h5", scheduler=address)
    assert time.monotonic() - began < 10
    assert not (tmp_path / "s.h5").exists()
