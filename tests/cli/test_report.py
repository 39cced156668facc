"""The command that writes a page."""

import pytest

import sparsedend as sd
from sparsedend import report
from tests.cli.commands import ended, invoked
from tests.conftest import ROOT
from tests.plots.drawn import model

SWEEP = ROOT / "tests" / "files" / "sweep-1.h5"


def test_a_checkpoint_and_a_sweep(tmp_path):
    sd.save(model("dann-r", (8, 8, 1)), tmp_path / "a.h5")
    output = tmp_path / "a.html"
    words = ["-o", output, "--dataset", "digits", "--backend", "numpy"]
    assert invoked("report", tmp_path / "a.h5", *words).stdout == f"{output}\n"
    assert "tested with 360 images of digits" in output.read_text("utf-8")
    invoked("report", SWEEP, "-o", output, "--overwrite")
    assert output.read_text("utf-8") == report.of_sweep(SWEEP)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([SWEEP, "-o", "mine.html"], "'mine.html' exists: give --overwrite or another --output"),
        ([SWEEP, "-o", "a.html", "--dataset", "digits"], "--dataset is given, but is for check"),
        (["none.h5", "-o", "a.html"], "there is no file 'none.h5'"),
        (["mine.html", "-o", "a.html"], "cannot be read as a file of sparsedend"),
        ([ROOT / "data" / "digits.h5", "-o", "a.html"], "is no checkpoint of sparsedend"),
        ([SWEEP, "-o", "none/a.html"], "the folder 'none' of 'a.html' does not exist: make it"),
        (["small.h5", "-o", "a.html", "--dataset", "digits", "--backend", "numpy"], "6, 6, 1"),
    ],
)
def test_what_cannot_be_written_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.html").write_text("mine")
    sd.save(model("vann"), "small.h5")
    assert ended(monkeypatch, "report", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert message in said
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert not (tmp_path / "a.html").exists()
