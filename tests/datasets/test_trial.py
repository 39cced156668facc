"""Files that crash, hang or fill what reads them: a process of its own."""

import os
import time
import zlib

import h5py
import numpy as np
import pytest

from sparsedend import InputError, datasets
from sparsedend.datasets import trial
from tests.cli.commands import invoked
from tests.conftest import child


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as made:
        made["x"] = np.zeros((20, 2, 2, 1), np.uint8)
        made["y"] = np.arange(20) % 2
    return path


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Let the process of the trial do what a file might make it do."""

    def set_up(code):
        folder = tmp_path / "first"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        monkeypatch.syspath_prepend(str(folder))

    return set_up


def test_a_good_file_is_read(file):
    found = datasets.from_path("mine", file, trusted=False)
    assert (len(found.train_x), len(found.test_x)) == (18, 2)


@pytest.mark.parametrize("fraction", [0.01, 0.5])
def test_a_file_is_tried_as_it_is_read(file, fraction, monkeypatch):
    """With all that the caller gave, on which it depends what is refused."""
    if fraction == 0.5:
        assert len(datasets.from_path("ä", file, test_fraction=0.5, trusted=False).test_x) == 10
        return
    monkeypatch.setattr("sparsedend.datasets.own._from_file", lambda *_: pytest.fail("it is read"))
    with pytest.raises(InputError, match=r"a test fraction of 0\.01 takes 0 of 20 images"):
        datasets.from_path("ä", file, test_fraction=fraction, trusted=False)


def test_what_is_wrong_with_a_file_is_said_as_ever(tmp_path, monkeypatch):
    """By the trial: it may have been refused for lack of memory, which the caller has."""
    (tmp_path / "ü.h5").write_bytes(b"nothing of the kind")
    monkeypatch.setattr("sparsedend.datasets.own._from_file", lambda *_: pytest.fail("it is read"))
    with pytest.raises(InputError, match=r"ü\.h5' cannot be read as a data set"):
        datasets.from_path("mine", tmp_path / "ü.h5", trusted=False)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_crash_is_a_line(file, reader):
    reader("import os; os.abort()")
    words = r"reading '.*a.h5' ends a process with code -6: use another copy, or give `trusted=Tr"
    with pytest.raises(InputError, match=words):
        datasets.from_path("mine", file, trusted=False)
    assert len(datasets.from_path("mine", file).train_x) == 18


def test_a_hang_is_a_line(file, reader, monkeypatch):
    monkeypatch.setattr(trial, "SECONDS", 0.5)
    reader("import time; time.sleep(100)")
    before = time.monotonic()
    with pytest.raises(InputError, match=r"reading '.*a.h5' takes more than 1 seconds|than 0 sec"):
        datasets.from_path("mine", file, trusted=False)
    assert time.monotonic() - before < 50


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_too_much_memory_is_a_line(tmp_path):
    """Five gigabytes of nothing, each part of which is the same few bytes."""
    path, part = tmp_path / "a.h5", (16, 1024, 1024, 1)
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (320 * 16, *part[1:]), "u1", chunks=part, compression="gzip")
        packed = zlib.compress(bytes(np.prod(part)))
        for number in range(320):
            x.id.write_direct_chunk((16 * number, 0, 0, 0), packed)
        file["y"] = np.arange(320 * 16) % 2
    with pytest.raises(InputError, match=r"reading '.*a.h5' takes more than 4\.\d GB: use"):
        datasets.from_path("mine", path, trusted=False)


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_memory_that_hdf5_lacks_is_a_refusal(tmp_path, monkeypatch):
    """Few images in a chunk of many, which HDF5 has no room to make of its few bytes."""
    path, each = tmp_path / "a.h5", {"maxshape": (None, 2, 2, 1), "compression": "gzip"}
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (20, 2, 2, 1), "u1", chunks=(225 * 2**20, 2, 2, 1), **each)
        packer = zlib.compressobj(1)
        packed = [packer.compress(bytes(2**20)) for _ in range(900)]
        x.id.write_direct_chunk((0, 0, 0, 0), b"".join([*packed, packer.flush()]))
        file["y"] = np.arange(20) % 2
    monkeypatch.setattr(trial, "MEMORY", 900 * 2**20)
    monkeypatch.setattr(trial, "MEMORY_EACH", 0)
    monkeypatch.setattr("sparsedend.datasets.own._from_file", lambda *_: pytest.fail("it is read"))
    with pytest.raises(InputError, match="cannot be read as a data set"):
        datasets.from_path("mine", path, trusted=False)


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_limit_that_there_is_already_is_kept_to(file):
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3_500_000_000,) * 2)\n"
        "from sparsedend import datasets\n"
        f"print(len(datasets.from_path('mine', {str(file)!r}, trusted=False).train_x))"
    )
    assert child(code) == "18\n"


@pytest.mark.parametrize("trusted", [True, False])
def test_the_command_line_tries_unless_it_is_told_not_to(file, tmp_path, monkeypatch, trusted):
    tried = []
    reader = "sparsedend.datasets.own.read_for_a_trial"
    monkeypatch.setattr(reader, lambda *given: tried.append(given))
    more = ["--trusted"] if trusted else []
    answer = invoked("data", "convert", "own", file, "--output", tmp_path / "b.h5", *more)
    assert answer.exit_code == 0
    assert tried == ([] if trusted else [("own", file, 0.1, 1)])
