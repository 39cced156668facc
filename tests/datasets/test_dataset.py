"""What a data set is in memory: its checks, its fingerprint, how it is shown."""

import warnings

import numpy as np
import pytest

from sparsedend import datasets
from sparsedend.datasets import Dataset
from sparsedend.errors import InputError
from tests.datasets.test_datasets import made


def floats(value, **change):
    """Images of 0.5 but for one value, which is the last of the test's."""
    train, test = np.full((7, 4, 5, 3), 0.5), np.full((2, 4, 5, 3), 0.5)
    test[-1, -1, -1, -1] = value
    return made(**({"train_x": train, "test_x": test} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_x": np.zeros((7, 4, 5), np.uint8)}, r"train/x has shape \(7, 4, 5\)"),
        ({"train_x": np.zeros((7, 4, 5, 3), np.int16)}, "train/x is int16"),
        ({"train_x": np.zeros((0, 4, 5, 3), np.uint8)}, "train/x is empty"),
        ({"test_x": np.zeros((2, 4, 4, 3), np.uint8)}, "give both the same"),
        ({"test_x": np.full((2, 4, 5, 3), np.nan)}, r"test/x holds nan at \(0, 0, 0, 0\)"),
        ({"test_x": np.full((2, 4, 5, 3), -np.inf, np.float32)}, "test/x holds -inf"),
        ({"test_x": np.full((2, 4, 5, 3), 0.5)}, "training images are uint8, test images float64"),
        ({"train_y": np.zeros(6, np.int64)}, "give 7 int64 labels"),
        ({"train_y": np.zeros(7, np.int32)}, "is int32 of shape .*give 7 int64 labels"),
        ({"train_y": np.array([0, 1, 2, 3, 0, 0, 0])}, "holds label 3 at 3: labels go from 0 to 2"),
        ({"test_y": np.array([0, -1])}, "test/y holds label -1 at 1"),
        ({"class_names": ("a", "b")}, "labels go from 0 to 1, one for each of the 2 class names"),
        ({"class_names": "abc"}, "has class names that are 'abc': give a text for each class"),
        ({"class_names": (b"a", b"b", b"c")}, "has b'a' among its names: give texts"),
        ({"class_names": ("a", None, "c")}, "has None among its names"),
        ({"class_names": ("a", "b\0", "c")}, r"the name 'b\\x00' is not UTF-8 without NUL"),
        ({"class_names": ("a", "b", "\udcff")}, r"the name '\\udcff' is not UTF-8"),
        ({"name": "a\0"}, r"the name 'a\\x00' is not UTF-8"),
        ({"licence": "\udcff\udcfe"}, r"the licence '\\udcff\\udcfe' is not UTF-8"),
        ({"source": "a\0"}, r"the source 'a\\x00' is not UTF-8"),
        ({"licence": None}, "the licence is None: give a text"),
        ({"source": 3}, "the source is 3: give a text"),
        ({"class_names": None}, "has class names that are None: give a text for each class"),
        ({"train_x": [[[[0]]]]}, "train/x is a list: give an array of NumPy's"),
        ({"test_y": (0, 1)}, "test/y is a tuple: give an array of NumPy's"),
        ({"name": None}, "has None among its names"),
        ({"train_x": np.ma.zeros((7, 4, 5, 3), np.uint8)}, "train/x is a masked array: fill in"),
        ({"test_y": np.ma.zeros(2, np.int64)}, "test/y is a masked array: fill in"),
    ],
)
def test_unusable_parts_are_refused(change, message):
    with pytest.raises(InputError, match=message) as told:
        made(**change)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_found(value, kind):
    images = np.zeros((2, 4, 5, 3), kind)
    images[1, 2, 3, 2] = value
    message = rf"test/x holds {value} at \(1, 2, 3, 2\): give finite numbers"
    with pytest.raises(InputError, match=message):
        floats(0, test_x=images)


@pytest.mark.parametrize("value", [1e39, -1e39, 3.41e38])
def test_what_float32_does_not_hold_is_refused(value):
    message = rf"'small' test/x holds {value:g} at \(1, 3, 4, 2\), which does not fit float32"
    with pytest.raises(InputError, match=message.replace("+", r"\+")):
        floats(np.float64(value))


def test_what_float32_holds_is_taken():
    assert floats(-float(np.finfo(np.float32).max)).test_x.min() < -3e38


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            255.0,
            r"values reach 255: scale them to 0 … 1 \(divide by 255\), or store bytes as uint8",
        ),
        (200.0, r"values reach 200: .*\(divide by 255\)"),
        (128.0, "values reach 128"),
        (65535.0, r"values reach 65535: .*\(divide by 65535\)"),
    ],
)
def test_floats_that_nobody_has_scaled_are_told(value, words):
    with pytest.warns(UserWarning, match=words) as told:
        floats(value)
    with pytest.warns(UserWarning, match=words):
        floats(0, train_x=np.full((7, 4, 5, 3), value, np.float32))
    assert len(told) == 1
    assert told[0].filename.endswith("test_datasets.py"), "where the data set is made"


def test_scaled_floats_and_bytes_are_not_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        floats(100.0)
        floats(-300.0)
        made(train_x=np.full((7, 4, 5, 3), 255, np.uint8))


def test_names_become_a_tuple_of_texts():
    for names in (["a", "b", "c"], np.array(["a", "b", "c"])):
        found = made(class_names=names).class_names
        assert found == ("a", "b", "c")
        assert all(type(name) is str for name in found)


def test_shape_and_classes():
    assert made().image_shape == (4, 5, 3)
    assert made().classes == 3


def test_every_part_is_in_the_fingerprint():
    bits = np.zeros((7, 4, 5, 3), np.uint8)
    last = bits.copy()
    last[-1, -1, -1, -1] = 1
    small = bits[:2].copy()
    zeros = {"train_y": np.zeros(7, np.int64), "test_y": np.zeros(2, np.int64)}
    variants = [
        made(train_x=bits, test_x=small, **zeros),
        made(train_x=last, test_x=small, **zeros),
        made(train_x=bits, test_x=last[-2:], **zeros),
        made(train_x=bits, test_x=small, **zeros | {"train_y": np.array([0] * 6 + [1])}),
        made(train_x=bits, test_x=small, **zeros | {"test_y": np.array([0, 1])}),
        made(train_x=bits.reshape(7, 5, 4, 3), test_x=small.reshape(2, 5, 4, 3), **zeros),
        made(train_x=bits.astype(np.float32), test_x=small.astype(np.float32), **zeros),
        made(train_x=bits.astype(np.float64), test_x=small.astype(np.float64), **zeros),
    ]
    assert len({dataset.fingerprint for dataset in variants}) == len(variants)
    assert made(name="other", class_names=tuple("xyz")).fingerprint == made().fingerprint
    ordered = np.asfortranarray(made().train_x)
    assert made(train_x=ordered).fingerprint == made().fingerprint


def test_a_fingerprint_stays_the_same_from_version_to_version():
    """Checkpoints and sweeps hold it."""
    assert (
        datasets.load("digits").fingerprint
        == "da99543682bab1a19ff490534fe99805937456995ec55f203c31f63ba917637d"
    )


def test_it_is_shown_in_one_line_without_its_arrays(digits):
    assert repr(digits) == (
        "<Dataset 'digits': 1437 + 360 images of 8 × 8 × 1 uint8, "
        "10 classes: 0, 1, 2, 3, 4 and 5 more>"
    )
    assert repr(floats(0.5)) == (
        "<Dataset 'small': 7 + 2 images of 4 × 5 × 3 float64, 3 classes: a, b, ü>"
    )
    five = Dataset("five", tuple("abcde"), *(getattr(made(), name) for name in PARTS))
    assert repr(five).endswith("5 classes: a, b, c, d, e>")


PARTS = ("train_x", "train_y", "test_x", "test_y")
