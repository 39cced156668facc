"""Files that lie: each is made here, and read in a process with little time and memory."""

import errno
import io
import json
import os
import shutil
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, checkpoint, datasets, hdf5
from sparsedend.cli.arrays import read_images
from sparsedend.hdf5 import unreadable
from sparsedend.sweep.results import Results
from tests.conftest import child, edited

fcntl = pytest.importorskip("fcntl")

#: Bytes of address space, and seconds of computing, that a child may use.
MEMORY, SECONDS = 3 * 2**30, 20
LIMITS = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
"""
READ = """
import sys
from pathlib import Path
import sparsedend as sd
from sparsedend import checkpoint, datasets
from sparsedend.cli.arrays import read_images
from sparsedend.sweep.results import Results

backend = sd.backends.create("numpy")
readers = {
    "a": lambda path: checkpoint.read(path, backend=backend),
    "d": datasets.read,
    "o": lambda path: datasets.from_path("own", path),
    "i": read_images,
    "s": Results.read,
}
for path in map(Path, {paths}):
    try:
        found = readers[path.name[0]](path)
        print("read", type(found).__name__)
    except sd.InputError as error:
        print(error)
"""


def told(*paths):
    """A line on each file: what it was refused for."""
    code = LIMITS + READ.replace("{paths}", repr([str(path) for path in paths]))
    lines = child(textwrap.dedent(code), timeout=60).splitlines()
    assert len(lines) == len(paths), lines
    return lines


def network():
    return sd.models.build("dann-r", (4, 4, 1), 3, dendrites=2, somata=3, synapses=4)


def saved(path):
    training = sd.Training()
    made = network()
    training.begin(made)
    sd.save(made, path, training=training)
    return path


def replace(group, name, **how):
    """Another data set of that name, with h5py's arguments."""
    del group[name]
    return group.create_dataset(name, **how)


def first_bias(file):
    """The name of a vector of parameters of a checkpoint, whatever it is called."""
    return next(f"layers/0/{name}" for name, v in file["layers/0"].items() if hasattr(v, "shape"))


def test_sizes_in_words_are_no_sizes_of_arrays(tmp_path):
    """A layer's settings say how large it is; that is not believed either."""
    with edited(saved(tmp_path / "a.h5")) as file:
        last = file["layers"][str(len(file["layers"]) - 1)]
        last.attrs["settings"] = json.dumps({"inputs": 3, "outputs": 2**30})
    (line,) = told(tmp_path / "a.h5")
    assert f"where ({2**30}, 3) belongs" in line


VALUES = {
    "scalar": (np.float32(1), r"shape \(\) where \(6,\) belongs"),
    "length 1": (np.ones(1, np.float32), r"shape \(1,\) where \(6,\) belongs"),
    "column": (np.ones((6, 1), np.float32), r"shape \(6, 1\) where \(6,\) belongs"),
    "empty": (h5py.Empty("f4"), "a data set of nothing: use"),
    "opaque": (np.zeros(6, "V4"), r"values of type \|V4"),
    "compound": (np.zeros(6, "f4,f4"), "values of type"),
    "texts": (["a"] * 6, "values of type object"),
    "integers": (np.ones(6, int), "values of type int64"),
    "NaN": (np.array([0, 0, 0, np.nan, 0, 0], np.float32), r"has nan at '.*', index 3: use"),
    "infinity": (np.array([-np.inf, 0, 0, 0, 0, 0], np.float32), r"has -inf at '.*', index 0: use"),
    "beyond": (np.array([0, 1e300, 0, 0, 0, 0]), r"has inf at '.*', index 1: use"),
}


@pytest.mark.parametrize("case", VALUES)
def test_parameters_that_are_none(tmp_path, case):
    values, message = VALUES[case]
    with edited(saved(tmp_path / "a.h5")) as file:
        name = first_bias(file)
        replace(file, name, data=values)
    with pytest.raises(InputError, match=message) as refusal:
        checkpoint.read(tmp_path / "a.h5")
    assert name in str(refusal.value)


def test_types_that_numpy_has_not(tmp_path):
    with edited(saved(tmp_path / "a.h5")) as file:
        name = first_bias(file)
        del file[name]
        kind = h5py.ref_dtype
        file.create_dataset(name, (6,), kind)[:] = file.ref
    (line,) = told(tmp_path / "a.h5")
    assert "values of type object" in line


@pytest.mark.parametrize("name", ["first_moment", "second_moment"])
def test_moments_are_finite(tmp_path, name):
    with edited(saved(tmp_path / "a.h5")) as file:
        file[f"training/state/{name}"][4] = np.nan
    with pytest.raises(InputError, match=f"has nan at '/training/state/{name}', index 4"):
        checkpoint.read(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("kind", "message"),
    [("m8[s]", "timedelta64"), ("f4", "float32"), ("M8[s]", "datetime64"), ("?", "bool")],
)
def test_indices_are_integers(kind, message):
    values = np.arange(3).astype("i8").view("i8").astype(kind)
    with pytest.raises(InputError, match=f"CSR indices is {message}.*give a vector of integers"):
        sd.structure.Structure(np.array([0, 3]), values, (1, 3))


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
@pytest.mark.parametrize("place", ["about", "settings"])
def test_numbers_in_json_are_finite(tmp_path, number, place):
    with edited(saved(tmp_path / "a.h5")) as file:
        group = file if place == "about" else file["layers/1"]
        group.attrs[place] = f'{{"slope": {number}}}'
    with pytest.raises(InputError, match=r"cannot be read as a checkpoint \("):
        checkpoint.read(tmp_path / "a.h5")


def test_no_numbers_are_written_that_would_not_be_read(tmp_path):
    for number in (np.nan, np.inf):
        with pytest.raises(InputError, match=r"cannot be written as JSON .* use finite numbers"):
            sd.save(network(), tmp_path / "a.h5", about={"loss": number})
    assert list(tmp_path.iterdir()) == []


def test_names_of_any_kind_give_one_line(tmp_path):
    with edited(saved(tmp_path / "a.h5")) as file:
        file["layers/0"].attrs["kind"] = "two\nlines\x1b[31m"
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["train/a\nb"] = h5py.ExternalLink("b\nc", "/d\ne")
    with h5py.File(tmp_path / "o.h5", "w") as file:
        file["x"], file["y"] = np.zeros((2, 2, 2, 1), np.uint8), ["a\nb", "c"]
    lines = told(*(tmp_path / name for name in ("a.h5", "d.h5", "o.h5")))
    assert "unknown layer 'two" in lines[0]
    assert "\x1b" not in lines[0]
    assert "is not whole by itself" in lines[1]


def test_texts_that_nest_without_end(tmp_path):
    with edited(saved(tmp_path / "a.h5")) as file:
        file.attrs["about"] = "[" * 50_000
    (line,) = told(tmp_path / "a.h5")
    assert "cannot be read as a checkpoint" in line


@pytest.mark.parametrize("value", [[1.0], 1.0, ["a"]])
def test_histories_are_of_one_length(tmp_path, value):
    with edited(saved(tmp_path / "a.h5")) as file:
        replace(file, "training/history/seconds", data=value)
    with pytest.raises(InputError, match=r"'/training/history/\w+' (shape|values of type)"):
        checkpoint.read(tmp_path / "a.h5")


def test_a_file_that_is_replaced_while_it_is_checked(tmp_path, monkeypatch):
    """What is read is what has been checked, also when another file has taken its name since."""
    for number in (1, 2):
        with hdf5.writing(tmp_path / f"{number}.h5") as file:
            file["number"] = number
            file["values"] = np.ones(10_000 * number)  # The second would not fit into the first.
    shutil.copy(tmp_path / "1.h5", path := tmp_path / "a.h5")
    checked, real = [], hdf5.digests.check

    def check(file, *arguments):
        found = real(file, *arguments)
        if not checked:
            os.replace(tmp_path / "2.h5", path)
        checked.append(os.fstat(file.fileno()).st_ino)
        return found

    monkeypatch.setattr(hdf5.digests, "check", check)
    with hdf5.reading(path, "a file", "x") as file:
        assert file["number"][()] == 2
        assert len(file["values"]) == 20_000
    assert checked[-1] == path.stat().st_ino
    assert len(checked) == 2


def test_files_that_only_go_forward():
    """Such as a socket: the digest comes first all the same."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, content):
            self.content += bytes(content)
            return len(content)

    pipe, memory = Pipe(), io.BytesIO()
    sd.save(network(), pipe)
    sd.save(network(), memory)
    assert pipe.content == memory.getvalue()


def test_texts_take_no_more_than_the_file(tmp_path):
    """Twenty thousand entries that all lead to the same long text."""
    long = "a" * 60_000
    with h5py.File(tmp_path / "o.h5", "w") as file:
        file["x"] = np.zeros((20_000, 1, 1, 1), np.uint8)
        y = file.create_dataset("y", (20_000,), h5py.string_dtype())
        y[0] = long
        file.flush()
        where, size = y.id.get_offset(), file.id.get_filesize()
    with open(tmp_path / "o.h5", "r+b") as raw:
        raw.seek(where)
        entry = raw.read(16)
        raw.seek(where)
        raw.write(entry * 20_000)
    (line,) = told(tmp_path / "o.h5")
    assert f"has at '/y' more texts than its {size:,} bytes hold: use another copy" in line


def test_labels_that_are_whole_texts(tmp_path):
    with h5py.File(tmp_path / "o.h5", "w") as file:
        file["x"], file["y"] = np.zeros((3, 2, 2, 1), np.uint8), ["a", "b" * 1001, "c"]
    (line,) = told(tmp_path / "o.h5")
    assert line == "a label has 1,001 characters: give names of 1000 at most"


@pytest.mark.parametrize("name", ["format", "loss", "dtype", "image_shape", "about"])
def test_attributes_are_numbers_and_texts(tmp_path, name):
    """HDF5 2.0 crashes when a text has become a sequence of numbers without end."""
    sequence = np.empty(1, object)
    sequence[0] = np.array([1, 2], np.uint8)
    with edited(saved(tmp_path / "a.h5")) as file:
        del file.attrs[name]
        file.attrs.create(name, sequence, dtype=h5py.vlen_dtype(np.uint8))
    with pytest.raises(InputError, match=f"has an attribute '{name}' of type object: use another"):
        checkpoint.read(tmp_path / "a.h5")


READERS = {
    "data set": datasets.read,
    "data set of one's own": lambda path: datasets.from_path("own", path),
    "images": read_images,
    "checkpoint": checkpoint.read,
    "results": Results.read,
}


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    return path


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_another_process_writes_is_not_called_damaged(plain, reader):
    with open(plain, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # As HDF5 does.
        with pytest.raises(InputError) as told:
            READERS[reader](plain)
    expected = f"'{plain}' is being written by another process: wait until it has ended"
    assert str(told.value) == expected


@pytest.mark.parametrize("reader", READERS)
def test_names_that_cannot_be_looked_up(tmp_path, reader):
    with pytest.raises(InputError, match=r"cannot be looked up .File name too long.: give another"):
        READERS[reader](tmp_path / ("a" * 300 + ".h5"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EAGAIN, "x"), "'a' is being written by another process: wait"),
        (
            OSError("file is already open for write (h5clear)"),
            "was when that was killed: .*h5clear",
        ),
        (OSError(errno.ENOLCK, "x"), "cannot be locked for reading .*HDF5_USE_FILE_LOCKING"),
        (PermissionError(errno.EACCES, "x"), "'a' may not be read: change its permissions"),
        (
            OSError("bad\n heap"),
            r"cannot be read as a pie \(bad heap\): it is damaged .*; bake it$",
        ),
        (KeyError("x"), r"cannot be read as a pie \('x'\): it is damaged or not HDF5"),
    ],
)
def test_why_a_file_cannot_be_read(error, message):
    told = str(unreadable(Path("a"), error, "a pie", "bake it"))
    with pytest.raises(InputError, match=message):
        raise InputError(told)
    assert "\n" not in told
