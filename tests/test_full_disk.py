"""What is there stays where a disk or the memory takes no more."""

import re

import h5py
import pytest

from sparsedend import InputError, hdf5
from tests.conftest import child

pytest.importorskip("resource")


@pytest.fixture
def old(tmp_path):
    """A file that is there already, alone in its folder."""
    path = tmp_path / "a"
    path.write_text("old")
    return path


WRITERS = {
    "checkpoint": "sd.save(network, path, training=training)",
    "data set": "sd.datasets.write(sd.datasets.from_arrays('a', x, x[:, 0, 0, 0] % 2), path)",
    "results": "Results([row_of(Settings(seed=n), 'f', None, 'x' * 999) for n in range(40)])"
    ".write(path)",
    "array": "write_array(path, x)",
}


WRITER = """
    import resource
    from pathlib import Path
    import numpy as np
    import sparsedend as sd
    from sparsedend.cli.arrays import write_array
    from sparsedend.settings import Settings
    from sparsedend.sweep.results import Results, row_of

    network = sd.models.build("dann-r", 784, 10, backend=sd.backends.create("numpy"), somata=SOMATA)
    training = sd.Training()
    training.begin(network)
    x = np.random.default_rng(0).integers(0, 255, (300, 8, 8, 1), np.uint8)
    path = Path({path!r})
    for limit in {limits}:
        resource.setrlimit(resource.{resource}, (limit, resource.RLIM_INFINITY))
        try:
            {write}
        except sd.InputError as error:
            print(error)
    """


def lines_of(path, writer, limits, resource, somata=4):
    code = WRITER.replace("SOMATA", str(somata)).format(
        path=str(path), limits=limits, resource=resource, write=writer
    )
    return child(code).splitlines()


@pytest.mark.parametrize("writer", WRITERS)
def test_a_disk_that_takes_no_more(old, writer):
    """At any byte, the first, those of the digest and the last included: a line, and the old file.

    A limit of the system's on files stands for the disk: what it refuses, it refuses as a full one.
    """
    limits = [0, 1, 100, 4095, 4097, 6000, 8191, 10_000, 12_288, 15_000]
    lines = lines_of(old, WRITERS[writer], limits, "RLIMIT_FSIZE")
    assert len(lines) == len(limits)
    reason = r"\((File too large|\d+ requested and \d+ written)\)"
    for line in lines:
        assert re.fullmatch(rf"'{old}' cannot be written {reason}: free space or .*", line), line
    assert old.read_text() == "old"
    assert list(old.parent.iterdir()) == [old]


def test_memory_that_does_not_hold_the_file_as_well(old):
    """At several sizes, of which HDF5 meets the shortage at different steps."""
    limit = "int(Path('/proc/self/statm').read_text().split()[0]) * 4096 + {}"
    limits = f"[{', '.join(limit.format(extra) for extra in range(1_000_000, 9_000_000, 500_000))}]"
    lines = lines_of(old, WRITERS["checkpoint"], limits, "RLIMIT_AS", somata=700)
    assert len(lines) == 16
    assert set(lines) == {
        f"'{old}' cannot be written, for memory does not hold the file as well: free some, or "
        "choose a smaller network or data set"
    }
    assert old.read_text() == "old"
    assert list(old.parent.iterdir()) == [old]


def test_a_file_in_memory_that_cannot_be_closed(old, monkeypatch):
    """HDF5 does not say here that it lacks memory."""

    def fail(file):
        raise RuntimeError("File close failed (problems closing file)")

    with pytest.raises(RuntimeError, match="mine"), hdf5.writing(old):
        raise RuntimeError("mine")
    monkeypatch.setattr(h5py.File, "close", fail)
    with pytest.raises(InputError, match="for memory does not hold"), hdf5.writing(old) as file:
        file["a"] = 1
    assert old.read_text() == "old"
