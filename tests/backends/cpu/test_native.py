"""Arguments as the words that they are made of."""

import gc

import numpy as np
import pytest

from sparsedend.backends.cpu import native
from sparsedend.backends.cpu.simd import tile_of


def test_the_words_of_numbers():
    assert native.words(None) == native.words(tile_of(np.zeros((2, 8)))) == ()
    assert native.words(7) == (7,)
    for number in (0.1, -2.5, np.float64(1e300)):
        (word,) = native.words(number)
        assert np.int64(word).view(np.float64) == number


def test_the_words_of_an_array():
    array = np.zeros((3, 5), np.float32)
    address = array.ctypes.data
    assert native.words(array) == (0, 0, 15, 4, address, 3, 5, 20, 4)
    assert native.words(array) is native.words(array)
    array.resize((5, 3), refcheck=False)
    assert native.words(array) == (0, 0, 15, 4, address, 5, 3, 12, 4)
    array.resize((3, 5), refcheck=False)
    assert native.words(array[1:]) == (0, 0, 10, 4, address + 20, 2, 5, 20, 4)


def test_nothing_is_known_of_arrays_that_are_gone():
    """Another one may have their identity."""
    gc.collect()
    before = len(native._seen_by_identity)
    for size in range(100):
        assert native.words(np.zeros(size))[2] == size
    assert len(native._seen_by_identity) == before


@pytest.mark.parametrize("argument", [np.float32(1), np.int64(1), "1", [1], 1j])
def test_what_has_no_words_is_refused(argument):
    """It would shift all that come after it."""
    with pytest.raises(TypeError, match="is no argument of a kernel"):
        native.words(argument)
