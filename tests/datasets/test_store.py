"""Data sets in HDF5, those of users among them."""

import json

import h5py
import numpy as np
import pytest

from sparsedend import datasets
from sparsedend.errors import InputError
from tests.conftest import edited
from tests.datasets.test_datasets import assert_equal, made

BYTES = np.zeros((4, 2, 2, 1), np.uint8)


def own(path, train_y=(0, 1, 2, 1), test_y=(0, 1, 2, 1), x=BYTES, **attributes):
    """A file as users write it, with the four arrays alone and whatever attributes."""
    with h5py.File(path, "w") as file:
        for part, y in (("train", train_y), ("test", test_y)):
            file[f"{part}/x"], file[f"{part}/y"] = x, y
        file.attrs.update(attributes)
    return path


def refused(path, message, read=datasets.read):
    with pytest.raises(InputError, match=message) as told:
        read(path)
    assert "\n" not in str(told.value)


def test_round_trip(tmp_path):
    dataset = made()
    datasets.write(dataset, tmp_path / "a.h5")
    assert_equal(datasets.read(tmp_path / "a.h5"), dataset)
    assert_equal(datasets.load(tmp_path / "a.h5"), dataset)


def test_what_is_in_a_file(tmp_path):
    """Older versions read it too."""
    datasets.write(made(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert dict(file.attrs) | {"class_names": file.attrs["class_names"].tolist()} == {
            "format": "sparsedend-dataset",
            "format_version": 1,
            "name": "small",
            "class_names": ["a", "b", "ü"],
            "licence": "none",
            "source": "here",
            "sha256": json.dumps({"f": "0a"}),
        }
        for name in ("train_x", "train_y", "test_x", "test_y"):
            stored = file[name.replace("_", "/")]
            assert stored.dtype == getattr(made(), name).dtype
            np.testing.assert_array_equal(stored[()], getattr(made(), name))


@pytest.mark.parametrize("names", [5_000, 300])
def test_many_or_long_class_names(tmp_path, names):
    """HDF5's oldest format ends at 64 kB: 4,096 texts, or what they have in all as bytes."""
    class_names = tuple(f"{'long ' * 60}{i}" if names == 300 else f"{i}" for i in range(names))
    datasets.write(made(class_names=class_names), tmp_path / "a.h5")
    with pytest.warns(UserWarning, match="classes .* and .* more have no images"):
        found = datasets.read(tmp_path / "a.h5")
    assert_equal(found, made(class_names=class_names))


def test_a_users_own_file_needs_the_arrays_alone(tmp_path):
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        for part in ("train", "test"):
            file[f"{part}/x"] = np.full((4, 2, 2, 1), 0.5, np.float32)
            file[f"{part}/y"] = np.array([0, 1, 2, 1], np.uint8)
    found = datasets.load(path)
    assert (found.name, found.class_names) == ("mine", ("0", "1", "2"))
    assert found.train_y.dtype == np.int64


def test_integers_of_any_width_are_labels(tmp_path):
    labels = np.arange(300) % 299
    for kind in (np.int16, np.uint64, ">i4"):
        y = labels.astype(kind)
        path = own(tmp_path / "a.h5", y, y, np.zeros((300, 1, 1, 1), np.uint8))
        found = datasets.read(path)
        assert found.classes == 299
        np.testing.assert_array_equal(found.test_y, labels)


def test_a_class_that_only_the_test_has_is_a_class(tmp_path):
    assert datasets.read(own(tmp_path / "a.h5", test_y=[0, 1, 2, 3])).classes == 4


@pytest.mark.parametrize(
    "names", [np.array([b"ant", "bü".encode(), b"c"]), [b"ant", "bü".encode(), b"c"]]
)
def test_class_names_stored_as_bytes(tmp_path, names):
    found = datasets.read(own(tmp_path / "a.h5", class_names=names))
    assert found.class_names == ("ant", "bü", "c")


def test_other_texts_stored_as_bytes(tmp_path):
    texts = {name: np.bytes_(f"ü {name}".encode()) for name in ("name", "licence", "source")}
    found = datasets.read(own(tmp_path / "a.h5", sha256=np.bytes_(b'{"f": "0a"}'), **texts))
    assert (found.name, found.licence, found.source) == ("ü name", "ü licence", "ü source")
    assert found.sha256 == {"f": "0a"}


def test_numbers_are_class_names_too(tmp_path):
    found = datasets.read(own(tmp_path / "a.h5", class_names=[2, 9, 10]))
    assert found.class_names == ("2", "9", "10")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("ant", "has class_names that are 'ant': store an array of one text for each class"),
        (np.bytes_(b"ant"), "has class_names that are .*ant"),
        (np.array([["a", "b", "c"]], object), "has class_names that are array"),
        (h5py.Empty("S1"), "has class_names that are .*Empty"),
        (["ant"], "holds label 1 at 1: labels go from 0 to 0, one for each of the 1 class names"),
        (np.array([b"a", b"b", b"\xff"]), r"class name .*\\xff.* is not UTF-8: store it as text"),
        (
            np.array([b"a", b"b", b"\xff"], h5py.string_dtype()),
            r"the name '\\udcff' is not UTF-8",
        ),
    ],
)
def test_class_names_that_name_no_classes(tmp_path, names, message):
    refused(own(tmp_path / "a.h5", class_names=names), message)


def test_labels_that_count_from_one(tmp_path):
    path = own(tmp_path / "a.h5", [1, 2, 3, 1], [1, 2, 3, 2])
    words = r"a.h5' has labels 1 … 3 of 4 classes, and class 0 has no images: convert it .'sparsed"
    with pytest.warns(UserWarning, match=words) as told:
        found = datasets.read(path)
    assert len(told) == 1
    assert found.class_names == ("0", "1", "2", "3")
    assert found.train_y.tolist() == [1, 2, 3, 1]


@pytest.mark.parametrize(
    "read",
    [
        lambda path: datasets.read(path, renumber=True),
        lambda path: datasets.from_path("a", path),
    ],
)
def test_classes_of_the_labels_that_occur_on_request(tmp_path, read):
    path = own(tmp_path / "a.h5", [1, 9, 1, 9], [10, 1, 9, 9])
    words = "the labels are not 0 … 2 but 1, 9, 10: they become the classes 0 … 2 in that order"
    with pytest.warns(UserWarning, match=words) as told:
        found = read(path)
    assert len(told) == 1
    assert found.class_names == ("1", "9", "10")
    assert found.train_y.tolist() == [0, 1, 0, 1]
    assert found.test_y.tolist() == [2, 0, 1, 1]
    assert found.name == "a"


def test_labels_of_named_classes_stay_as_they_are(tmp_path):
    path = own(tmp_path / "a.h5", [1, 2, 2, 1], [1, 2, 1, 1], class_names=["none", "ant", "bee"])
    for renumber in (False, True):
        words = "class none has no images: check whether its class_names are right"
        with pytest.warns(UserWarning, match=words):
            found = datasets.read(path, renumber=renumber)
        assert found.class_names == ("none", "ant", "bee")
        assert found.test_y.tolist() == [1, 2, 1, 1]


def test_texts_as_labels(tmp_path):
    path = own(tmp_path / "a.h5", ["bee", "ant", "ü", "ant"], np.array([b"ant", b"bee"] * 2))
    refused(path, "a.h5' has labels of object: give integers")
    found = datasets.from_path("mine", path)
    assert found.class_names == ("ant", "bee", "ü")
    assert (found.train_y.tolist(), found.test_y.tolist()) == ([1, 0, 2, 0], [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, 1.0, 2.0, 1.0], "a.h5' has labels of float64: give integers"),
        ([True, False, True, True], "a.h5' has labels of bool: give integers"),
        (
            np.array([0, 1, 2, 2**63], np.uint64),
            "has label 9223372036854775808: number the classes",
        ),
        ([0, 1, 2, 2**62], "8 labels go up to 4611686018427387904: number the classes from 0 on"),
        ([0, 1, 2, -1], "holds label -1 at 3"),
    ],
)
def test_labels_that_number_no_classes(tmp_path, labels, message):
    refused(own(tmp_path / "a.h5", labels), message)


def test_a_name_of_ones_own(tmp_path):
    assert datasets.read(own(tmp_path / "a.h5"), name="mine").name == "mine"
    assert datasets.read(own(tmp_path / "a.h5", name="theirs")).name == "theirs"
    assert datasets.read(own(tmp_path / "a.h5")).name == "a"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.pop("test/y"), "has no test/y"),
        (lambda file: [file.pop("train"), file.pop("test")], "has no train/x, train/y, test/x"),
        (lambda file: file.attrs.update(format_version=7), "has data set format 7"),
        (lambda file: file.attrs.update(format="x"), "a.h5' is no data set but a x: give another"),
        (lambda file: file.attrs.update(name=np.bytes_(b"\xff")), "name .* is not UTF-8"),
        (lambda file: file.attrs.update(sha256="{"), "cannot be read as a data set"),
        (lambda file: file["train/y"].write_direct(np.full(7, 9)), "holds label 9 at 0"),
    ],
)
def test_unusable_files_are_refused(tmp_path, change, message):
    datasets.write(made(), tmp_path / "a.h5")
    with edited(tmp_path / "a.h5") as file:
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
        with pytest.raises(InputError, match=r"damaged or not HDF5|bytes then and [0-9,]+ now"):
            datasets.read(tmp_path / name)
