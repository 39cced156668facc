import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.numbers import real, whole


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_numbers_become_pythons(value):
    found = whole("n", value)
    assert found == 3
    assert type(found) is int


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.5)])
def test_real_numbers_become_pythons(value):
    found = real("x", value, 0)
    assert found == 0.5
    assert type(found) is float
    assert type(real("x", np.int64(1), 0)) is float


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (0, (), "n is 0: give a whole number of 1 or more"),
        (4, (1, 3), "n is 4: give a whole number from 1 to 3"),
        (-1, (0,), "n is -1: give a whole number of 0 or more"),
        (2.0, (), "n is 2.0: give a whole number"),
        (True, (), "n is True"),
        ("2", (), "n is '2'"),
        (None, (), "n is None"),
        (np.array([1, 2]), (), "n is array"),
    ],
)
def test_what_is_no_whole_number_in_range(value, limits, message):
    with pytest.raises(InputError, match=message):
        whole("n", value, *limits)


def test_numbers_that_python_does_not_write():
    for value in (10**5000, -(10**5000)):
        with pytest.raises(InputError, match="n is of 16,610 bits: give a whole number from 0 to"):
            whole("n", value, 0, 9)


def test_limits_of_whole_numbers_are_in_range():
    assert [whole("n", value, 1, 3) for value in (1, 3)] == [1, 3]


@pytest.mark.parametrize(
    ("value", "limits", "above", "message"),
    [
        (-0.1, (0,), False, "x is -0.1: give a finite number of 0 or more"),
        (0, (0,), True, "x is 0: give a finite number above 0"),
        (1, (0, 1), False, "x is 1: give a finite number from 0 up to, not including, 1"),
        (0, (0, 1), True, "x is 0: give a finite number above 0 up to, not including, 1"),
        (np.nan, (0,), False, "x is nan"),
        (np.inf, (0,), False, "x is inf"),
        (-np.inf, (0,), False, "x is -inf"),
        (True, (0,), False, "x is True"),
        ("1", (0,), False, "x is '1'"),
        (None, (0,), False, "x is None"),
        (1j, (0,), False, "x is 1j"),
    ],
)
def test_what_is_no_real_number_in_range(value, limits, above, message):
    with pytest.raises(InputError, match=message):
        real("x", value, *limits, above=above)


def test_limits_of_real_numbers():
    assert real("x", 0, 0) == 0
    assert real("x", 0, 0, 1) == 0
    assert real("x", 1e-300, 0, above=True) == 1e-300
