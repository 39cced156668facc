import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.randomness import STREAMS, stream


def drawn(seed, name):
    return stream(seed, name).integers(0, 2**63, 4).tolist()


def test_every_seed_and_every_purpose_has_numbers_of_its_own():
    seeds = (0, 1, 2, 2**32 + 1, 2**63 - 1)
    all_drawn = {tuple(drawn(seed, name)) for seed in seeds for name in STREAMS}
    assert len(all_drawn) == len(seeds) * len(STREAMS)


def test_the_numbers_of_a_seed_stay_the_same_from_version_to_version():
    """What a seed means is part of every published result."""
    first = {name: int(stream(1, name).integers(0, 1000)) for name in STREAMS}
    assert first == {
        "split": 15,
        "connectivity": 941,
        "weights": 426,
        "shuffle": 182,
        "noise": 750,
        "dropout": 273,
        "augmentation": 233,
    }


def test_every_part_has_numbers_of_its_own():
    parts = [(), (0,), (1,), (1, 0)]
    found = {tuple(stream(1, "shuffle", *part).integers(0, 2**63, 4).tolist()) for part in parts}
    assert len(found) == len(parts)
    assert tuple(drawn(1, "shuffle")) in found


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.uint64])
def test_integers_of_numpy_are_seeds_too(kind):
    assert drawn(kind(7), "split") == drawn(7, "split")


@pytest.mark.parametrize(
    "seed",
    [-1, None, 2**63, np.uint64(2**63), np.int8(-1), 1.0, True, "1", [1], np.timedelta64(1, "s")],
    ids=str,
)
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(InputError, match=r"^seed is .*: give a whole number from 0 to 9223"):
        stream(seed, "split")


def test_the_message_names_the_seed():
    with pytest.raises(InputError, match=r"^seed is -1:"):
        stream(-1, "noise")
    with pytest.raises(InputError, match=r"^seed is None:"):
        stream(None, "noise")
