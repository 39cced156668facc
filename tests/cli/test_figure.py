"""Figures and tables from the shell."""

import pytest

from sparsedend.sweep import Results
from tests.cli.commands import ended, invoked
from tests.figures.runs import of, small


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "sweep.h5"
    of(small(dataset="digits", epochs=2)).write(path)
    return path


def test_a_figure(results, tmp_path):
    answer = invoked("figure", 3, "--results", results, "--output", tmp_path / "f")
    files = [str(tmp_path / "f" / f"figure3.{form}") for form in ("png", "svg")]
    assert answer.stdout.splitlines() == files
    assert "missing: all runs on MNIST, FMNIST, KMNIST" in answer.stderr
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == [
        "figure3.png",
        "figure3.svg",
    ]
    formats = ("--format", " pdf", "--overwrite")
    invoked("figure", 3, "--results", results, "--output", tmp_path / "f", *formats)
    assert (tmp_path / "f" / "figure3.pdf").read_bytes().startswith(b"%PDF")


def test_a_table(results, tmp_path):
    answer = invoked("table", 1, "--results", results, "--output", tmp_path / "t")
    names = [f"table1.{form}" for form in ("csv", "md", "tex")]
    assert answer.stdout.splitlines() == [str(tmp_path / "t" / name) for name in names]
    assert "EMNIST, CIFAR-10\n" in answer.stderr
    again = ("table", 1, "--results", results, "--output", tmp_path / "t", "--overwrite")
    assert invoked(*again).stdout == answer.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("figure", "8"), "there is no figure 8 here: choose one of 2, 3"),
        (("table", "9"), "there is no table 9 here: choose one of 1, 2"),
        (("figure", "2", "--format", "png,gif"), "unknown format 'gif': choose of png, svg, pdf"),
        (("figure", "two"), "'two' is not a valid integer"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, message, results, tmp_path, monkeypatch, capsys):
    given = ("--results", results, "--output", tmp_path / "f")
    assert ended(monkeypatch, *words, *given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "f").exists()


def test_files_that_exist_are_not_replaced(results, tmp_path, monkeypatch, capsys):
    (tmp_path / "figure2.svg").write_text("mine")
    assert ended(monkeypatch, "figure", 2, "--results", results, "--output", tmp_path) == 2
    assert "figure2.svg' exists: give --overwrite or another --output" in capsys.readouterr().err


def test_results_that_are_none(tmp_path, monkeypatch, capsys):
    where = ("--results", tmp_path / "none.h5", "--output", tmp_path)
    assert ended(monkeypatch, "figure", 2, *where) == 2
    assert "there is no file of results" in capsys.readouterr().err
    Results().write(tmp_path / "empty.h5")
    where = ("--results", tmp_path / "empty.h5", "--output", tmp_path / "f")
    assert ended(monkeypatch, "table", 1, *where) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the results hold no finished run of dANN-R" in line
