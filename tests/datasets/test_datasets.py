"""The store, the original files and the lookup by name."""

import gzip
import hashlib
import struct

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sparsedend import datasets
from sparsedend.datasets import Dataset, catalogue, idx
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
    return gzip.compress(header + array.tobytes(), 1)


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


def test_round_trip(tmp_path):
    dataset = made()
    datasets.write(dataset, tmp_path / "a.h5")
    assert_equal(datasets.read(tmp_path / "a.h5"), dataset)
    assert_equal(datasets.load(tmp_path / "a.h5"), dataset)


def test_fingerprints_tell_data_apart():
    assert made().fingerprint != made(train_y=np.zeros(7, np.int64)).fingerprint


def test_a_users_own_file_needs_the_arrays_alone(tmp_path):
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for part in ("train", "test"):
            file[f"{part}/x"] = np.full((4, 2, 2, 1), 0.5, np.float32)
            file[f"{part}/y"] = np.array([0, 1, 2, 1], np.uint8)
    found = datasets.load(path)
    assert (found.name, found.class_names) == ("mine", ("0", "1", "2"))
    assert found.train_y.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_x": np.zeros((7, 4, 5), np.uint8)}, r"train/x has shape \(7, 4, 5\)"),
        ({"train_x": np.zeros((7, 4, 5, 3), np.int16)}, "train/x is int16"),
        ({"train_x": np.zeros((0, 4, 5, 3), np.uint8)}, "train/x is empty"),
        ({"test_x": np.zeros((2, 4, 4, 3), np.uint8)}, "give both the same"),
        ({"test_x": np.full((2, 4, 5, 3), np.nan)}, r"test/x holds nan at \(0, 0, 0, 0\)"),
        ({"test_x": np.full((2, 4, 5, 3), -np.inf, np.float32)}, "test/x holds -inf"),
        ({"train_y": np.zeros(6, np.int64)}, "give 7 int64 labels"),
        ({"train_y": np.array([0, 1, 2, 3, 0, 0, 0])}, "holds label 3 at 3: labels go from 0 to 2"),
        ({"test_y": np.array([0, -1])}, "test/y holds label -1 at 1"),
    ],
)
def test_unusable_arrays_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        made(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.pop("test/y"), "has no test/y"),
        (lambda file: [file.pop("train"), file.pop("test")], "has no train/x, train/y, test/x"),
        (lambda file: file.attrs.update(format_version=7), "has data set format 7"),
        (lambda file: file.attrs.update(sha256="{"), "cannot be read as a data set"),
        (lambda file: file["train/y"].write_direct(np.full(7, 9)), "holds label 9 at 0"),
    ],
)
def test_unusable_files_are_refused(tmp_path, change, message):
    datasets.write(made(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        change(file)
    with pytest.raises(InputError, match=message):
        datasets.read(tmp_path / "a.h5")


def test_missing_truncated_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match="there is no data set file"):
        datasets.load(tmp_path / "none.h5")
    datasets.write(made(), tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "b.h5").write_bytes(content[: len(content) // 2])
    (tmp_path / "c.h5").write_text("no HDF5")
    for name in ("b.h5", "c.h5"):
        with pytest.raises(InputError, match="damaged or not HDF5"):
            datasets.read(tmp_path / name)


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


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=6))
    | arrays.arrays(np.uint8, st.integers(0, 20))
)
def test_idx_round_trip(array):
    np.testing.assert_array_equal(idx.decode(idx_bytes(array), 2048 + array.ndim, "a"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "no whole gzip file"),
        (idx_bytes(np.zeros((2, 3, 4), np.uint8))[:-9], "no whole gzip file"),
        (gzip.compress(b"\0\0"), "has 2 bytes, its header 16"),
        (gzip.compress(struct.pack(">4I", 2049, 1, 1, 1) + b"a"), "begins with 2049, not 2051"),
        (gzip.compress(struct.pack(">4I", 2051, 2, 1, 1) + b"a"), r"holds 1 values, .*\(2, 1"),
        (
            gzip.compress(struct.pack(">4I", 2051, 1, 1, 1) + b"ab"),
            r"holds 2 values, .*\(1, 1",
        ),
    ],
)
def test_damaged_idx_files_are_refused(content, message):
    with pytest.raises(InputError, match=f"'a.gz' .*{message}"):
        idx.decode(content, idx.IMAGES, "a.gz")
