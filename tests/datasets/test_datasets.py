"""The lookup by name and the original files; and what other tests make data sets of."""

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from sparsedend import datasets
from sparsedend.datasets import Dataset, catalogue
from sparsedend.datasets import cache as cache_module
from sparsedend.errors import InputError


def made(**change):
    rng = np.random.default_rng(0)
    parts = {
        "name": "small",
        "class_names": ("a", "b", "ü"),
        "train_x": rng.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8),
        "train_y": rng.integers(0, 3, 7),
        "test_x": rng.integers(0, 256, (2, 4, 5, 3), dtype=np.uint8),
        "test_y": rng.integers(0, 3, 2),
        "licence": "none",
        "source": "here",
        "sha256": {"f": "0a"},
    }
    return Dataset(**(parts | change))


def assert_equal(one, other):
    for name in ("name", "class_names", "licence", "source", "sha256", "image_shape", "classes"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("train_x", "train_y", "test_x", "test_y"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.fingerprint == other.fingerprint


def idx_bytes(array):
    header = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), 1, mtime=0)  # Else the time changes it.


def small_originals(monkeypatch, name="tiny", address="http://127.0.0.1:9/"):
    """A catalogue entry of its own, and the files that belong to it."""
    rng = np.random.default_rng(1)
    arrays = [
        rng.integers(0, 256, (6, 3, 4), dtype=np.uint8),
        rng.integers(0, 2, 6, dtype=np.uint8),
        rng.integers(0, 256, (3, 3, 4), dtype=np.uint8),
        rng.integers(0, 2, 3, dtype=np.uint8),
    ]
    contents = dict(zip(catalogue.IDX_FILES, map(idx_bytes, arrays), strict=True))
    md5 = {file: hashlib.md5(content).hexdigest() for file, content in contents.items()}
    entry = catalogue.Entry("idx", address, md5, ("no", "yes"), "none", "made here")
    monkeypatch.setitem(catalogue.CATALOGUE, name, entry)
    return contents, arrays


def put(folder, contents):
    folder.mkdir(parents=True)
    for file, content in contents.items():
        (folder / file).write_bytes(content)


def test_digits(digits):
    assert digits.image_shape == (8, 8, 1)
    assert (len(digits.train_x), len(digits.test_x)) == (1437, 360)
    assert digits.train_x.max() == 255
    assert np.bincount(digits.train_y).min() > 120


@pytest.mark.parametrize("name", ["mnits", "digit"])
def test_an_unknown_name_is_refused_with_a_hint(name):
    with pytest.raises(InputError, match=r"did you mean '(mnist|digits)'\? known are digits"):
        datasets.load(name)


def test_originals_are_converted_and_kept(tmp_path, monkeypatch, cache):
    contents, arrays = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(tmp_path))
    dataset = datasets.load("tiny")
    np.testing.assert_array_equal(dataset.train_x[..., 0], arrays[0])
    np.testing.assert_array_equal(dataset.test_y, arrays[3])
    first = catalogue.IDX_FILES[0]
    assert dataset.sha256[first] == hashlib.sha256(contents[first]).hexdigest()
    monkeypatch.delenv("SPARSEDEND_ORIGINALS")
    assert (cache / "tiny.h5").is_file()
    assert_equal(datasets.load("tiny"), dataset)


def test_the_cache_comes_before_the_original_files(tmp_path, monkeypatch, cache):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    datasets.write(made(name="tiny"), cache / "tiny.h5")
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(tmp_path))
    assert_equal(datasets.load("tiny"), made(name="tiny"))


def test_without_original_files_of_that_name_it_is_fetched(tmp_path, monkeypatch):
    small_originals(monkeypatch)
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be downloaded .ConnectionError"):
        datasets.load("tiny")


def test_names_in_the_cache_come_in_the_order_of_the_alphabet(cache, monkeypatch):
    for name in ("b", "c", "a"):
        (cache / f"{name}.h5").touch()
    (cache / "a.txt").touch()
    (cache / "folder.h5").mkdir()
    (cache / "link.h5").symlink_to(cache / "nowhere")
    real = Path.glob
    monkeypatch.setattr(Path, "glob", lambda *given: sorted(real(*given), key=str, reverse=True))
    assert cache_module.names() == ("a", "b", "c")
    with pytest.raises(InputError, match="cifar10, a, b, c; the path of"):
        datasets.load("none")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", False),
        ("a.h5", True),
        ("a.hdf5", True),
        ("folder/digits", True),
        (Path("folder") / "a", True),
        ("a.txt", False),
        ("./digits", True),
        ("digits/", True),
        (".", True),
        ("/", True),
        (Path("digits"), False),
    ],
)
def test_what_is_a_path(name, expected):
    assert datasets.is_path(name) is expected


def test_a_path_is_not_looked_up_in_the_cache(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    datasets.write(made(), cache / "mine.h5")
    datasets.write(made(), cache / "digits.h5")
    assert len(datasets.load("mine").train_x) == 7
    for path in ("./mine", "./digits"):
        with pytest.raises(InputError, match=r"there is no .* 'mine'|'digits'"):
            datasets.load(path)


def test_a_stamp_changes_with_its_file(tmp_path, cache):
    for path, name in ((tmp_path / "a.h5", tmp_path / "a.h5"), (cache / "mine.h5", "mine")):
        assert datasets.stamp(name) is None
        path.write_text("one")
        os.utime(path, ns=(5, 7))
        assert datasets.stamp(name) == (7, 3)


def test_a_name_that_is_too_long_is_told():
    with pytest.raises(InputError, match=r"cannot be looked up .File name too long"):
        datasets.load("a" * 300)


def test_a_cache_that_cannot_be_kept_is_no_obstacle(tmp_path, monkeypatch):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("SPARSEDEND_ORIGINALS", str(tmp_path))
    monkeypatch.setenv("SPARSEDEND_DATA", str(tmp_path / "file" / "cache"))
    assert len(datasets.load("tiny").train_x) == 6


def test_originals_must_be_whole(tmp_path, monkeypatch):
    contents, _ = small_originals(monkeypatch)
    put(tmp_path / "tiny", contents)
    first, second = catalogue.IDX_FILES[:2]
    (tmp_path / "tiny" / first).write_bytes(contents[first] + b"x")
    with pytest.raises(InputError, match=f"{first}' has MD5 .*, the original"):
        datasets.convert("tiny", tmp_path / "tiny")
    (tmp_path / "tiny" / first).unlink()
    (tmp_path / "tiny" / second).unlink()
    with pytest.raises(InputError, match=f"has no {first}, {second}"):
        datasets.convert("tiny", tmp_path / "tiny")


@pytest.mark.parametrize("name", ["fmnist", "mnist", "kmnist"])
def test_the_real_files(name, originals):
    dataset = datasets.convert(name, originals(name))
    assert dataset.train_x.shape == (60_000, 28, 28, 1)
    assert dataset.test_x.shape == (10_000, 28, 28, 1)
    assert dataset.classes == 10
    if name == "fmnist":
        assert (np.bincount(dataset.train_y) == 6000).all()
        assert dataset.train_x.mean() / 255 == pytest.approx(0.2860, abs=1e-4)
