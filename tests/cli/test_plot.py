"""The commands that draw."""

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import backends, datasets
from sparsedend.cli import plot
from sparsedend.run import run
from sparsedend.settings import Settings
from tests.cli.commands import ended, invoked
from tests.plots.drawn import model

#: How a file of each format begins.
BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
COMMANDS = ("receptive-fields", "connectivity", "history", "confusion", "tree")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Checkpoint of a short run."""
    path = tmp_path_factory.mktemp("trained") / "a.h5"
    settings = Settings(dendrites=2, somata=5, synapses=4, epochs=2)
    run(settings, path, backend=backends.create("numpy"), progress=False)
    return path


def drawn(command, path, *options):
    """Call a command that computes with NumPy, where it computes."""
    engine = ["--backend", "numpy"] if command == "confusion" else []
    return ["plot", command, path, *options, *engine]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_format(command, trained, tmp_path):
    for form, begin in BEGINS.items():
        output = tmp_path / f"a.b.{form}"
        said = invoked(*drawn(command, trained, "-o", output)).stdout
        assert said == f"{output}\n"
        assert output.read_bytes().startswith(begin)
    written = output.read_bytes()
    invoked(*drawn(command, trained, "-o", output, "--overwrite"))
    assert output.read_bytes() == written


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_replaced_only_when_asked(command, trained, tmp_path, monkeypatch, capsys):
    output = tmp_path / "a.PNG"
    output.write_text("mine")
    assert ended(monkeypatch, *drawn(command, trained, "-o", output)) == 2
    said = capsys.readouterr().err
    assert said == f"Error: '{output}' exists: give --overwrite or another --output\n"
    assert output.read_text() == "mine"


def test_what_is_asked_for_is_drawn(trained, tmp_path):
    output = tmp_path / "a.svg"
    invoked("plot", "receptive-fields", trained, "-o", output, "--soma", 4, "--soma", 1)
    assert "somata 4, 1 of 5; of each all 2 dendrites" in output.read_text()
    invoked("plot", "tree", trained, "-o", output, "--soma", 3, "--overwrite")
    assert "somata 3 of 5; of each all 2 dendrites" in output.read_text()
    invoked("plot", "connectivity", trained, "-o", output, "--overwrite")
    for name in ("layer 0, synapses; local: 40", "layer 0, cables; tree: 10"):
        assert name in output.read_text()
    invoked("plot", "history", trained, "-o", output, "--overwrite")
    for name in ("loss", "accuracy", "best epoch, 2"):
        assert name in output.read_text()
    assert "#d55e00" in output.read_text()  # Of a dann-lrf.
    invoked(*drawn("confusion", trained, "-o", output, "--overwrite"))
    accuracy = sd.evaluate(
        sd.load(trained, backend=backends.create("numpy")),
        *(sd.datasets.load("digits").test_x, sd.datasets.load("digits").test_y),
    ).accuracy
    assert f"of 360 right ({accuracy:.2%})" in output.read_text()


def test_another_data_set(trained, tmp_path, digits):
    images = digits.test_x[:20], np.arange(20) % 10
    other = datasets.Dataset("other", tuple("abcdefghij"), *images, *images)
    datasets.write(other, tmp_path / "other.h5")
    output = tmp_path / "a.svg"
    words = ["-o", output, "--dataset", tmp_path / "other.h5"]
    invoked(*drawn("confusion", trained, *words))
    assert "of 20 right" in output.read_text()


def test_matrices_beyond_the_panels_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(plot, "PANELS", 2)
    sd.save(model("dann-r", layers=2, synapses=2), tmp_path / "a.h5")
    output = tmp_path / "a.svg"
    invoked("plot", "connectivity", tmp_path / "a.h5", "-o", output)
    assert "the first 2 of 4 matrices" in output.read_text()
    assert "layer 1" not in output.read_text()


def test_a_network_for_values_has_no_accuracy(tmp_path):
    made = sd.models.build("dann-r", 6, 1, synapses=2, backend=backends.create("numpy"))
    training = sd.Training()
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    sd.fit(made, x, x[:, 0], epochs=2, training=training)
    sd.save(made, tmp_path / "a.h5", training=training)
    invoked("plot", "history", tmp_path / "a.h5", "-o", tmp_path / "a.svg")
    assert "accuracy" not in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["history", "vann.h5"], "'vann.h5' holds a network without a training"),
        (["history", "begun.h5"], "the history has no epochs: train first"),
        (["connectivity", "vann.h5"], "every matrix of 'vann.h5' is all to all"),
        (["tree", "vann.h5"], "no soma of block 0 has dendrites of its own"),
        (["tree", "table.h5", "--block", "3"], "the block to draw is 3"),
        (["receptive-fields", "table.h5"], "the network takes rows of 30 features"),
        (["receptive-fields", "vann.h5", "--soma", "1"], "here: leave --somata out"),
        (["confusion", "vann.h5"], "does not say what it was trained on: give --dataset"),
        (["confusion", "vann.h5", "--dataset", "digits"], "6, 6, 1"),
        (["tree", "none.h5"], "there is no checkpoint 'none.h5'"),
        (["tree", "text.h5"], "cannot be read as a checkpoint"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sd.save(model("vann"), "vann.h5")
    sd.save(model("dann-r", 30), "table.h5")
    sd.save(model("vann"), "begun.h5", training=sd.Training())
    (tmp_path / "text.h5").write_text("text")
    engine = ["--backend", "numpy"] if words[0] == "confusion" else []
    assert ended(monkeypatch, "plot", *words, "-o", "a.png", *engine) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert message in said
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["a", "a.jpg", "png"])
def test_the_ending_says_the_format(name, trained, tmp_path, monkeypatch, capsys):
    assert ended(monkeypatch, "plot", "tree", trained, "-o", tmp_path / name) == 2
    assert "does not end in one of .png, .svg, .pdf" in capsys.readouterr().err
