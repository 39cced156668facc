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

from sparsedend import checkpoint, models
from sparsedend.cli.main import cli, main
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

    refused = called("train", "--dataset", path, folder=tmp_path, check=2)
    assert "is no data set but a sparsedend-checkpoint" in refused.stderr
    told = invoked("info", path, "--json").stdout
    assert told.startswith("dann-lrf on digits, seed 1, after 3 epochs: test accuracy")
    shown = json.loads(told.splitlines()[-1])
    assert shown["parameters"] == result["parameters"]
    assert shown["result"] == result


def test_the_backend_may_change(tmp_path, emulated):
    """A run begun on a GPU goes on and is evaluated on the CPU, and the other way round."""
    path = tmp_path / "a.h5"
    small = [*SMALL[:-1], 1, "--output", path, "--json"]
    for epochs, backend in enumerate(("cupy", "numba", "cupy"), start=1):
        more = ["--epochs", epochs, "--resume", "--backend", backend]
        result = json.loads(invoked("train", *small, *more).stdout.splitlines()[-1])
        assert (result["backend"], result["epochs"]) == (backend, epochs)
        for other in ("numba", "cupy"):
            shown = invoked("evaluate", path, "--backend", other, "--json").stdout.splitlines()[-1]
            assert json.loads(shown)["test_loss"] == pytest.approx(result["test_loss"], rel=1e-5)


def test_a_backend_that_is_not_installed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sparsedend", "train", "--backend", "cupy"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "pip install 'sparsedend[cuda13]'" in capsys.readouterr().err


def test_info_on_a_model():
    text = invoked("info", "dann-r", "--dendrites", 4, "--somata", 128, "--json").stdout
    facts = json.loads(text.splitlines()[-1])
    assert facts["parameters"] == 10_634
    assert facts["density"] == pytest.approx(10_634 / 468_874)
    names = [matrix["name"] for matrix in facts["matrices"]]
    assert names == ["synapses", "cables", "classes"]
    assert facts["matrices"][0]["nnz"] == 16 * 512
    assert facts["dense_memory_bytes"] == 16 * 468_874


def test_info_does_not_build_the_model():
    """A billion dendrites would not fit."""
    sizes = ["--dendrites", 1000, "--somata", 1_000_000]
    text = invoked("info", "dann-r", *sizes, "--json").stdout
    assert json.loads(text.splitlines()[-1])["parameters"] == 18_011_000_010


OPTIONS = {
    "exact": True,
    "dropout": 0.2,
    "initializer": "sparse",
    "learning_rate": 0.01,
    "schedule": "step",
    "weight_decay": 5.0,
    "sequential": True,
    "noise": 0.1,
    "batch_size": 16,
    "seed": 3,
    "layers": 2,
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_of_train_changes_the_network(name, tmp_path):
    value = OPTIONS[name]
    word = f"--{name.replace('_', '-')}"
    words = [word] if value is True else [word, value]
    parameters, results = [], []
    for number, option in enumerate(([], words)):
        output = tmp_path / f"{number}.h5"
        text = invoked("train", "sann", *SMALL, *option, "--output", output, "--json").stdout
        results.append(json.loads(text.splitlines()[-1]))
        parameters.append(checkpoint.load(output).parameters)
    assert not np.array_equal(*parameters)
    assert results[1][name] == value
    found = json.loads(invoked("evaluate", output, "--json").stdout.splitlines()[-1])
    assert found["test_loss"] == pytest.approx(results[1]["test_loss"])


def test_patience_reaches_the_run(tmp_path):
    words = ["--patience", 2, "--learning-rate", 0.1, "--output", tmp_path / "a.h5", "--json"]
    result = json.loads(invoked("train", *SMALL[:-2], *words).stdout.splitlines()[-1])
    assert result["epochs"] == result["best_epoch"] + 2 < 100


def test_sweep_and_table(tmp_path):
    (tmp_path / "g.toml").write_text(
        'model = ["dann-r", "vann"]\nseed = [1, 2]\nepochs = 2\nsomata = 8\n'
        "learning_rate = [0.001, 1e30]\n"
    )
    answer = called("sweep", "g.toml", "--output", "s.h5", folder=tmp_path, check=1)
    assert answer.stdout == "4 runs finished, 4 failed: s.h5\n"
    assert answer.stderr.count("failed: dann-r 16 × 8, seed 1 on digits: the training loss") == 1
    shown = invoked("sweep", "table", tmp_path / "s.h5").stdout.splitlines()
    assert len(shown) == 5
    assert shown[0].split()[:2] == ["model", "dataset"]
    lines = invoked("sweep", "table", tmp_path / "s.h5", "--csv").stdout.splitlines()
    assert len(lines) == 9
    assert sum("use a smaller one" in line for line in lines) == 4
    assert lines[0].startswith("model,dataset,dendrites,somata")
    invoked("sweep", "table", tmp_path / "s.h5", "--output", tmp_path / "s.csv")
    (tmp_path / "good.toml").write_text('model = "dann-r"\nepochs = 2\nsomata = 8\n')
    again = called("sweep", "good.toml", "--output", "s.h5", "--resume", folder=tmp_path, check=0)
    assert again.stdout == "1 runs finished, 0 failed: s.h5\n"
    assert (tmp_path / "s.csv").read_text().splitlines() == lines


def test_data_of_your_own_by_name(tmp_path, cache):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (40, 6, 6), dtype=np.uint8))
    np.save(tmp_path / "y.npy", np.arange(40) % 4)
    arrays = ["--images", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"]
    invoked("data", "convert", "own", *arrays, "--name", "mine")
    assert (cache / "mine.h5").is_file()
    assert "mine                in the cache" in invoked("data", "list").stdout
    answer = called("train", "--dataset", "mina", folder=tmp_path, check=2)
    assert "did you mean 'mine'?" in answer.stderr
    answer = called("data", "convert", "own", *arrays, "--name", "mine", folder=tmp_path, check=2)
    assert "exists: give --overwrite" in answer.stderr
    output = tmp_path / "a.h5"
    text = invoked("train", *SMALL, "--dataset", "mine", "--output", output, "--json").stdout
    assert json.loads(text.splitlines()[-1])["dataset"] == "mine"


def test_data_commands(tmp_path, monkeypatch, cache):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    assert "comes with sparsedend" in invoked("data", "list").stdout
    assert "tiny                to download" in invoked("data", "list").stdout
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
        "dendrites × somata is 10000000000000000: give 2147483647 or less",
    ),
    "too large images": (
        ["info", "vann", "--image-shape", "10000000000,10000000000,1"],
        "values in an image is 100000000000000000000: give 2147483647 or less",
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
    "unknown schedule": (["train", "--schedule", "linear"], "unknown schedule 'linear'"),
    "dropout of all": (["train", "--dropout", "1"], "dropout is 1.0"),
    "negative noise": (["train", "--noise", "-1"], "noise is -1.0"),
    "no patience": (["train", "--patience", "0"], "patience is 0"),
    "too large batches": (
        ["train", "--sequential", "--batch-size", "900"],
        "too few for a batch of 900",
    ),
    "preset elsewhere": (["train", "--preset", "paper"], "knows no data set 'digits'"),
    "unknown preset": (["train", "--preset", "x"], "unknown preset 'x'"),
    "impossible plan": (["info", "dann-grf", "--dendrites", "785"], "only 784 pixels"),
    "own of nothing": (["data", "convert", "own"], "give --images and --labels, or a folder"),
    "own of text": (["data", "convert", "own", "text.h5"], "text.h5' cannot be read"),
    "own without labels": (
        ["data", "convert", "own", "--images", "x.npy"],
        "give --images and --labels",
    ),
    "own in a known name": (
        ["data", "convert", "own", "text.h5", "--name", "mnist"],
        "'mnist' is the name of a known data set",
    ),
    "own in another folder": (
        ["data", "convert", "own", "text.h5", "--name", "../mine"],
        "'../mine' cannot be the name of a data set",
    ),
    "own without a name": (
        ["data", "convert", "own", "text.h5", "--name", ""],
        "'' cannot be the name of a data set",
    ),
    "unknown backend of a sweep": (
        ["sweep", "good.toml", "--output", "s.h5", "--backend", "x"],
        "unknown backend 'x'",
    ),
    "options before the grid": (
        ["sweep", "--output", "s.h5", "none.toml"],
        "the grid 'none.toml' cannot be read",
    ),
    "no folder": (["data", "convert", "fmnist"], "no folder is given"),
    "no grid": (["sweep", "none.toml", "--output", "s.h5"], "the grid 'none.toml' cannot be read"),
    "unknown key": (["sweep", "bad.toml", "--output", "s.h5"], "unknown key 'dendrite': did you"),
    "misspelt table": (["sweep", "tabel", "s.h5"], "No such command 'tabel'"),
    "diverging": (
        ["train", "--learning-rate", "1e30", "--epochs", "1", "--output", "a.h5"],
        "the training loss is nan in epoch 1",
    ),
    "too small second layer": (
        ["train", "dann-r", "--layers", "2", "--somata", "8"],
        "layer 2, whose inputs are the somata of layer 1: synapses is 16, but there are only 8",
    ),
    "no scheduler": (
        ["sweep", "good.toml", "--output", "s.h5", "--scheduler", "127.0.0.1:9"],
        "no scheduler answers at '127.0.0.1:9'",
    ),
    "no folder of results": (
        ["sweep", "good.toml", "--output", "none/s.h5"],
        "the folder 'none' of 's.h5' does not exist",
    ),
    "no results": (["sweep", "table", "none.h5"], "there are no results 'none.h5'"),
    "text as results": (["sweep", "table", "text.h5"], "cannot be read as results"),
    "no originals": (["data", "convert", "fmnist", "folder"], "has no train-images"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(case, tmp_path, monkeypatch, capfd):
    arguments, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sparsedend", *map(str, arguments)])
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "bad.toml").write_text("dendrite = 3")
    (tmp_path / "good.toml").write_text("epochs = 1")
    (tmp_path / "folder").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capfd.readouterr()
    assert ended.value.code == 2, shown.err
    assert shown.err.count("\n") == 1, shown.err
    assert message in shown.err
    assert shown.out == ""
    left = {path.name for path in tmp_path.rglob("*.h5")} | set(before)
    assert left == set(before), "nothing is left behind"


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def build(*arguments, **sizes):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr(models, "build", build)
    monkeypatch.setattr(sys, "argv", ["sparsedend", "train", "--output", os.devnull, "--overwrite"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told == (
        "Error: not enough memory (Unable to allocate 3 TiB): choose a smaller network\n"
    )


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
        [sys.executable, "-m", "sparsedend", *arguments, "parts.h5", "--epochs", "5000"],
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
    assert running.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert "'parts.h5' holds the last finished epoch: --resume goes on from it" in said
        assert "with --output parts.h5" in said
    done = checkpoint.read(path).training.history.epochs
    epochs = ["--epochs", done + 20]
    called(*arguments, "parts.h5", "--resume", *epochs, folder=tmp_path, check=0)
    called(*arguments, "whole.h5", *epochs, folder=tmp_path, check=0)
    whole, parts = (checkpoint.load(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


def test_the_help_of_train_names_all_models():
    text = " ".join(invoked("train", "--help").stdout.split())
    assert f"MODEL is one of {', '.join(models.MODELS)}." in text


@pytest.mark.parametrize("arguments", [[], ["data"], ["sweep"]])
def test_without_a_command_help_is_shown(arguments, tmp_path):
    answer = called(*arguments, folder=tmp_path, check=2)
    assert answer.stderr.startswith("Usage: ")


def test_every_known_data_set_is_listed():
    text = invoked("data", "list").stdout
    for name in catalogue.names():
        assert name in text
