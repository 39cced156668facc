"""Trainings that are stopped, killed, or begun twice, each in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from sparsedend import checkpoint
from tests.cli.commands import ENVIRONMENT, called, invoked
from tests.conftest import ROOT, edited

LONG = ["dann-r", "--dendrites", "2", "--somata", "4", "--synapses", "3", "--epochs", "100000"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def begun(folder, *more, output="a.h5"):
    """A training under way, with a checkpoint."""
    arguments = ["train", *LONG, "--backend", "numpy", "--output", output, *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "sparsedend", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | ENVIRONMENT,
    )
    return process


def has_epochs(path, process, epochs=2):
    while not path.is_file() or checkpoint.read(path).training.history.epochs < epochs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@posix
@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGTERM, 1), (signal.SIGTERM, 5), (signal.SIGINT, 5)]
)
def test_what_asks_a_training_to_end(tmp_path, number, times):
    process = begun(tmp_path)
    has_epochs(tmp_path / "a.h5", process)
    for _ in range(times):
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    if times == 1:
        assert err == (
            "Stopped; 'a.h5' holds the last finished epoch: --resume goes on from it, with "
            "--output a.h5.\n"
        )
    assert out == ""
    shown = called("check", "a.h5", folder=tmp_path, check=0).stdout
    assert shown == "a.h5: checkpoint, as it was written\n"
    done = checkpoint.read(tmp_path / "a.h5").training.history.epochs
    again = [*LONG[:-1], str(done + 1), "--backend", "numpy", "--output", "a.h5", "--resume"]
    resumed = called("train", *again, folder=tmp_path)
    assert "follows" not in resumed.stderr
    assert f"going on from 'a.h5' after epoch {done}" in resumed.stderr
    assert resumed.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_asked_a_second_time_it_ends_at_once(tmp_path):
    code = (
        "import signal; from sparsedend.cli import main\n"
        "signal.signal(signal.SIGINT, main._interrupt)\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: print('asked', flush=True)\n"
        "signal.raise_signal(signal.SIGTERM)\nprint('still here')"
    )
    environment = os.environ | ENVIRONMENT
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "asked\n", "")


@posix
def test_asked_when_all_is_done_it_has_ended_well():
    """Also where Python has no handlers any more."""
    code = (
        "import os, signal, sys\nfrom sparsedend.cli.main import main\n"
        "class Last:\n    def __del__(self, ask=os.kill, own=os.getpid()):\n"
        "        for number in 15, 2: ask(own, number)\n        print('asked', flush=True)\n"
        "last = Last()\nsys.argv = ['sparsedend', '--version']\nmain()\n"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | ENVIRONMENT, cwd=ROOT
    )
    assert ended.stdout.endswith("asked\n")
    assert (ended.returncode, ended.stderr) == (0, "")


@posix
def test_a_kill_leaves_nothing_that_the_next_run_does_not_remove(tmp_path):
    process = begun(tmp_path)
    has_epochs(tmp_path / "a.h5", process)
    process.kill()
    process.communicate()
    done = checkpoint.read(tmp_path / "a.h5").training.history.epochs
    (tmp_path / ".a.h5.0123abcd.tmp").write_bytes(b"half")
    again = [*LONG[:-1], str(done + 1), "--backend", "numpy", "--output", "a.h5", "--resume"]
    called("train", *again, folder=tmp_path, check=0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@posix
@pytest.mark.parametrize("how", [[], ["--overwrite"], ["--resume"]])
def test_two_trainings_have_not_one_output(tmp_path, how):
    first = begun(tmp_path)
    try:
        has_epochs(tmp_path / "a.h5", first)
        second = begun(tmp_path, *how)
        _, err = second.communicate(timeout=30)
        words = "is being written by another process: wait for it" if how else "exists: give"
        assert err.startswith(f"Error: 'a.h5' {words}")
        assert second.returncode == 2
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()


@posix
def test_of_two_trainings_begun_together_one_is_refused(tmp_path):
    both = [begun(tmp_path) for _ in range(2)]
    try:
        while all(process.poll() is None for process in both):
            time.sleep(0.02)
        (ended,) = (process for process in both if process.poll() is not None)
        _, err = ended.communicate()
        assert ended.returncode == 2
        assert err.startswith("Error: 'a.h5' is being written by another") or "exists: give" in err
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_what_check_says(tmp_path):
    called("train", *LONG[:-1], "1", "--backend", "numpy", "--output", "a.h5", folder=tmp_path)
    path = tmp_path / "a.h5"
    assert invoked("check", path).stdout == f"{path}: checkpoint, as it was written\n"
    with edited(path):
        pass
    words = "checkpoint, it can be read; it has no digest to tell more by"
    assert invoked("check", path).stdout == f"{path}: {words}\n"


RESULTS = ROOT / "tests" / "files" / "sweep-1.h5"
PRINTING = [["data", "list"], ["sweep", "table", str(RESULTS), "--csv"]]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("command", PRINTING)
def test_an_output_that_takes_no_more(tmp_path, command):
    with open("/dev/full", "w") as full:
        ended = printing(command, full, tmp_path)
    assert ended.stderr == "Error: No space left on device: check the path and the disk\n"
    assert ended.returncode == 2


@posix
@pytest.mark.parametrize("command", PRINTING)
def test_an_output_that_nobody_reads_any_more(tmp_path, command):
    read, written = os.pipe()
    os.close(read)
    ended = printing(command, written, tmp_path)
    os.close(written)
    assert (ended.stderr, ended.returncode) == ("", 1)


def printing(command, output, folder):
    return subprocess.run(
        [sys.executable, "-m", "sparsedend", *command],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | ENVIRONMENT,
    )


@posix
@pytest.mark.parametrize(
    ("encoding", "name", "shown"),
    [("latin-1", "→.h5", r"\u2192.h5"), ("utf-8", "\udcff.h5", r"\udcff.h5")],
)
def test_names_that_the_output_has_no_letters_for(tmp_path, encoding, name, shown):
    shutil.copy(RESULTS, tmp_path / name)
    ended = called("check", name, folder=tmp_path, check=0, PYTHONIOENCODING=encoding)
    assert ended.stdout.startswith(f"{shown}: results of a sweep")
