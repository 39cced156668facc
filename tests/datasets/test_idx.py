import gzip
import struct
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sparsedend.datasets import idx
from sparsedend.errors import InputError
from tests.datasets.test_datasets import idx_bytes

#: Without the time, by which the names of tests would differ.
packed = partial(gzip.compress, mtime=0)


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
        (packed(b"\0\0"), "has 2 bytes, its header 16"),
        (packed(struct.pack(">4I", 2049, 1, 1, 1) + b"a"), "begins with 2049, not 2051"),
        (packed(struct.pack(">4I", 2052, 1, 1, 1) + b"a"), "begins with 2052, not 2051"),
        (packed(struct.pack(">4I", 0xD03, 1, 1, 1) + b"a"), "begins with 3331, not 2051"),
        (packed(struct.pack(">4I", 2051, 2, 1, 1) + b"a"), r"holds 1 values, .*\(2, 1"),
        (
            packed(struct.pack(">4I", 2051, 1, 1, 1) + b"ab"),
            r"holds 2 values, .*\(1, 1",
        ),
    ],
)
def test_damaged_idx_files_are_refused(content, message):
    with pytest.raises(InputError, match=f"'a.gz' .*{message}"):
        idx.decode(content, idx.IMAGES, "a.gz")
