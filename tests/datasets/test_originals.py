"""Archives in the layouts in which they are published, small ones made here byte for byte."""

import gzip
import hashlib
import io
import lzma
import pickle
import re
import struct
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from sparsedend import InputError, datasets
from sparsedend.datasets import catalogue, cifar10, originals
from tests.datasets.test_datasets import idx_bytes, put

CLASSES = 10


def md5(content):
    return hashlib.md5(content).hexdigest()


def known_by(monkeypatch, name, contents):
    """Let the catalogue take these files for the original ones."""
    entry = catalogue.CATALOGUE[name]
    sums = {file: md5(content) for file, content in contents.items()}
    monkeypatch.setitem(catalogue.CATALOGUE, name, replace(entry, md5=sums))


def python2_pickle(batch):
    """A pickle as Python 2 and NumPy wrote CIFAR-10's: protocol 2, byte strings, numpy.core."""

    def text(value):
        return b"U" + struct.pack("B", len(value)) + value

    data = batch[b"data"]
    shape = b"K" + struct.pack("B", data.shape[0]) + b"M" + struct.pack("<H", data.shape[1])
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85" + text(b"b") + b"tR"
        b"(K\1" + shape + b"\x86cnumpy\ndtype\n(" + text(b"u1") + b"K\0K\1tR"
        b"(K\3" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
        b"T" + struct.pack("<i", data.size) + data.tobytes() + b"tb"
    )
    labels = b"](" + b"".join(b"K" + struct.pack("B", label) for label in batch[b"labels"]) + b"e"
    return b"\x80\2}(" + text(b"data") + array + text(b"labels") + labels + b"u."


def batches():
    rng = np.random.default_rng(0)
    return {
        name: {
            b"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8),
            b"labels": rng.integers(0, CLASSES, 4).tolist(),
        }
        for name in cifar10.BATCHES
    }


def tar_gz(contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def assert_cifar(dataset, made):
    assert dataset.train_x.shape == (20, 32, 32, 3)
    assert dataset.test_x.shape == (4, 32, 32, 3)
    x = np.concatenate([dataset.train_x, dataset.test_x])
    for number, name in enumerate(cifar10.BATCHES):
        for channel in range(3):
            planes = made[name][b"data"][:, 1024 * channel : 1024 * (channel + 1)]
            found = x[4 * number : 4 * number + 4, :, :, channel]
            np.testing.assert_array_equal(found, planes.reshape(4, 32, 32))
    labels = [label for batch in made.values() for label in batch[b"labels"]]
    assert [*dataset.train_y, *dataset.test_y] == labels


@pytest.mark.parametrize("dump", [python2_pickle, pickle.dumps])
def test_cifar10_archive(tmp_path, monkeypatch, dump):
    made = batches()
    archive = tar_gz({name: dump(batch) for name, batch in made.items()})
    contents = {"cifar-10-python.tar.gz": archive}
    known_by(monkeypatch, "cifar10", contents)
    put(tmp_path / "cifar10", contents)
    dataset = datasets.convert("cifar10", tmp_path / "cifar10")
    assert_cifar(dataset, made)
    assert dataset.sha256 == {"cifar-10-python.tar.gz": hashlib.sha256(archive).hexdigest()}
    entry = catalogue.CATALOGUE["cifar10"]
    found = (dataset.name, dataset.class_names, dataset.licence, dataset.source)
    assert found == ("cifar10", entry.class_names, entry.licence, entry.source)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_cifar10_unpacked(tmp_path, monkeypatch, packed, inside):
    made = batches()
    contents = {name: python2_pickle(batch) for name, batch in made.items()}
    monkeypatch.setattr(cifar10, "BATCHES", {name: md5(c) for name, c in contents.items()})
    folder = tmp_path / "cifar-10-batches-py" if inside else tmp_path / "c"
    put(folder, {f"{n}.xz": lzma.compress(c) for n, c in contents.items()} if packed else contents)
    assert_cifar(datasets.convert("cifar10", tmp_path if inside else folder), made)


class Evil:
    def __reduce__(self):
        return print, ("never",)


def test_a_pickle_can_call_nothing(tmp_path, monkeypatch, capsys):
    archive = tar_gz(dict.fromkeys(cifar10.BATCHES, pickle.dumps({b"data": Evil()})))
    contents = {"cifar-10-python.tar.gz": archive}
    known_by(monkeypatch, "cifar10", contents)
    put(tmp_path / "c", contents)
    with pytest.raises(InputError, match=r"'data_batch_1' is no batch .*builtins.print"):
        datasets.convert("cifar10", tmp_path / "c")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({}, "has neither cifar-10-python.tar.gz nor data_batch_1, data_batch_2"),
        ({"data_batch_1": b"x"}, "'.*data_batch_1' has MD5"),
        ({"data_batch_1.xz": b"x"}, "is no whole xz file"),
        ({"data_batch_1.xz": lzma.compress(b"x")}, "'.*data_batch_1.xz' has MD5"),
    ],
)
def test_damaged_cifar10_folders(tmp_path, contents, message):
    put(tmp_path / "c", contents)
    with pytest.raises(InputError, match=message):
        datasets.convert("cifar10", tmp_path / "c")


@pytest.mark.parametrize(
    "archive",
    [b"no tar", tar_gz({"data_batch_1": b"x"}), gzip.compress(b"no tar", mtime=0)],
    ids=["text", "too few", "no tar inside"],
)
def test_damaged_cifar10_archives(tmp_path, monkeypatch, archive):
    contents = {"cifar-10-python.tar.gz": archive}
    known_by(monkeypatch, "cifar10", contents)
    put(tmp_path / "c", contents)
    with pytest.raises(InputError, match=r"tar.gz' is no CIFAR-10 archive"):
        datasets.convert("cifar10", tmp_path / "c")


def emnist_zip(parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(f"gzip/{name}", content)
    return file.getvalue()


def test_emnist_archive_is_put_upright(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    images = {part: rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
              for part, n in (("train", 6), ("test", 3))}  # fmt: skip
    labels = {part: rng.integers(0, 47, len(x), dtype=np.uint8) for part, x in images.items()}
    parts = {"emnist-letters-train-images-idx3-ubyte.gz": b"another split"}
    for part, x in images.items():
        parts[f"emnist-balanced-{part}-images-idx3-ubyte.gz"] = idx_bytes(x)
        parts[f"emnist-balanced-{part}-labels-idx1-ubyte.gz"] = idx_bytes(labels[part])
    contents = {"gzip.zip": emnist_zip(parts)}
    known_by(monkeypatch, "emnist", contents)
    put(tmp_path / "emnist", contents)
    dataset = datasets.convert("emnist", tmp_path / "emnist")
    assert dataset.classes == 47
    assert dataset.image_shape == (28, 28, 1)
    for part in ("train", "test"):
        x, y = getattr(dataset, f"{part}_x"), getattr(dataset, f"{part}_y")
        np.testing.assert_array_equal(x[..., 0], images[part].transpose(0, 2, 1))
        np.testing.assert_array_equal(y, labels[part])


@pytest.mark.parametrize("archive", [b"no zip", emnist_zip({"x": b""})], ids=["text", "empty"])
def test_damaged_emnist_archives(tmp_path, monkeypatch, archive):
    contents = {"gzip.zip": archive}
    known_by(monkeypatch, "emnist", contents)
    put(tmp_path / "c", contents)
    with pytest.raises(InputError, match=r"gzip.zip' is no EMNIST archive"):
        datasets.convert("emnist", tmp_path / "c")


def test_the_piece_of_bymerge_is_put_upright_and_cut(tmp_path, monkeypatch):
    """Stored with rows and columns exchanged, so one row of ink is a column of the picture."""
    images = np.zeros((5, 3, 4), np.uint8)
    for number in range(5):
        images[number, 1] = [1, 2, 3, 10 * number]
    files = catalogue.CATALOGUE["emnist-bymerge-40k"].md5
    contents = dict(
        zip(files, [idx_bytes(images), idx_bytes(np.arange(5, dtype=np.uint8))], strict=True)
    )
    known_by(monkeypatch, "emnist-bymerge-40k", contents)
    put(tmp_path / "c", contents)
    assert originals.BYMERGE_TEST_IMAGES == 10_000
    monkeypatch.setattr(originals, "BYMERGE_TEST_IMAGES", 2)
    dataset = datasets.convert("emnist-bymerge-40k", tmp_path / "c")
    for x, y, numbers in (
        (dataset.train_x, dataset.train_y, [0, 1, 2]),
        (dataset.test_x, dataset.test_y, [3, 4]),
    ):
        assert y.tolist() == numbers
        assert x.shape[1:] == (4, 3, 1)
        for image, number in zip(x, numbers, strict=True):
            upright = [[0, 1, 0], [0, 2, 0], [0, 3, 0], [0, 10 * number, 0]]
            assert image[..., 0].tolist() == upright


def test_the_classes_of_emnist_in_the_order_of_their_labels():
    """As in the mapping file of the balanced and the ByMerge splits."""
    names = catalogue.CATALOGUE["emnist"].class_names
    codes = [*range(48, 58), *range(65, 91), 97, 98, 100, 101, 102, 103, 104, 110, 113, 114, 116]
    assert [ord(name) for name in names] == codes
    assert catalogue.CATALOGUE["emnist-bymerge-40k"].class_names == names


@pytest.mark.parametrize("name", catalogue.CATALOGUE)
def test_every_entry_names_its_classes_and_files(name):
    entry = catalogue.CATALOGUE[name]
    assert entry.layout in originals.LAYOUTS
    assert len(set(entry.class_names)) == len(entry.class_names) == (47 if "em" in name else 10)
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in entry.md5.values())
    assert entry.address is None or entry.address.endswith("/")
    assert entry.licence
    assert entry.source


def test_the_piece_of_bymerge_cannot_be_downloaded():
    with pytest.raises(InputError, match="'emnist-bymerge-40k' cannot be downloaded: put its"):
        datasets.load("emnist-bymerge-40k")


@pytest.mark.long
def test_the_real_cifar10(originals):
    dataset = datasets.convert("cifar10", originals("cifar10"))
    assert dataset.train_x.shape == (50_000, 32, 32, 3)
    assert (np.bincount(dataset.train_y) == 5000).all()
    means = dataset.train_x.mean(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=1e-4)


def test_the_real_piece_of_emnist(originals):
    dataset = datasets.convert("emnist-bymerge-40k", originals("emnist"))
    assert (len(dataset.train_x), len(dataset.test_x)) == (30_000, 10_000)
    counts = np.bincount(np.concatenate([dataset.train_y, dataset.test_y]))
    assert (counts.size, counts.min(), counts.max()) == (47, 142, 2217)
    # Upright, a handwritten 1 is taller than wide.
    ones = dataset.train_x[dataset.train_y == 1][..., 0] > 127
    assert ones.any(axis=2).sum() > 1.5 * ones.any(axis=1).sum()


def test_a_batch_that_takes_gigabytes_for_a_few_bytes():
    """Python makes room for as many objects as one is numbered, here 17 GB."""
    batch = b"\x80\x03}r" + (2**30).to_bytes(4, "little") + b"."
    with pytest.raises(InputError, match=r"no batch of CIFAR-10 .it numbers an object 1073741824"):
        cifar10.arrays(dict.fromkeys(cifar10.BATCHES, batch))
