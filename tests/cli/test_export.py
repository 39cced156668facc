"""The command that writes networks for other programs."""

import zipfile

import pytest

import sparsedend as sd
from tests.cli.commands import ended, invoked
from tests.export.networks import dann, named


@pytest.fixture
def checkpoint(tmp_path):
    sd.save(named("dendritic"), tmp_path / "a.h5")
    return tmp_path / "a.h5"


def test_every_format(checkpoint, tmp_path):
    """The same bytes as from Python."""
    network = sd.load(checkpoint)
    for form, name, write in (
        ("onnx", "a.onnx", sd.export.onnx),
        ("c", "a.c", sd.export.c),
        ("npz", "a.npz", sd.export.npz),
        ("scipy", "a.zip", sd.export.scipy),
    ):
        if form == "onnx":
            pytest.importorskip("onnx", reason="no onnx: pip install onnx")
        output, other = tmp_path / name, tmp_path / "python" / name
        other.parent.mkdir(exist_ok=True)
        assert invoked("export", checkpoint, "--to", form, "-o", output).stdout == f"{output}\n"
        write(network, other)
        assert output.read_bytes() == other.read_bytes()
    assert (tmp_path / "a.py").is_file()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None


def test_options_of_c(checkpoint, tmp_path):
    words = ["--name", "mine", "--quantize", "--raw"]
    invoked("export", checkpoint, "--to", "c", "--output", tmp_path / "a.c", *words)
    text = (tmp_path / "a.c").read_text()
    assert "void mine_predict" in text
    assert "static const int8_t" in text
    assert "raw outputs" in text


@pytest.mark.parametrize("form", ["onnx", "c", "npz", "scipy"])
def test_a_file_is_replaced_only_when_asked(form, checkpoint, tmp_path, monkeypatch, capsys):
    if form == "onnx":
        pytest.importorskip("onnx", reason="no onnx: pip install onnx")
    output = tmp_path / "b.npz"
    output.write_text("mine")
    words = ["export", checkpoint, "--to", form, "--output", output]
    assert ended(monkeypatch, *words) == 2
    said = capsys.readouterr().err
    assert said == f"Error: '{output}' exists: give --overwrite or another name\n"
    assert output.read_text() == "mine"
    invoked(*words, "--overwrite")
    assert output.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "onnx", "--quantize"], "--quantize is given, but is for c alone: leave it out"),
        (["--to", "npz", "--name", "x"], "--name is given, but is for c alone: leave it out"),
        (["--to", "scipy", "--raw"], "--raw is given, but is for onnx, c, npz alone: leave it out"),
        (["--to", "tflite"], "Invalid value for '--to': 'tflite' is not one of"),
        ([], "Missing option '--to'"),
        (["--to", "npz"], "does not end in .npz: give such a name"),
        (["--to", "c", "--name", "1"], "'1' cannot begin the name of a C function: give as --name"),
    ],
)
def test_what_does_not_go_together(words, message, checkpoint, tmp_path, monkeypatch, capsys):
    assert ended(monkeypatch, "export", checkpoint, "-o", tmp_path / "x.c", *words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "x.c").exists()


def test_a_missing_checkpoint_or_folder(tmp_path, monkeypatch, capsys):
    words = ["--to", "c", "-o", tmp_path / "none" / "a.c"]
    assert ended(monkeypatch, "export", tmp_path / "none.h5", *words) == 2
    assert "there is no checkpoint" in capsys.readouterr().err
    sd.save(dann(), tmp_path / "a.h5")
    assert ended(monkeypatch, "export", tmp_path / "a.h5", *words) == 2
    assert "of 'a.c' does not exist: make it" in capsys.readouterr().err
