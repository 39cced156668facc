"""What files say that they have, and lie; each is read in a process with little time and memory."""

import os
import zlib

import h5py
import numpy as np

from sparsedend import contents, datasets
from tests.conftest import edited
from tests.test_hdf5 import first_bias, replace, saved, told


def external_link(file, elsewhere):
    name = first_bias(file)
    del file[name]
    file[name] = h5py.ExternalLink(elsewhere, "/secret")


def external_storage(file, elsewhere):
    name = first_bias(file)
    shape = file[name].shape
    replace(file, name, shape=shape, dtype="f4", external=[(elsewhere, 0, 4 * shape[0])])


def virtual(file, elsewhere):
    name = first_bias(file)
    shape = file[name].shape
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(elsewhere, "secret", shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def soft_link_out(file, elsewhere):
    file["away"] = h5py.ExternalLink(elsewhere, "/")
    name = first_bias(file)
    del file[name]
    file[name] = h5py.SoftLink("/away/secret")


def test_nothing_outside_of_a_file_is_read(tmp_path):
    elsewhere, pipe = str(tmp_path / "elsewhere"), str(tmp_path / "pipe")
    os.mkfifo(pipe)
    with h5py.File(elsewhere, "w") as file:
        file["secret"] = np.ones(6, np.float32)
    made = {}
    for way in (external_link, external_storage, virtual, soft_link_out):
        for target in (elsewhere, pipe):
            path = saved(tmp_path / f"a{len(made)}.h5")
            with edited(path) as file:
                way(file, target)
            made[path] = target
    for line, (path, target) in zip(told(*made), made.items(), strict=True):
        assert line.startswith(f"'{path}' is not whole by itself, '"), line
        assert target in line


def test_data_sets_and_results_are_whole_by_themselves_too(tmp_path):
    paths = [tmp_path / name for name in ("d.h5", "o.h5", "i.h5", "s.h5")]
    for path in paths:
        with h5py.File(path, "w") as file:
            file["train/x"] = h5py.ExternalLink("/etc/passwd", "/x")
    for path, line in zip(paths, told(*paths), strict=True):
        wanted = f"'{path}' is not whole by itself, 'x' links to /x in /etc/passwd: copy the values"
        assert line.startswith(wanted)


def test_links_inside_of_a_file_are_followed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for part in ("train", "test"):
            file[f"{part}/x"], file[f"{part}/y"] = np.zeros((4, 2, 2, 1), np.uint8), [0, 1, 1, 0]
        file["other"] = file["train/x"]
        file["round"] = file["/"]
        del file["train/x"]
        file["train/x"] = h5py.SoftLink("/other")
    assert datasets.read(tmp_path / "a.h5").train_x.shape == (4, 2, 2, 1)


def test_nothing_is_allocated_that_a_file_has_no_bytes_for(tmp_path):
    chunks = {"shape": (500_000_000,), "dtype": "f4"}
    cases = [
        chunks,
        chunks | {"chunks": (1000,)},
        chunks | {"chunks": (100_000_000,), "compression": "gzip"},
        {"shape": (6,), "maxshape": (None,), "dtype": "f4", "chunks": (2**29,), "compression": 1},
        {"shape": (2**40, 2**20), "dtype": "f8", "chunks": (1, 1)},
        {"shape": (6,), "dtype": "V100000000"},
    ]
    paths = [saved(tmp_path / f"a{number}.h5") for number in range(len(cases))]
    for path, how in zip(paths, cases, strict=True):
        with edited(path) as file:
            replace(file, first_bias(file), **how)
    paths.append(saved(tmp_path / "a.h5"))
    with edited(paths[-1]) as file:
        one = {"shape": (6,), "maxshape": (None,), "dtype": "f4", "chunks": (2**28,)}
        values = replace(file, first_bias(file), compression="gzip", **one)
        values.id.write_direct_chunk((0,), zlib.compress(bytes(24)))
    for path, line in zip(paths, told(*paths), strict=True):
        assert line.startswith(f"'{path}' declares "), line
        assert "use another copy" in line


def test_the_size_is_that_of_the_file_that_is_open(tmp_path):
    """Not that of a smaller one, which has taken its name since."""
    for name, length in (("a.h5", 10_000), ("b.h5", 1)):
        with h5py.File(tmp_path / name, "w") as file:
            file["x"] = np.ones(length)
    with h5py.File(tmp_path / "a.h5") as file:
        os.replace(tmp_path / "b.h5", tmp_path / "a.h5")
        contents.check(file, tmp_path / "a.h5")
        assert len(file["x"]) == 10_000


def test_data_that_is_compressed_is_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for part in ("train", "test"):
            x = np.random.default_rng(0).integers(0, 9, (50, 8, 8, 1), np.uint8)
            file.create_dataset(f"{part}/x", data=x, compression="gzip")
            file[f"{part}/y"] = np.arange(50) % 2
    assert len(datasets.read(tmp_path / "a.h5").train_x) == 50
