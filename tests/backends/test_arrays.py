"""Arrays of other libraries become NumPy's; what cannot is told."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from sparsedend import InputError, models, predict
from sparsedend.backends.arrays import as_array, as_host_array, on_gpu

VALUES = np.array([[1.0, 2.5], [-3.0, 0.0]])


def test_of_numpy():
    assert as_array(VALUES) is VALUES
    swapped = as_array(VALUES.astype(">f8"))
    assert swapped.dtype == np.float64
    np.testing.assert_array_equal(swapped, VALUES)
    assert as_array(np.array([1, 2], ">i2")).dtype == np.int16
    assert as_array([[1, 2], [3, 4]]).dtype == np.int64
    assert as_array(None).dtype == object


def test_of_files(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = VALUES
        np.testing.assert_array_equal(as_array(file["x"]), VALUES)
        closed = file["x"]
    with pytest.raises(InputError, match="a Dataset makes no array of numbers"):
        as_array(closed)
    np.save(tmp_path / "x.npy", VALUES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(as_array(mapped), mapped)


def test_of_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    shape = {"shape": VALUES.shape, "chunks": (1, 2)}
    stored = zarr.open_array(str(tmp_path / "a.zarr"), mode="w", dtype=VALUES.dtype, **shape)
    stored[:] = VALUES
    np.testing.assert_array_equal(as_array(stored), VALUES)


def test_of_dlpack():
    """Without a copy, of a library that speaks nothing else."""
    other = SimpleNamespace(
        __dlpack__=lambda **named: VALUES.__dlpack__(**named),
        __dlpack_device__=VALUES.__dlpack_device__,
    )
    found = as_array(other)
    np.testing.assert_array_equal(found, VALUES)
    assert np.shares_memory(found, VALUES)


def test_on_a_gpu_without_cupy():
    other = SimpleNamespace(__cuda_array_interface__={"shape": (2,), "data": (0, False)})
    assert on_gpu(other)
    for read in (as_array, as_host_array):
        with pytest.raises(InputError, match="CuPy, which computes on a GPU, is not installed"):
            read(other)
    network = models.build("dann-r", 2, 2, dendrites=1, somata=2, synapses=1)
    with pytest.raises(InputError, match="CuPy, which computes on a GPU, is not installed"):
        predict(network, other)


def test_of_pytorch():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(VALUES, requires_grad=True)
    found = as_array(tensor)
    np.testing.assert_array_equal(found, VALUES)
    assert np.shares_memory(found, tensor.detach().numpy())
    assert tensor.requires_grad
    short = as_array(torch.tensor(VALUES).to(torch.bfloat16).requires_grad_())
    assert short.dtype == np.float32
    np.testing.assert_array_equal(short, VALUES)
    with pytest.raises(InputError, match="a Tensor makes no array of numbers"):
        as_array(torch.tensor(VALUES).to_sparse())


def test_of_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    short = as_array(VALUES.astype(ml_dtypes.bfloat16))
    assert short.dtype == np.float32
    np.testing.assert_array_equal(short, VALUES)


def test_of_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]})
    expected = np.array([[1, 0.5, 1], [2, 1.5, 0]])
    np.testing.assert_array_equal(as_array(frame), expected)
    nullable = frame.convert_dtypes().astype({"b": "Float64"})
    found = as_array(nullable)
    assert found.dtype.kind == "f"
    np.testing.assert_array_equal(found, expected)
    assert as_array(pandas.Series([2, 0], dtype="Int64")).dtype == np.int64
    missing = as_array(pandas.DataFrame({"a": [1, None]}, dtype="Int64"))
    assert missing[0, 0] == 1
    assert np.isnan(missing[1, 0])
    with pytest.raises(InputError, match="a DataFrame makes no array of numbers"):
        as_array(pandas.DataFrame({"a": ["x", None]}, dtype=object))
    assert as_array(pandas.DataFrame({"a": ["x", "y"]})).dtype.kind in "UO"


def test_missing_values_are_refused_with_their_place():
    pandas = pytest.importorskip("pandas")
    network = models.build("dann-r", 2, 2, dendrites=1, somata=2, synapses=1)
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [1, None, 2]}, dtype="Int32")
    with pytest.raises(InputError, match="row 1 holds nan at feature 1"):
        predict(network, frame)


def test_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2], "b": [0.5, None]})
    np.testing.assert_array_equal(as_array(frame), [[1, 0.5], [2, np.nan]])
    np.testing.assert_array_equal(as_array(frame["a"]), [1, 2])


def test_of_arrow():
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": [1, 2], "b": [0.5, None]})
    np.testing.assert_array_equal(as_array(table), [[1, 0.5], [2, np.nan]])
    np.testing.assert_array_equal(as_array(table.to_batches()[0]), [[1, 0.5], [2, np.nan]])
    np.testing.assert_array_equal(as_array(table["a"]), [1, 2])
    np.testing.assert_array_equal(as_array(pyarrow.array([3, 4])), [3, 4])


def test_of_jax():
    jax = pytest.importorskip("jax")
    found = as_array(jax.numpy.asarray(VALUES, "bfloat16"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize("values", [[[1, 2], [3]], [[1.0], ["a", 2]]])
def test_what_makes_no_array(values):
    with pytest.raises(InputError, match="a list makes no array of numbers"):
        as_array(values)
