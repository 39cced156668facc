import io

import h5py
import numpy as np
import pytest

from sparsedend import InputError
from sparsedend.settings import Settings
from sparsedend.sweep import Results, write_csv
from sparsedend.sweep.results import COLUMNS, row_of
from sparsedend.version import __version__
from tests.conftest import ROOT, edited

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
    with pytest.raises(InputError, match="there is no file of results"):
        Results.read(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match="cannot be read as results"):
        Results.read(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(InputError, match=r"other.h5': these are no results of a sweep"):
        Results.read(tmp_path / "other.h5")
    Results(rows()).write(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        file.attrs["format_version"] = 7
    with pytest.raises(
        InputError, match=r"s.h5': this version of sparsedend does not read results format 7"
    ):
        Results.read(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        file.attrs["format_version"] = 2
        del file["runs/error"]
    with pytest.raises(InputError, match="cannot be read as results"):
        Results.read(tmp_path / "s.h5")


def test_two_runs_of_the_same_settings_are_damage(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        for name in ("seed", "epochs", "patience", "exact", "noise"):
            file[f"runs/{name}"][:] = file[f"runs/{name}"][0]
    with pytest.raises(InputError, match=r"s.h5': two runs have the same settings: use another"):
        Results.read(tmp_path / "s.h5")


def test_a_value_that_a_setting_cannot_have_is_refused(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        file["runs/somata"][1] = -3
    with pytest.raises(InputError, match=r"s.h5': somata is -3: give a whole number"):
        Results.read(tmp_path / "s.h5")


def with_a_column_more(path, name):
    """Write what a later version would have written."""
    Results(rows()).write(path)
    with edited(path) as file:
        file.attrs["written_by"] = "9.1"
        file[f"runs/{name}"] = np.arange(3.0)


def test_what_is_damaged_is_told_with_the_name_of_the_file_once(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        del file["runs/density"]
        file["runs/density"] = ["a", "b", "c"]
    with pytest.raises(InputError, match="values of type object") as refusal:
        Results.read(tmp_path / "s.h5")
    assert str(refusal.value).count("s.h5") == 1


def test_several_columns_of_a_later_version_are_told(tmp_path):
    path = tmp_path / "s.h5"
    with_a_column_more(path, "gain")
    with edited(path) as file:
        file["runs/loss"] = np.arange(3.0)
    with pytest.warns(UserWarning, match=r"'gain', 'loss' are unknown here, .*; they are left out"):
        Results.read(path, tolerant=True)


def test_columns_of_a_later_version_are_refused_or_told(tmp_path):
    path = tmp_path / "s.h5"
    with_a_column_more(path, "gain")
    unknown = r"'gain' is unknown here, but not to version 9\.1 of sparsedend, which wrote the file"
    with pytest.raises(InputError, match=rf"s.h5': {unknown}: use that version"):
        Results.read(path)
    with pytest.warns(UserWarning, match=rf"{unknown}; it is left out"):
        columns = Results.read(path, tolerant=True).columns(failed=True)
    assert list(columns) == list(COLUMNS)
    assert columns["seed"].tolist() == [1, 2, 3]


@pytest.mark.filterwarnings("ignore:.*unknown here")
def test_settings_of_a_later_version_are_told_from_its_figures():
    """In the first, runs differ that are the same else; the second is another one in each."""

    def more(row, depth, gain):
        return row | {"depth": depth, "gain": gain}

    one, two, three = rows()
    assert Results([more(one, 1, 0.1), more(two, 1, 0.2)]).unknown_settings == []
    both = Results([more(one, 1, 0.1), more(one, 2, 0.1), more(two, 1, 0.2), more(three, 1, 0.3)])
    assert both.unknown_settings == ["depth"]


def test_the_version_that_wrote_them_is_kept(tmp_path):
    Results(rows()).write(tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.attrs["written_by"] == __version__
        assert file.attrs["format_version"] == 2


def test_what_the_first_format_holds():
    """Columns that did not exist then have their defaults (tests/files/README.rst)."""
    results = Results.read(ROOT / "tests" / "files" / "sweep-1.h5")
    columns = results.columns(failed=True)
    assert list(columns) == list(COLUMNS)
    assert columns["model"].tolist() == ["dann-lrf", "vann", "dann-lrf", "dann-lrf"]
    assert columns["optimizer"].tolist() == ["adam"] * 4
    np.testing.assert_array_equal(columns["patience"], [2, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(columns["epochs"], [3, 2, 2, 2])
    np.testing.assert_array_equal(columns["parameters"], [67, 451, 67, np.nan])
    np.testing.assert_allclose(
        columns["test_loss"], [2.2908993562062583, 2.000907789667447, 2.304840493864483, np.nan]
    )
    assert results.rows[0]["validation_loss"] == pytest.approx([2.3017595, 2.3032021, 2.2925712])
    assert results.rows[3]["error"].startswith("the training loss is nan in epoch 1")
    grid = {"dendrites": 2, "somata": 3, "synapses": 2, "epochs": 2, "learning_rate": 0.01}
    assert set(results.finished) == {
        Settings(**grid),
        Settings(**grid, model="vann"),
        Settings(**(grid | {"epochs": 3}), patience=2),
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("runs/seed", np.zeros(2, int), r"shape \(2,\) where \(3,\) belongs"),
        ("runs/seed", np.zeros((3, 2), int), r"shape \(3, 2\) where"),
        ("runs/model", np.zeros(3), "values of type float64"),
        ("runs/test_loss", np.zeros(3, "V8"), "values of type"),
        ("history/seconds", np.zeros(3, int), "values of type int64"),
    ],
)
def test_results_whose_columns_are_none(tmp_path, name, value, message):
    Results(rows()).write(tmp_path / "s.h5")
    with edited(tmp_path / "s.h5") as file:
        del file[name]
        file[name] = value
    with pytest.raises(InputError, match=message):
        Results.read(tmp_path / "s.h5")
