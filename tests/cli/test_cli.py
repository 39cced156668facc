"""The command line as a user meets it: in its own process where exit codes and streams matter."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sparsedend import checkpoint, datasets
from sparsedend.cli import networks
from sparsedend.cli import sweep as sweeps
from sparsedend.datasets import catalogue
from sparsedend.settings import Settings
from tests.cli.commands import ENVIRONMENT, SMALL, called, ended, invoked
from tests.conftest import ROOT
from tests.datasets.test_datasets import put, small_originals


def test_train_evaluate_predict_info(tmp_path, monkeypatch, capsys):
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

    assert ended(monkeypatch, "train", "--dataset", path, "--output", tmp_path / "b.h5") == 2
    assert "is no data set but a sparsedend-checkpoint" in capsys.readouterr().err
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
    monkeypatch.chdir(tmp_path)
    assert ended(monkeypatch, "train", "--backend", "cupy") == 2
    assert "pip install 'sparsedend[cuda13]'" in capsys.readouterr().err


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


def test_sweep_and_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.toml").write_text(
        'model = ["dann-r", "vann"]\nseed = [1, 2]\nepochs = 2\nsomata = 8\n'
        "learning_rate = [0.001, 1e30]\n"
    )
    assert ended(monkeypatch, "sweep", "g.toml", "--output", "s.h5") == 1
    shown = capsys.readouterr()
    assert shown.out == "4 runs finished, 4 failed: s.h5\n"
    assert shown.err.count("failed: dann-r 16 × 8, seed 1 on digits: the training loss") == 1
    shown = invoked("sweep", "table", tmp_path / "s.h5").stdout.splitlines()
    assert len(shown) == 5
    assert shown[0].split()[:2] == ["model", "dataset"]
    lines = invoked("sweep", "table", tmp_path / "s.h5", "--csv").stdout.splitlines()
    assert len(lines) == 9
    assert sum("use a smaller learning rate" in line for line in lines) == 4
    assert lines[0].startswith("model,dataset,dendrites,somata")
    invoked("sweep", "table", tmp_path / "s.h5", "--output", tmp_path / "s.csv")
    (tmp_path / "good.toml").write_text('model = "dann-r"\nepochs = 2\nsomata = 8\n')
    again = called("sweep", "good.toml", "--output", "s.h5", "--resume", folder=tmp_path, check=0)
    assert again.stdout == "1 runs finished, 0 failed: s.h5\n"
    assert "'s.h5' holds 1 of these 1 runs already" in again.stderr
    assert (tmp_path / "s.csv").read_text().splitlines() == lines


def test_data_of_your_own_by_name(tmp_path, cache, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (40, 6, 6), dtype=np.uint8))
    np.save(tmp_path / "y.npy", np.arange(40) % 4)
    arrays = ["--images", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"]
    invoked("data", "convert", "own", *arrays, "--name", "mine")
    assert (cache / "mine.h5").is_file()
    assert "mine                in the cache" in invoked("data", "list").stdout
    output = tmp_path / "a.h5"
    assert ended(monkeypatch, "train", "--dataset", "mina", "--output", output) == 2
    assert "did you mean 'mine'?" in capsys.readouterr().err
    assert ended(monkeypatch, "data", "convert", "own", *arrays, "--name", "mine") == 2
    assert "exists: give --overwrite" in capsys.readouterr().err
    words = ["--dataset", "mine", "--output", output, "--backend", "numpy", "--json"]
    text = invoked("train", *SMALL, *words).stdout
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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_resumed_gives_the_same_bits(number, tmp_path):
    arguments = ["train", "--somata", "32", "--output"]
    running = subprocess.Popen(
        [sys.executable, "-m", "sparsedend", *arguments, "parts.h5", "--epochs", "5000"],
        cwd=tmp_path,
        env=os.environ | ENVIRONMENT,
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
    invoked(*arguments, path, "--resume", *epochs)
    invoked(*arguments, tmp_path / "whole.h5", *epochs)
    whole, parts = (checkpoint.load(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


def interrupted(*arguments, **more):
    raise KeyboardInterrupt


def test_ctrl_c_ends_training_with_130(tmp_path, monkeypatch, capsys):
    """With a word on how to go on, where there is something to go on from."""
    path = tmp_path / "a.h5"
    invoked("train", *SMALL, "--backend", "numpy", "--output", path)
    monkeypatch.setattr(networks.run, "run", interrupted)
    assert ended(monkeypatch, "train", "--resume", "--output", path) == 130
    assert capsys.readouterr().err == (
        f"Stopped; '{path}' holds the last finished epoch: --resume goes on from it, with --output "
        f"{path}.\n"
    )
    assert ended(monkeypatch, "train", "--output", tmp_path / "none.h5") == 130
    assert capsys.readouterr().err == "\nStopped.\n"


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_ctrl_c_before_anything_is_replaced_promises_nothing(
    command, tmp_path, monkeypatch, capsys
):
    """What lies there is another run's; once something of this one does, that is told."""
    (tmp_path / "g.toml").write_text("epochs = 1")
    (path := tmp_path / "a.h5").write_text("old")
    more = [tmp_path / "g.toml"] if command == "sweep" else []
    given = command, *more, "--output", path, "--overwrite"
    told = {}
    for name, content in (("nothing", None), ("new", "newer")):

        def ends(*_, content=content, **__):
            if content:
                path.write_text(content)
            raise KeyboardInterrupt

        monkeypatch.setattr(networks.run, "run", ends)
        monkeypatch.setattr(sweeps.sweeps, "sweep", ends)
        assert ended(monkeypatch, *given) == 130
        told[name] = capsys.readouterr().err
    assert told["nothing"] == "\nStopped.\n"
    assert told["new"].startswith(f"Stopped; '{path}' holds the ")


def test_ctrl_c_ends_a_sweep_with_130(tmp_path, monkeypatch, capsys):
    (tmp_path / "g.toml").write_text("epochs = 1")
    (tmp_path / "s.h5").touch()
    monkeypatch.setattr(sweeps.sweeps, "sweep", interrupted)
    given = "sweep", tmp_path / "g.toml", "--output", tmp_path / "s.h5"
    assert ended(monkeypatch, *given, "--resume") == 130
    assert capsys.readouterr().err == (
        f"Stopped; '{tmp_path / 's.h5'}' holds the finished runs: --resume goes on from it.\n"
    )
    assert ended(monkeypatch, "sweep", tmp_path / "g.toml", "--output", tmp_path / "t.h5") == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_ctrl_c_ends_everything_else_with_130(monkeypatch, capsys):
    monkeypatch.setattr(datasets, "load", interrupted)
    assert ended(monkeypatch, "data", "info", "digits") == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_an_old_checkpoint_is_evaluated_on_the_images_of_its_run(tmp_path):
    """With their noise; another data set has none."""
    path = tmp_path / "a.h5"
    words = ["--noise", 0.7, "--seed", 3, "--backend", "numpy", "--output", path, "--json"]
    result = json.loads(invoked("train", *SMALL, *words).stdout.splitlines()[-1])
    losses = []
    for words in ([], ["--dataset", "digits"]):
        shown = invoked("evaluate", path, *words, "--backend", "numpy", "--json").stdout
        losses.append(json.loads(shown.splitlines()[-1])["test_loss"])
    assert losses[0] == result["test_loss"] != losses[1]


def test_the_preset_leaves_what_is_given(monkeypatch):
    given = []
    monkeypatch.setattr(networks.run, "run", lambda settings, *rest, **more: given.append(settings))
    monkeypatch.setattr(networks.run, "fresh_output", lambda settings: Path("none.h5"))
    words = ["--preset", "paper", "--dataset", "mnist", "--batch-size", 64, "--learning-rate", 1e-3]
    with pytest.raises(TypeError):
        invoked("train", *words)
    assert given == [Settings(dataset="mnist", batch_size=64, epochs=15)]


@pytest.mark.parametrize("arguments", [[], ["data"], ["sweep"]])
def test_without_a_command_help_is_shown(arguments, monkeypatch, capsys):
    assert ended(monkeypatch, *arguments) == 2
    assert capsys.readouterr().err.startswith("Usage: ")


def test_every_known_data_set_is_listed():
    text = invoked("data", "list").stdout
    for name in catalogue.names():
        assert name in text
