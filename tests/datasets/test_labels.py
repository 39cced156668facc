"""Labels from outside, of every type that NumPy has."""

import warnings

import numpy as np
import pytest

from sparsedend.datasets.labels import integers, numbered, shown, text, up_to_greatest
from sparsedend.errors import InputError

StringDType = getattr(getattr(np, "dtypes", None), "StringDType", None)
needs_strings = pytest.mark.skipif(StringDType is None, reason="NumPy 1 has no StringDType")


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    "labels",
    [
        np.array([10, 2, 9, 2]),
        np.array([10, 2, 9, 2], np.uint8),
        np.array([10, 2, 9, 2], ">i8"),
        objects(10, 2, 9, 2),
        objects(np.int64(10), 2, np.uint8(9), 2),
    ],
)
def test_numbers_come_in_their_order_also_as_objects(labels):
    words = "the labels are not 0 … 2 but 2, 9, 10: they become the classes 0 … 2 in that order"
    with pytest.warns(UserWarning, match=words):
        names, (numbers,) = numbered(labels)
    assert names == ("2", "9", "10")
    assert (numbers.dtype, numbers.tolist()) == (np.int64, [2, 0, 1, 0])


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "ü", "a", "ü"]),
        np.array([value.encode() for value in ("b", "ü", "a", "ü")]),
        objects("b", "ü", "a", "ü"),
        objects(b"b", "ü", np.str_("a"), "ü".encode()),
        pytest.param(
            StringDType and np.array(["b", "ü", "a", "ü"], StringDType()), marks=needs_strings
        ),
    ],
)
def test_texts_come_in_the_order_of_the_alphabet(labels):
    names, (numbers,) = numbered(labels)
    assert names == ("a", "b", "ü")
    assert all(type(name) is str for name in names)
    assert (numbers.dtype, numbers.tolist()) == (np.int64, [1, 2, 0, 2])


def test_digits_that_are_texts_stay_texts():
    assert numbered(np.array(["10", "2", "9"]))[0] == ("10", "2", "9")


@pytest.mark.parametrize("labels", [np.array([2, 0, 1, 0]), objects(2, 0, 1, 0), np.array([0, 0])])
def test_classes_that_count_from_zero_are_not_told(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names, (numbers,) = numbered(labels)
    assert names == tuple(str(label) for label in range(len(names)))
    assert numbers.tolist() == labels.tolist()


def test_parts_have_the_same_classes():
    names, (one, other) = numbered(np.array(["c", "a"]), np.array([b"b", b"a", b"c"]))
    assert names == ("a", "b", "c")
    assert (one.tolist(), other.tolist()) == ([2, 0], [1, 0, 2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (objects(1, None), "label None of image 1 is neither an integer nor a text: give one, or"),
        (objects("a", float("nan")), "label nan of image 1 is neither"),
        (objects(1, np.nan), "label nan of image 1"),
        (objects(1, 2.0), r"label 2.0 of image 1"),
        (objects(1, True), "label True of image 1"),
        (objects(1, np.True_), "label True of image 1"),
        (objects(1, np.timedelta64("NaT")), "label NaT of image 1"),
        (objects(1, np.datetime64("NaT")), "label NaT of image 1"),
        (objects(1, [2]), r"label \[2\] of image 1"),
        (objects(1, "a"), "label 1 of image 0 is an integer, label a of image 1 is not"),
        (objects("a", "b", 7), "label a of image 0 is a text, label 7 of image 2 is not"),
        (objects(1, -5), "label -5 of image 1 is below 0: count from 0"),
        (objects(1, 2**63), "labels go up to 9223372036854775808: number the classes"),
        (np.array([1, 2**63], np.uint64), "has label 9223372036854775808: number the classes"),
        (np.array([0, -3, -1]), "label -3 of image 1 is below 0"),
        (np.array(["NaT", 1], "m8[s]"), r"labels are timedelta64\[s\]: give integers or texts"),
        (np.array(["NaT", "2020"], "M8[Y]"), r"labels are datetime64\[Y\]"),
        (np.array([0.0, 1.0]), "labels are float64: give integers or texts"),
        (np.array([True, False]), "labels are bool"),
        (np.array([1j]), "labels are complex128"),
        (np.array([(1,)], [("a", int)]), "labels are .*a"),
        (np.array([b"a", b"\xff"]), r"label of image 1: b'\\xff' is not UTF-8: store it as text"),
        pytest.param(
            StringDType and np.array(["a", None], StringDType(na_object=None)),
            "label None of image 1",
            marks=needs_strings,
        ),
        pytest.param(
            StringDType and np.array(["a", np.nan], StringDType(na_object=np.nan)),
            "label nan of image 1",
            marks=needs_strings,
        ),
    ],
)
def test_what_names_no_class_is_refused(labels, message):
    with pytest.raises(InputError, match=message) as told:
        numbered(labels)
    assert "\n" not in str(told.value)


def test_numbers_in_one_part_and_texts_in_another_are_refused():
    with pytest.raises(InputError, match="one part has labels that are integers, another texts"):
        numbered(np.array([1]), np.array(["a"]))


def test_integers():
    found = integers(np.array([3, 200], np.uint8), "'a'")
    assert (found.dtype, found.tolist()) == (np.int64, [3, 200])
    for labels in (np.array([1], "m8[s]"), np.array([True]), np.array([1.0])):
        with pytest.raises(InputError, match=r"'a' has labels of .*: give integers"):
            integers(labels, "'a'")


def test_classes_up_to_the_greatest_label():
    assert up_to_greatest(np.array([0, 2, 0])) == ("0", "1", "2")
    with pytest.raises(InputError, match="2 labels go up to 2: number the classes from 0 on"):
        up_to_greatest(np.array([0, 2]))


def test_a_few_names_are_shown():
    assert shown(["a"]) == "a"
    assert shown(list("abcde")) == "a, b, c, d, e"
    assert shown(list("abcdef")) == "a, b, c, d, e and 1 more"


def test_text():
    assert [text(value, "it") for value in ("ü", "ü".encode(), np.bytes_(b"a"))] == ["ü", "ü", "a"]
    with pytest.raises(InputError, match=r"it b'\\xff' is not UTF-8"):
        text(b"\xff", "it")
