import io
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from sparsedend import checkpoint, digests, models
from sparsedend.errors import InputError

#: Of a file with several sections, the last of which is no whole piece.
LENGTH = digests.ROOM + 50 * digests.PIECE + 12_345


def sealed(length=LENGTH, seed=0):
    content = np.random.default_rng(seed).bytes(length)
    file = io.BytesIO()
    digests.write(file, memoryview(content))
    return file, content


def sealed_hdf5():
    """As HDF5 lies behind the block, of three pieces."""
    content = bytearray(np.random.default_rng(0).bytes(digests.ROOM + 3 * digests.PIECE))
    content[digests.ROOM : digests.ROOM + 8] = digests.SIGNATURE
    file = io.BytesIO()
    digests.write(file, memoryview(content))
    return file


def check(file):
    return digests.check(file, "a", "use another copy")


def refused(file, message):
    with pytest.raises(InputError, match=message) as told:
        check(file)
    assert "\n" not in str(told.value)


def test_all_but_the_block_is_written_as_it_is():
    file, content = sealed()
    assert file.getvalue()[digests.ROOM :] == content[digests.ROOM :]
    block = file.getvalue()[: digests.ROOM]
    assert block.startswith(digests.MAGIC + f"{LENGTH} bytes, ".encode())
    assert len(block) == digests.ROOM
    assert check(file)
    assert file.tell() == 0


@pytest.mark.parametrize("length", [digests.ROOM, digests.ROOM + 1, digests.ROOM + digests.PIECE])
def test_files_of_any_length(length):
    assert check(sealed(length)[0])


def test_a_file_without_a_digest_has_none():
    for content in (b"", b"short", bytes(10_000)):
        file = io.BytesIO(content)
        assert not check(file)
        assert file.tell() == 0


def test_every_changed_bit_is_noticed():
    """In 500 places at random, and all of the sign that there is a digest."""
    file = sealed_hdf5()
    rng, view = np.random.default_rng(1), file.getbuffer()
    for place in (*range(len(digests.MAGIC)), *rng.integers(0, len(view), 500)):
        bit = 1 << int(rng.integers(8))
        view[place] ^= bit
        words = "has no digest in" if place < len(digests.MAGIC) else "is not as it was written, .*"
        refused(file, f"'a' {words}.*: use another copy")
        view[place] ^= bit
    assert check(file)


@pytest.mark.parametrize("length", [1, 20, 512, 4096])
def test_a_digest_that_is_lost_is_missed(length):
    """Were it not, damage anywhere else would be read in silence."""
    file = sealed_hdf5()
    file.getbuffer()[:length] = bytes(length)
    file.getbuffer()[-1] ^= 1
    refused(file, "'a' has no digest in the 4,096 bytes before HDF5's own, .*: use another copy")


def test_other_programs_files_have_none(tmp_path):
    """With blocks of theirs before them, and in whose midst the sign of HDF5 may stand."""
    for size in (0, 512, 1024, 2048, 8192):
        with h5py.File(tmp_path / "a.h5", "w", userblock_size=size) as made:
            made["x"] = np.frombuffer(digests.SIGNATURE * 2000, np.uint8)
        content = bytearray((tmp_path / "a.h5").read_bytes())
        content[digests.ROOM : digests.ROOM + 8] = digests.SIGNATURE if size < 4096 else bytes(8)
        file = io.BytesIO(content)
        assert not check(file)
        assert file.tell() == 0


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_sectors_that_are_zero_or_change_places_are_noticed(size):
    file, _ = sealed(digests.ROOM + 3 * digests.PIECE)
    view, rng = file.getbuffer(), np.random.default_rng(2)
    for _ in range(40):
        first, second = rng.choice(np.arange(1, len(view) // size - 1), 2, replace=False) * size
        if min(first, second) < digests.ROOM:
            continue
        before, other = bytes(view[first : first + size]), bytes(view[second : second + size])
        view[first : first + size] = bytes(size)
        refused(file, "damaged at byte")
        view[first : first + size], view[second : second + size] = other, before
        refused(file, "damaged at byte")
        view[first : first + size], view[second : second + size] = before, other
    assert check(file)


def test_the_place_of_damage_is_told():
    file, _ = sealed()
    each = 2 * digests.PIECE  # 51 pieces in 48 sections at most.
    for number in (0, 7, 25):
        place = digests.ROOM + number * each + 1
        file.getbuffer()[place] ^= 1
        end = min(digests.ROOM + (number + 1) * each, LENGTH) - 1
        refused(file, f"damaged at byte {place - 1:,} to {end:,}: use")
        file.getbuffer()[place] ^= 1
    file.getbuffer()[digests.ROOM - 1] ^= 1
    refused(file, "damaged at byte 0 to 4,095: use")


def test_other_lengths_are_told():
    file, _ = sealed(50_000)
    file.truncate(40_000)
    refused(file, "50,000 bytes then and 40,000 now")
    file.seek(0, 2)
    file.write(bytes(20_000))
    refused(file, "50,000 bytes then and 60,000 now")


def test_every_bit_of_a_checkpoint_counts(tmp_path):
    """None of them, changed, gives another network in silence."""
    made = models.build("dann-r", 8, 3, dendrites=2, somata=2, synapses=2)
    checkpoint.save(made, tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    rng = np.random.default_rng(3)
    for place in rng.integers(digests.ROOM, len(content), 200):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "b.h5").write_bytes(damaged)
        with pytest.raises(InputError, match="is not as it was written, damaged at byte 4,096 to"):
            checkpoint.load(tmp_path / "b.h5")


def test_other_readers_skip_the_block(tmp_path):
    made = models.build("dann-r", 8, 3, dendrites=2, somata=2, synapses=2)
    checkpoint.save(made, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert file.userblock_size == digests.ROOM
        np.testing.assert_array_equal(file["layers/0/synapses/data"], made.layers[0].synapses.data)
    if shutil.which("h5dump"):
        subprocess.run(["h5dump", "-n", tmp_path / "a.h5"], check=True, capture_output=True)
