import csv
import io

import pytest

from sparsedend.figures.tables import table1, table2
from tests.figures.runs import of, run, small, trials

ROWS = [
    *trials("vann", (1, 32), (0.80, 0.82), (0.5, 0.7)),
    *trials("vann", (2, 32), (0.70, 0.70), (0.1, 0.1)),
    *trials("dann-r", (1, 32), (0.9,), (0.25,), dataset="kmnist"),
]


def test_table_1_has_the_best_size_by_accuracy():
    table = table1(of(ROWS))
    assert table.header == ("", "model", "MNIST", "FMNIST", "KMNIST", "EMNIST", "CIFAR-10")
    cells = {(row[0], row[1]): row[2:] for row in table.rows}
    assert len(cells) == 10
    assert cells["accuracy %", "vANN"] == ["–", "81.00 ± 1.41", "–", "–", "–"]
    assert cells["loss", "vANN"] == ["–", "0.6000 ± 0.1414", "–", "–", "–"]
    assert cells["accuracy %", "dANN-R"] == ["–", "–", "90.00", "–", "–"]
    assert table.caption.endswith("1 or 2 of each.")
    assert "deviations of dANN-R, with one trial of a size" in table.missing
    assert "runs of dANN-R, dANN-LRF, dANN-GRF, pdANN on FMNIST" in table.missing
    assert "all runs on MNIST, EMNIST, CIFAR-10" in table.missing


def test_table_2_has_the_sizes_of_figure_7():
    plain = [run("vann", (1, 32), 1, 0.8), run("dann-r", (1, 64), 1, 0.9)]
    rows = [
        *trials("vann", (1, 32), (0.3, 0.1), (30.0, 50.0), sequential=True),
        *trials("dann-r", (1, 64), (0.5, 0.5), (2.0, 2.0), sequential=True),
        *trials("dann-r", (2, 64), (0.9, 0.9), (1.0, 1.0), sequential=True),
    ]
    table = table2(of(plain, rows))
    assert table.rows == [
        ["dANN-R", "D=1 S=64", "50.00 ± 0.00", "2.0000 ± 0.0000"],
        ["vANN", "D=1 S=32", "20.00 ± 14.14", "40.0000 ± 14.1421"],
    ]
    assert table.missing == ["runs of dANN-LRF, dANN-GRF"]
    assert table.caption.startswith("Sequential learning of FMNIST")


def test_table_2_without_runs_is_empty_and_says_so():
    table = table2(of(small()))
    assert table.rows == []
    assert table.missing == ["runs of dANN-R, dANN-LRF, dANN-GRF, vANN"]
    assert table.caption.endswith("over trials, of which there are none.")


def test_csv_has_all_digits_of_each_configuration():
    lines = list(csv.DictReader(io.StringIO(table1(of(ROWS)).csv())))
    assert [(line["model"], line["dataset"]) for line in lines] == [
        ("dann-r", "kmnist"),
        ("vann", "fmnist"),
    ]
    assert float(lines[1]["accuracy"]) == pytest.approx(0.81)
    assert float(lines[1]["loss_sd"]) == pytest.approx(0.2 / 2**0.5)
    assert lines[0]["loss_sd"] == ""
    assert (lines[1]["dendrites"], lines[1]["trials"]) == ("1", "2")


def test_markdown():
    text = table1(of(ROWS)).markdown()
    assert "|  | model | MNIST |" in text
    assert "| loss | vANN | – | 0.6000 ± 0.1414 | – | – | – |" in text
    assert "* Missing: all runs on MNIST, EMNIST, CIFAR-10.\n" in text


def test_latex():
    text = table1(of(ROWS)).latex()
    assert r"accuracy \% & vANN & -- & 81.00 $\pm$ 1.41 & -- & -- & -- \\" in text
    assert r"\begin{tabular}{llrrrrr}" in text
    assert "% Missing: all runs on MNIST, EMNIST, CIFAR-10." in text
    assert text.count("\\\\") == 11


def test_names_are_shown_as_they_are():
    """In LaTeX and in Markdown."""
    table = table1(of(trials("vann", (1, 32), (0.8,), (0.5,), dataset=r"a|b_{$^~#}\c")))
    assert r" a\|b_{$^~#}\c |" in table.markdown()
    escaped = r"a|b\_\{\$\textasciicircum{}\textasciitilde{}\#\}\textbackslash{}c"
    assert f" & {escaped} \\\\" in table.latex()
