"""The command line as a user meets it: in its own process where exit codes and streams matter."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from sparsedend import checkpoint
from sparsedend.cli.main import cli
from sparsedend.datasets import catalogue
from tests.conftest import ROOT
from tests.datasets.test_datasets import put, small_originals

SMALL = ["--dendrites", "2", "--somata", "8", "--synapses", "5", "--epochs", "3"]


def called(*arguments, folder, check=None):
    """Run the command in its own process."""
    answer = subprocess.run(
        [sys.executable, "-m", "sparsedend", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    if check is not None:
        assert answer.returncode == check, answer.stderr
    return answer


def invoked(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)


def test_train_evaluate_predict_info(tmp_path):
    trained = called("train", *SMALL, "--json", folder=tmp_path, check=0)
    result = json.loads(trained.stdout.splitlines()[-1])
    path = tmp_path / result["checkpoint"]
    assert path.parent == tmp_path / "runs"
    assert "\r" not in trained.stderr, "no progress bar without a terminal"

    evaluated = invoked("evaluate", path, "--json")
    facts = json.loads(evaluated.stdout.splitlines()[-1])
    assert facts["test_accuracy"] == result["test_accuracy"]
    assert facts["test_loss"] == pytest.approx(result["test_loss"])

    images = ROOT / "data" / "digits.h5"
    for extra, shape in (([], (360,)), (["--probabilities"], (360, 10))):
        output = tmp_path / f"{len(extra)}.npy"
        invoked("predict", path, images, "--output", output, *extra)
        assert np.load(output).shape == shape

    shown = json.loads(invoked("info", path, "--json").stdout.splitlines()[-1])
    assert shown["parameters"] == result["parameters"]
    assert shown["result"] == result


def test_info_on_a_model():
    text = invoked("info", "dann-r", "--dendrites", 4, "--somata", 128, "--json").stdout
    facts = json.loads(text.splitlines()[-1])
    assert facts["parameters"] == 10_634
    assert facts["density"] == pytest.approx(10_634 / 468_874)


def test_data_commands(tmp_path, monkeypatch, cache):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    assert "comes with sparsedend" in invoked("data", "list").stdout
    assert "tiny      to download" in invoked("data", "list").stdout
    output = tmp_path / "tiny.h5"
    invoked("data", "convert", "tiny", tmp_path / "tiny", "--output", output)
    facts = json.loads(invoked("data", "info", output, "--json").stdout.splitlines()[-1])
    assert (facts["train_images"], facts["image_shape"]) == (6, [3, 4, 1])
    invoked("data", "convert", "tiny", tmp_path / "tiny")
    assert (cache / "tiny.h5").is_file()
    assert "in the cache" in invoked("data", "list").stdout


BAD = {
    "unknown model": (["train", "dan-r"], "unknown model 'dan-r': did you mean 'dann-r'"),
    "unknown data set": (["train", "--dataset", "mnits"], "did you mean 'mnist'"),
    "missing data file": (["train", "--dataset", "none.h5"], "there is no data set file"),
    "text as data": (["train", "--dataset", "text.h5"], "damaged or not HDF5"),
    "too many synapses": (["train", "--synapses", "65"], "only 64 pixels"),
    "no dendrites": (["train", "--dendrites", "0"], "dendrites is 0"),
    "negative somata": (["train", "--somata", "-1"], "somata is -1"),
    "too many dendrites": (
        ["train", "--dendrites", "100000000", "--somata", "100000000"],
        "not enough memory",
    ),
    "no number": (["train", "--somata", "x"], "'x' is not a valid integer"),
    "empty batch": (["train", "--batch-size", "0"], "batch size is 0"),
    "no epochs": (["train", "--epochs", "0"], "epochs is 0"),
    "no threads": (["train", "--threads", "0"], "threads is 0"),
    "unknown backend": (["train", "--backend", "x"], "unknown backend 'x'"),
    "no such folder": (["train", "--output", "none/a.h5"], "the folder 'none' of 'a.h5'"),
    "output is a folder": (["train", "--output", "folder"], "'folder' exists"),
    "resume and overwrite": (["train", "--resume", "--overwrite"], "choose one"),
    "resume without output": (["train", "--resume"], "without --output"),
    "no checkpoint": (["evaluate", "none.h5"], "there is no checkpoint 'none.h5'"),
    "text as checkpoint": (["evaluate", "text.h5"], "cannot be read as a checkpoint"),
    "predict nothing": (["predict", "none.h5", "x.npy", "--output", "o.npy"], "no checkpoint"),
    "unknown command": (["trian"], "No such command 'trian'"),
    "unknown option": (["train", "--dendrite", "3"], "No such option"),
    "unknown subject": (["info", "dann"], "unknown model 'dann'"),
    "bad shape": (["info", "dann-r", "--image-shape", "28"], "--image-shape is '28'"),
    "embedded fetch": (["data", "fetch", "digits"], "nothing to fetch"),
    "no originals": (["data", "convert", "fmnist", "folder"], "has no train-images"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, tmp_path):
    arguments, message = BAD[case]
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "folder").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    answer = called(*arguments, folder=tmp_path, check=2)
    lines = answer.stderr.splitlines()
    assert len(lines) == 1, answer.stderr
    assert message in lines[0]
    assert answer.stdout == ""
    left = {path.name for path in tmp_path.rglob("*.h5")} | set(before)
    assert left == set(before), "nothing is left behind"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder that not even root can write")
def test_a_folder_that_cannot_be_written(tmp_path):
    answer = called("train", "--output", "/proc/self/a.h5", folder=tmp_path, check=2)
    assert "cannot be written" in answer.stderr


def test_no_folder_for_compiled_kernels(tmp_path):
    code = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []; "
        "from sparsedend.cli.main import main; main()"
    )
    for backend, expected in (("auto", 2), ("numpy", 0)):
        answer = subprocess.run(
            [sys.executable, "-c", code, "train", *SMALL, "--backend", backend],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert answer.returncode == expected
        if expected == 2:
            assert "set NUMBA_CACHE_DIR" in answer.stderr
            assert len(answer.stderr.splitlines()) == 1


def test_predict_keeps_an_existing_output(tmp_path):
    called("train", *SMALL, "--output", "a.h5", folder=tmp_path, check=0)
    (tmp_path / "o.npy").write_text("mine")
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 1), np.uint8))
    np.save(tmp_path / "y.npy", np.zeros((2, 8, 9, 1), np.uint8))
    np.save(tmp_path / "z.npy", np.full((2, 8, 8, 1), np.nan))
    np.save(tmp_path / "p.npy", np.array([{}]), allow_pickle=True)
    for images, output, message in (
        ("x.npy", "o.npy", "'o.npy' exists"),
        ("y.npy", "p.out", "images have shape (2, 8, 9, 1)"),
        ("z.npy", "p.out", "image 0 holds nan"),
        ("p.npy", "p.out", "cannot be read"),
        ("none.npy", "p.out", "there is no file"),
    ):
        answer = called("predict", "a.h5", images, "--output", output, folder=tmp_path, check=2)
        assert message in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
    assert (tmp_path / "o.npy").read_text() == "mine"
    assert not (tmp_path / "p.out").exists()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_resumed_gives_the_same_bits(number, tmp_path):
    arguments = ["train", "--somata", "32", "--output"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sparsedend", *arguments, "parts.h5", "--epochs", "1000000"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    path = tmp_path / "parts.h5"
    while not path.exists() or checkpoint.read(path).training.history.epochs == 0:
        time.sleep(0.01)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert "'parts.h5' holds the last finished epoch: --resume goes on from it" in said
    done = checkpoint.read(path).training.history.epochs
    epochs = ["--epochs", done + 20]
    called(*arguments, "parts.h5", "--resume", *epochs, folder=tmp_path, check=0)
    called(*arguments, "whole.h5", *epochs, folder=tmp_path, check=0)
    whole, parts = (checkpoint.load(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


def test_every_known_data_set_is_listed():
    text = invoked("data", "list").stdout
    for name in catalogue.names():
        assert name in text
