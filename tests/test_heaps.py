import io
import struct

import h5py
import pytest

from sparsedend import hdf5, heaps
from sparsedend.errors import InputError
from sparsedend.heaps import SIGNATURE


def collection(*objects, length=None):
    """Of (number, content); the rest is free."""
    content = b""
    for number, each in objects:
        content += struct.pack("<HH4xQ", number, 1, len(each)) + each.ljust(-(-len(each) // 8) * 8)
    length = length or 4096
    free = length - 16 - len(content)
    content += struct.pack("<HH4xQ", 0, 0, free)
    return (SIGNATURE + struct.pack("<Q", length) + content).ljust(length, b"\0")


def check(content):
    file = io.BytesIO(content)
    heaps.check(file, "a", "use another copy")
    assert file.tell() == 0


@pytest.mark.parametrize("start", [0, 8, heaps.PIECE - 3, heaps.PIECE - 8, 2 * heaps.PIECE + 1])
def test_what_is_endless_is_found_wherever_it_lies(start):
    good = collection((1, b"a text"), (2, b"exactly 16 bytes"), (3, b""))
    check(bytes(start) + good)
    bad = good.replace(struct.pack("<HH4xQ", 0, 0, 4096 - 16 - 24 - 32 - 16), bytes(16))
    assert bad != good
    with pytest.raises(InputError, match=f"'a' is damaged at byte {start:,} to {start + 4095:,}"):
        check(bytes(start) + bad)


def test_sizes_that_hdf5_refuses_by_itself_are_left_to_it():
    check(SIGNATURE + struct.pack("<Q", 2**63))
    check(SIGNATURE)
    check(SIGNATURE + struct.pack("<Q", 4))


def test_texts_that_hdf5_wrote_are_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for number in range(300):
            file.attrs[f"text {number}"] = "ü" * number
    with hdf5.reading(path, "a file", "x") as file:
        assert file.attrs["text 299"] == "ü" * 299
    content = path.read_bytes()
    at = content.index(SIGNATURE)
    path.write_bytes(content[: at + 16] + bytes(4080) + content[at + 4096 :])
    with (
        pytest.raises(InputError, match=r"is damaged at byte .* where its texts lie: get it again"),
        hdf5.reading(path, "a file", "get it again"),
    ):
        pass
