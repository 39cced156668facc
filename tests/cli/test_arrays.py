import h5py
import numpy as np
import pytest

from sparsedend.cli.arrays import read_images, read_npy, write_array
from sparsedend.errors import InputError

ONE, OTHER, THIRD = (np.full((2, 3), value) for value in (1, 2, 3))


def refused(read, path, message):
    with pytest.raises(InputError, match=message) as told:
        read(path)
    assert "\n" not in str(told.value)


def test_images_of_an_hdf5_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"], file["test/x"], file["train/x"] = ONE, OTHER, THIRD
    np.testing.assert_array_equal(read_images(path), ONE)
    for group in (False, True):
        with h5py.File(path, "r+") as file:
            del file["x"]
            if group:
                file.create_group("x")
            else:
                file["x"] = h5py.SoftLink("/none")
        np.testing.assert_array_equal(read_images(path), OTHER)
    with h5py.File(path, "r+") as file:
        del file["test"]
    refused(read_images, path, "has neither a data set 'x' nor 'test/x': add the images as 'x'")


def test_an_array_comes_back(tmp_path):
    write_array(tmp_path / "a.npy", ONE)
    for read in (read_images, read_npy):
        np.testing.assert_array_equal(read(tmp_path / "a.npy"), ONE)


def test_a_failing_write_leaves_the_old_array(tmp_path):
    write_array(tmp_path / "a.npy", ONE)

    class Failing:
        def __array__(self, *_, **__):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_array(tmp_path / "a.npy", Failing())
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), ONE)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.npy' cannot be read .*: give an .npy array"),
        (b"no array", "a.npy' cannot be read"),
        (None, "a.npy' cannot be read .Object arrays"),
    ],
)
def test_what_is_no_array_is_refused(tmp_path, content, message):
    if content is None:
        np.save(tmp_path / "a.npy", np.array([None]), allow_pickle=True)
    else:
        (tmp_path / "a.npy").write_bytes(content)
    refused(read_npy, tmp_path / "a.npy", message)


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", ONE)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    refused(read_npy, tmp_path / "a.npy", "holds several arrays.: give an .npy array")
    (tmp_path / "a.h5").write_text("no HDF5")
    refused(read_images, tmp_path / "a.h5", r"a.h5' cannot be read as HDF5 .*: it is damaged or")
    for name in ("none.npy", "none.h5"):
        refused(read_images, tmp_path / name, f"there is no file '.*{name}': check the path")
