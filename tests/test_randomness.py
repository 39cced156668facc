import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.randomness import STREAMS, stream


def test_streams_are_those_of_the_seeds_children():
    """What a seed means must not change: files and figures were made with it."""
    assert STREAMS == ("split", "connectivity", "weights", "shuffle", "noise", "dropout")
    for position, name in enumerate(STREAMS):
        sequence = np.random.SeedSequence(5, spawn_key=(position,))
        expected = np.random.default_rng(sequence).random(3)
        np.testing.assert_array_equal(stream(5, name).random(3), expected)


def test_no_two_streams_are_alike():
    drawn = [stream(seed, name).random() for seed in range(3) for name in STREAMS]
    assert len(set(drawn)) == 3 * len(STREAMS)


@pytest.mark.parametrize("seed", [-1, None, 2**63, 1.0, "1", True])
def test_seeds_that_are_refused(seed):
    with pytest.raises(
        InputError, match=r"seed is .*: give a whole number from 0 to 9223372036854"
    ):
        stream(seed, "split")


def test_seeds_of_numpys_are_the_same():
    assert stream(np.int64(5), "noise").random() == stream(5, "noise").random()
    assert stream(2**63 - 1, "noise").random() < 1
