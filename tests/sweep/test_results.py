import io

import h5py
import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.run import Settings
from sparsedend.sweep import Results, write_csv
from sparsedend.sweep.results import COLUMNS, row_of

RESULT = {
    "parameters": 10,
    "density": 0.5,
    "test_accuracy": 0.75,
    "test_loss": 0.5,
    "best_epoch": 2,
    "epochs": 3,
    "train_seconds": 1.5,
    "seconds_per_epoch": 0.5,
    "backend": "numba",
    "threads": 1,
    "training_loss": [3.0, 2.0, 1.0],
    "training_accuracy": [0.1, 0.2, 0.3],
    "validation_loss": [3.0, 2.0, 2.5],
    "validation_accuracy": [0.1, 0.2, 0.3],
    "seconds": [0.5, 0.5, 0.5],
}


def rows():
    return [
        row_of(Settings(seed=1, epochs=3), "f", RESULT),
        row_of(Settings(seed=2, epochs=9, patience=4, exact=True), "f", RESULT),
        row_of(Settings(seed=3, epochs=3, noise=0.5), "f", None, "broke: ü"),
    ]


def test_round_trip(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    found = Results.read(tmp_path / "s.h5")
    assert found.rows == rows()
    assert found.finished == {
        Settings(seed=1, epochs=3): "f",
        Settings(seed=2, epochs=9, patience=4, exact=True): "f",
    }


def test_any_error_can_be_kept(tmp_path):
    Results([row_of(Settings(), "f", None, "a\0b \ud800")]).write(tmp_path / "s.h5")
    assert Results.read(tmp_path / "s.h5").rows[0]["error"] == "ab ?"


def test_no_rows_yet(tmp_path):
    Results().write(tmp_path / "s.h5")
    assert Results.read(tmp_path / "s.h5").rows == []


def test_a_run_done_again_takes_the_place_of_its_row():
    results = Results(rows())
    results.add(row_of(Settings(seed=3, epochs=3, noise=0.5), "g", RESULT))
    assert len(results.rows) == 3
    assert len(results.finished) == 3


def test_the_file_reads_without_us(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        assert set(file["runs"]) == set(COLUMNS)
        np.testing.assert_array_equal(file["runs/test_accuracy"], [0.75, 0.75, np.nan])
        assert file["runs/error"].asstr()[2] == "broke: ü"
        np.testing.assert_array_equal(file["history/validation_loss"][0], [3, 2, 2.5])
        assert np.isnan(file["history/validation_loss"][2]).all()


def test_tidy_table_and_csv():
    columns = Results(rows()).columns()
    assert columns["seed"].tolist() == [1, 2]
    assert columns["best_epoch"].dtype == np.int64
    text = io.StringIO()
    write_csv(columns, text)
    header, first, second = text.getvalue().splitlines()
    assert header == ",".join(COLUMNS)
    assert dict(zip(COLUMNS, first.split(","), strict=True))["patience"] == ""
    assert dict(zip(COLUMNS, second.split(","), strict=True))["patience"] == "4"


def test_unusable_files(tmp_path):
    with pytest.raises(InputError, match="there are no results"):
        Results.read(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="cannot be read as results"):
        Results.read(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(InputError, match="holds no results of a sweep"):
        Results.read(tmp_path / "other.h5")
    Results(rows()).write(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file.attrs["format_version"] = 7
    with pytest.raises(InputError, match="results format 7"):
        Results.read(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file.attrs["format_version"] = 1
        del file["runs/seed"]
    with pytest.raises(InputError, match="cannot be read as results"):
        Results.read(tmp_path / "s.h5")
