"""One run in a worker: what it trains on, with what, where it keeps it, and what its row says."""

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from sparsedend import backends, checkpoint, datasets
from sparsedend.run import run
from sparsedend.settings import Settings
from sparsedend.sweep import expand, worker
from sparsedend.sweep.worker import execute, name_of
from tests.datasets.test_datasets import made
from tests.sweep.rows import SMALL, same


@pytest.fixture
def planned():
    (only,) = expand(SMALL | {"noise": 0.5, "epochs": 1, "seed": 4})
    return only


def test_a_row_is_what_the_run_gave(planned):
    row = execute(planned, "numpy", 1, None, True)
    result = run(planned.settings, None, backend=backends.create("numpy", 1))
    assert row["test_loss"] == result["test_loss"]
    assert row["training_loss"] == result["training_loss"]
    assert (row["fingerprint"], row["error"]) == (planned.fingerprint, "")
    assert (row["epochs_run"], row["epochs"]) == (1, 1)
    assert same(row, execute(planned, "numpy", 1, None, False))


def test_threads_and_backend_are_those_given(planned, monkeypatch):
    asked = []
    create = backends.create

    def recorded(*arguments):
        asked.append(arguments)
        return create("numpy", 1)

    monkeypatch.setattr(worker.backends, "create", recorded)
    execute(planned, "numba", 7, None, True)
    execute(planned, "cupy", None, None, True)
    assert asked == [("numba", 7), ("cupy", None)]


def test_a_network_is_kept_under_the_name_of_its_settings(planned, tmp_path):
    """It is gone on from, or made anew."""
    row = execute(planned, "numpy", 1, tmp_path, True)
    (path,) = tmp_path.iterdir()
    assert path.name == f"{name_of(planned.settings)}.h5"
    assert path.name.startswith("dann-lrf-digits-2x8-s4-")
    written = path.stat().st_mtime_ns
    assert execute(planned, "numpy", 1, tmp_path, True) == row
    assert path.stat().st_mtime_ns == written, "finished already"
    assert same(execute(planned, "numpy", 1, tmp_path, False), row)
    assert path.stat().st_mtime_ns > written
    assert checkpoint.read(path).about["settings"]["noise"] == 0.5


def test_the_name_of_a_run_lasts():
    """Else a sweep that goes on would not find its networks."""
    assert name_of(Settings()) == "dann-lrf-digits-16x64-s1-44136fa3"
    assert name_of(Settings(model="vann", learning_rate=0.01)) == "vann-digits-16x64-s1-50f408a4"


def test_errors_are_told_in_the_row(planned, monkeypatch):
    (diverging,) = expand(SMALL | {"learning_rate": 1e30})
    row = execute(diverging, "numba", 1, None, True)
    assert row["error"].startswith("the training loss is nan in epoch 1")
    assert (row["test_loss"], row["parameters"], row["backend"]) == (None, None, "")
    monkeypatch.setattr(worker, "run", lambda *arguments, **more: 1 / 0)
    row = execute(planned, "numpy", 1, None, True)
    assert row["error"] == "ZeroDivisionError: division by zero"


def test_other_images_than_the_sweep_s_are_told(planned):
    row = execute(replace(planned, fingerprint="another"), "numpy", 1, None, False)
    assert "has other images or labels than the sweep's" in row["error"]


def test_a_data_set_is_loaded_once_until_its_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "mine.h5"
    sizes = {"dendrites": 2, "somata": 3, "synapses": 4, "epochs": 1, "dataset": str(path)}
    datasets.write(made(), path)
    runs = expand(sizes | {"seed": [1, 2]})
    loads = []
    load = datasets.load
    monkeypatch.setattr(worker.datasets, "load", lambda name: loads.append(name) or load(name))
    assert [execute(each, "numpy", 1, None, True)["error"] for each in runs] == ["", ""]
    assert loads == [str(path)]
    datasets.write(made(train_x=np.flip(made().train_x)), path)
    os.utime(path, ns=(1, 1))
    assert "has other images" in execute(runs[0], "numpy", 1, None, True)["error"]
    assert loads == [str(path)] * 2


def test_a_data_set_that_several_threads_want_is_loaded_once(tmp_path, monkeypatch):
    path = tmp_path / "mine.h5"
    sizes = {"dendrites": 2, "somata": 3, "synapses": 4, "epochs": 1, "dataset": str(path)}
    datasets.write(made(), path)
    runs = expand(sizes | {"seed": [1, 2, 3, 4]})
    loads = []
    load = datasets.load

    def slowly(name):
        loads.append(name)
        time.sleep(0.05)
        return load(name)

    monkeypatch.setattr(worker.datasets, "load", slowly)
    monkeypatch.setattr(worker, "run", lambda *arguments, **more: {})
    threads = [
        threading.Thread(target=execute, args=(each, "numpy", 1, None, True)) for each in runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1


def test_a_worker_leaves_ctrl_c_to_its_parent_and_ends_with_it(monkeypatch):
    """What is done to the process is only looked at."""
    parents, ended, handlers = iter([5, 5, 5, 1]), [], []
    over = threading.Event()
    monkeypatch.setattr(worker.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(worker.os, "_exit", lambda code: (ended.append(code), over.set()))
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(worker.signal, "signal", lambda *call: handlers.append(call))
    monkeypatch.setattr(worker.tqdm, "set_lock", lambda lock: handlers.append(type(lock)))
    worker.begin()
    assert over.wait(10)
    assert ended == [1]
    assert handlers == [(signal.SIGINT, signal.SIG_IGN), type(threading.RLock())]
