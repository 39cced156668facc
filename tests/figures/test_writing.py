"""What writes figures and tables."""

from functools import partial
from importlib import import_module

import pytest

from sparsedend import InputError, style
from sparsedend.figures import FIGURES, TABLES, write_figure, write_table
from tests.figures.runs import of, small
from tests.figures.sweeps import row, sweep_of

RESULTS = of(small(dataset="digits", epochs=2))


@pytest.mark.parametrize("number", [2, 3, 4, 7])
def test_each_figure_is_written_in_each_format(number, tmp_path):
    assert number in FIGURES
    written = write_figure(number, RESULTS, tmp_path / "new", ("svg", "pdf", "png"))
    assert [path.name for path in written.files] == [
        f"figure{number}.{form}" for form in ("svg", "pdf", "png")
    ]
    assert all(path.stat().st_size > 5_000 for path in written.files)
    assert written.files[2].stat().st_size < 300_000
    assert written.missing
    assert "Missing: " in written.files[0].read_text(encoding="utf-8")


def test_numbers_are_written_beside_a_figure(tmp_path):
    results = sweep_of(tmp_path / "kept", [row("vann", 1), row("dann-r", 1)])
    written = write_figure(5, results, tmp_path, ("svg",))
    assert [path.name for path in written.files] == ["figure5.svg", "figure5.csv"]
    first, *lines = written.files[1].read_text(encoding="utf-8").splitlines()
    assert first == "model,layer,weights,kurtosis,skewness,range,entropy,selectivity"
    assert lines[2].startswith("dann-r,output,400,")
    assert lines[2].endswith(",,")
    (tmp_path / "figure5.svg").unlink()
    with pytest.raises(InputError, match=r"figure5\.csv' exists"):
        write_figure(5, results, tmp_path, ("svg",))


def test_older_numbers_do_not_stay_beside_a_figure_without(tmp_path):
    """They would be taken for its own."""
    kept = sweep_of(tmp_path / "kept", [row("vann", 1)])
    write_figure(5, kept, tmp_path, ("svg",))
    write_figure(3, kept, tmp_path, ("svg",))
    (tmp_path / "figure3.csv").write_text("mine")
    nothing = of([row("vann", 1, parts="")])
    for number in (3, 5):
        written = write_figure(number, nothing, tmp_path, ("svg",), overwrite=True)
        assert [path.name for path in written.files] == [f"figure{number}.svg"]
    assert not (tmp_path / "figure5.csv").exists()
    assert (tmp_path / "figure3.csv").read_text() == "mine"


@pytest.mark.parametrize("number", TABLES)
def test_each_table_is_written(number, tmp_path):
    written = write_table(number, RESULTS, tmp_path)
    assert [path.name for path in written.files] == [
        f"table{number}.{form}" for form in ("csv", "md", "tex")
    ]
    assert written.files[1].read_text(encoding="utf-8").count("Missing: ") == len(written.missing)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (partial(write_figure, 3, formats=["svg"]), "figure3.svg"),
        (partial(write_table, 2), "table2.md"),
    ],
)
def test_files_are_replaced_only_when_that_is_asked_for(write, name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=rf"{name}' exists: give `overwrite=True` or another"):
        write(results=RESULTS, folder=tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    write(results=RESULTS, folder=tmp_path, overwrite=True)
    assert (tmp_path / name).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda to: write_figure(1, RESULTS, to), "there is no figure 1 here: choose one of 2, 3"),
        (lambda to: write_table(3, RESULTS, to), "there is no table 3 here: choose one of 1, 2"),
        (lambda to: write_figure(2, RESULTS, to, ["gif"]), "unknown format 'gif': choose of png"),
        (lambda to: write_figure(2, of(), to), "no finished run of dANN-R"),
        (lambda to: write_figure(2, RESULTS, to / "file" / "in"), "cannot be made"),
    ],
)
def test_refuses(call, message, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(InputError, match=message):
        call(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_figure_has_its_module():
    assert {2, 3, 4, 7} <= set(FIGURES)
    for number in FIGURES:
        assert callable(import_module(f"sparsedend.figures.figure{number}").draw)


def test_the_style_is_ours_whatever_the_user_has_set(tmp_path):
    """Also while the file is written: text stays text."""
    matplotlib = style.library()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        written = write_figure(3, RESULTS, tmp_path, ("svg",))
    text = written.files[0].read_text(encoding="utf-8")
    assert ">CIFAR-10</text>" in text
    assert "30px" not in text
