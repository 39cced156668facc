"""The commands on data sets."""

import json
import sys

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from sparsedend import datasets
from sparsedend.cli.main import cli, main
from sparsedend.errors import InputError
from tests.conftest import edited
from tests.datasets.test_datasets import assert_equal, made, put, small_originals

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 6, 6), dtype=np.uint8)
LABELS = np.arange(40) % 4


def invoked(*arguments):
    return CliRunner().invoke(cli, ["data", *map(str, arguments)], catch_exceptions=False).output


def refused(message, *arguments):
    with pytest.raises(InputError, match=message):
        invoked(*arguments)


@pytest.fixture
def arrays(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", LABELS)
    return ["--images", tmp_path / "x.npy", "--labels", tmp_path / "y.npy"]


@pytest.fixture
def source(tmp_path):
    with h5py.File(tmp_path / "source.h5", "w") as file:
        file["x"], file["y"] = IMAGES, LABELS
    return [tmp_path / "source.h5"]


@pytest.mark.parametrize("given", ["arrays", "source"])
@pytest.mark.parametrize("options", [{}, {"seed": 3}, {"test_fraction": 0.25}])
def test_every_option_reaches_the_data_set(given, options, request, cache):
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    words = [str(word).replace("_", "-") for word in words]
    shown = invoked("convert", "own", *request.getfixturevalue(given), "--name", "mine", *words)
    assert shown == f"{cache / 'mine.h5'}\n"
    expected = datasets.from_arrays("mine", IMAGES, LABELS, **options)
    assert_equal(datasets.load("mine"), expected)


def test_an_existing_file_is_replaced_only_when_asked(arrays, tmp_path, cache):
    for output in ([], ["--output", tmp_path / "a.h5"]):
        invoked("convert", "own", *arrays, *output)
        refused("exists: give `overwrite=True` or", "convert", "own", *arrays, "--seed", 2, *output)
        invoked("convert", "own", *arrays, "--seed", 2, "--overwrite", *output)
        path = output[1] if output else cache / "own.h5"
        assert_equal(datasets.read(path), datasets.from_arrays("own", IMAGES, LABELS, seed=2))


def test_what_cannot_be_converted(arrays, source, tmp_path):
    refused("seed is -1: give a whole number", "convert", "own", *arrays, "--seed", -1)
    refused("seed is -1: give a whole number", "convert", "own", *source, "--seed", -1)
    refused("give --images and --labels, or", "convert", "own", *source, *arrays)
    for name in (".mine", "a/b", "a\\b", "a.h5", ""):
        refused("cannot be the name of a data set", "convert", "own", *arrays, "--name", name)
    long = tmp_path / ("a" * 300)
    refused("cannot be looked up", "convert", "own", *arrays, "--output", long)
    refused("cannot be looked up", "convert", "own", long)
    refused("cannot be looked up", "convert", "fmnist", long)
    refused("cannot be looked up", "convert", "cifar10", long)


def test_options_of_own_data_sets_are_not_ignored_elsewhere(arrays, tmp_path):
    words = "'fmnist' is no data set of your own: leave out {}$"
    given = "convert", "fmnist", tmp_path
    refused(words.format("--images and --labels"), *given, *arrays)
    refused(words.format("--seed"), *given, "--seed", 1)
    refused(words.format("--test-fraction"), *given, "--test-fraction", 0.2)
    refused(words.format("--name"), *given, "--name", "mine")
    refused(words.format("--trusted"), *given, "--trusted")


def test_every_fact_is_told(tmp_path):
    path = tmp_path / "a.h5"
    datasets.write(made(), path)
    shown = invoked("info", path, "--json").splitlines()
    assert shown[:-1] == [
        "name: small",
        "train images: 7",
        "test images: 2",
        "image shape: 4, 5, 3",
        "dtype: uint8",
        "classes: 3",
        "class names: a, b, ü",
        "licence: none",
        "source: here",
        "sha256: f 0a",
    ]
    assert json.loads(shown[-1]) == {
        "name": "small",
        "train_images": 7,
        "test_images": 2,
        "image_shape": [4, 5, 3],
        "dtype": "uint8",
        "classes": 3,
        "class_names": ["a", "b", "ü"],
        "licence": "none",
        "source": "here",
        "sha256": {"f": "0a"},
    }
    assert invoked("info", path).splitlines() == shown[:-1]


def test_every_data_set_is_listed_once_with_where_it_comes_from(
    tmp_path, monkeypatch, cache, arrays
):
    contents, _ = small_originals(monkeypatch, "here")
    small_originals(monkeypatch, "elsewhere")
    put(tmp_path / "here", contents)
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(tmp_path))
    datasets.write(made(), cache / "kmnist.h5")
    invoked("convert", "own", *arrays, "--name", "mine")
    (cache / "folder.h5").mkdir()
    (cache / "link.h5").symlink_to(cache / "nowhere")
    listed = dict(line.split(maxsplit=1) for line in invoked("list").splitlines())
    assert len(listed) == len(invoked("list").splitlines()) == len(datasets.names()) + 1
    assert listed["digits"] == "comes with sparsedend"
    assert listed["kmnist"] == f"in the cache, {cache / 'kmnist.h5'}"
    assert listed["mine"] == f"in the cache, {cache / 'mine.h5'}"
    assert listed["here"] == f"to convert from {tmp_path / 'here'}"
    assert listed["elsewhere"] == "to download"
    assert listed["emnist-bymerge-40k"] == "to convert: it cannot be downloaded"


def test_a_known_data_set_is_converted_anew(tmp_path, monkeypatch, cache):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    datasets.write(made(), cache / "tiny.h5")
    invoked("convert", "tiny", tmp_path / "tiny")
    assert datasets.load("tiny").name == "tiny"


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line(tmp_path, source, monkeypatch, capsys):
    with edited(*source) as file:
        file["y"][...] = LABELS + 1
    output = tmp_path / "a.h5"
    words = ["sparsedend", "data", "convert", "own", *map(str, source), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = capsys.readouterr()
    assert shown.out == f"{output}\n"
    assert shown.err == (
        "Warning: the labels are not 0 … 3 but 1, 2, 3, 4: they become the classes 0 … 3 in that "
        "order, named by them\n"
    )


def test_names_from_a_file_move_no_cursor(source):
    with edited(*source) as file:
        file.attrs["class_names"] = ["a\nb", "\x1b[2J", "c", "d"]
    shown = invoked("convert", "own", *source, "--name", "mine") + invoked("info", "mine")
    assert r"class names: a\nb, \x1b[2J, c, d" in shown.splitlines()
