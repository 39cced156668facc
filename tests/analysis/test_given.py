"""What a caller gives, as arrays."""

import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.analysis.given import ROUNDING, alike, levels, numbers


def test_numbers_are_float64_of_their_shape():
    found = numbers("the table", [[1, 2], [3, 4]])
    assert found.dtype == np.float64
    assert found.tolist() == [[1, 2], [3, 4]]
    assert numbers("the table", [True, False]).tolist() == [1, 0]
    with pytest.raises(InputError, match="the table holds -inf at 3: give finite numbers"):
        numbers("the table", [[1, 2], [3, -np.inf]])
    with pytest.raises(InputError, match="the table is of complex128: give numbers"):
        numbers("the table", [1j])


@pytest.mark.parametrize(
    "given",
    [
        ["b", None, "b", "a"],
        [1, "1", 1, 1.5],
        [np.nan, 1.0, float("nan"), 2.0],
        np.array([np.nan, 1.0, np.nan, 2.0]),
        [(1, 2), (3, 4), (1, 2), (5, 6)],
        np.array([9, 7, 9, 8], np.uint8),
    ],
)
def test_levels_are_of_any_kind(given):
    found = levels("levels", given)
    assert found.tolist() == [0, 1, 0, 2]
    assert found.dtype == np.int64


@pytest.mark.parametrize("given", [5, np.array(5), [[1], [2]], np.ones((2, 2)), [np.ones(2)] * 2])
def test_what_has_no_levels(given):
    with pytest.raises(InputError, match="levels are no vector of names or numbers"):
        levels("levels", given)


def test_what_differs_by_rounding_is_alike():
    assert alike(np.zeros(3))
    assert alike(np.array([0.3, 0.1 + 0.2]))
    assert alike(-1e9 * np.array([0.3, 0.1 + 0.2]))
    assert alike(np.array([1, 1 + ROUNDING / 2]))
    assert not alike(np.array([1, 1 + 2 * ROUNDING]))
    assert not alike(np.array([0, 1e-300]))
