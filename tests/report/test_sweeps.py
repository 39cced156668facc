"""The page on a sweep says what its runs came to."""

import base64

import numpy as np
import pytest

from sparsedend import InputError, analysis, report
from sparsedend.report import sweeps
from sparsedend.settings import Settings
from sparsedend.sweep import Results
from sparsedend.sweep.results import row_of
from tests.conftest import ROOT, edited
from tests.report.pages import check

FILE = ROOT / "tests" / "files" / "sweep-1.h5"


def row(model, accuracy=0.5, error="", **settings):
    """Run whose loss is 1 - accuracy, and whose parameters are 100 · dendrites."""
    made = Settings(model=model, **({"dataset": "fmnist"} | settings))
    result = {"parameters": 100 * made.dendrites, "density": 0.5, "test_accuracy": accuracy}
    result |= {"test_loss": 1 - accuracy, "best_epoch": 2, "epochs": 3, "train_seconds": 1.0}
    return row_of(made, "", None if error else result, error)


def page(tmp_path, *rows, name="s.h5"):
    Results(list(rows)).write(tmp_path / name)
    return check(report.of_sweep(tmp_path / name))


def test_configurations_are_means_over_trials(tmp_path):
    found = page(
        tmp_path,
        row("vann", 0.5, dendrites=1, seed=1),
        row("vann", 0.75, dendrites=1, seed=2),
        row("dann-r", 0.875, dendrites=2),
    )
    assert "runs finished 3 runs failed 0 configurations 2" in found.text
    assert "dann-r fmnist 2 64 1 200 87.50% – 0.1250 – 2.0" in found.text
    assert "vann fmnist 1 64 2 100 62.50% 17.68% 0.3750 0.1768 2.0" in found.text
    assert "Failed runs" not in found.text
    assert len(found.all("img")) == 2
    assert {each["alt"] for each in found.all("img")} == {
        f"Test {name} of 2 configurations on fmnist against their parameters."
        for name in ("accuracy", "loss")
    }


def test_efficiency_is_that_of_what_matches(tmp_path):
    """The vann's best has .75; the first dann-r that beats it has 2 dendrites."""
    rows = [
        row("vann", 0.75, dendrites=4),
        row("vann", 0.5, dendrites=1),
        row("dann-r", 0.6, dendrites=1),
        row("dann-r", 0.8, dendrites=2),
        row("dann-r", 0.9, dendrites=8),
    ]
    found = page(tmp_path, *rows)
    chosen = analysis.matching(analysis.summarize(Results(rows).columns()))
    for score in analysis.efficiency(chosen.values()):
        each = score.configuration
        said = f"fmnist {each.model} {each.dendrites} 64 {each.parameters:.0f} {each.accuracy:.2%}"
        scores = f"{score.accuracy_score:.4f} {score.loss_score:.4f}"
        assert f"{said} {each.loss:.4f} {scores}" in found.text
    assert (chosen["dann-r"].dendrites, chosen["vann"].dendrites) == (2, 4)
    assert "the first that beats the vann's best" in found.text
    assert "They are those of the means over the trials" in found.text


def test_without_a_vann_the_best_of_each_are_compared(tmp_path):
    found = page(tmp_path, row("dann-r", 0.8, dendrites=2), row("dann-r", 0.9, dendrites=8))
    assert "fmnist dann-r 8 64 800 90.00%" in found.text.partition("Configurations model")[0]
    assert "beats" not in found.text


def test_other_settings_are_kept_apart(tmp_path):
    """Two data sets, and two kinds of stopping: three groups that must not be mixed."""
    found = page(
        tmp_path,
        row("dann-r", 0.5),
        row("dann-r", 0.6, patience=5),
        row("dann-r", 0.7, dataset="mnist"),
    )
    titles = [
        "fmnist, patience no early stopping",
        "fmnist, patience 5",
        "mnist, patience no early stopping",
    ]
    assert len(found.all("img")) == 6
    for title in titles:
        assert title in found.text
    assert "dann-r fmnist 5 16 64 1" in found.text


def test_more_groups_and_rows_than_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "DRAWN", 1)
    monkeypatch.setattr(sweeps, "ROWS", 2)
    found = page(tmp_path, *(row("dann-r", dataset=name) for name in ("mnist", "fmnist", "kmnist")))
    assert len(found.all("img")) == 2
    assert "The first 1 of 3 data sets and settings are drawn." in found.text
    assert found.text.count("The first 2 of 3 rows.") == 2


def test_failed_runs_have_their_error(tmp_path):
    found = page(tmp_path, row("dann-r"), row("vann", error="<b>disk</b> full", seed=3))
    assert "runs finished 1 runs failed 1" in found.text
    assert "vann fmnist 16 64 3 <b>disk</b> full" in found.text
    only = page(tmp_path, row("vann", error="disk full"), name="t.h5")
    assert only.all("img") == []
    assert "disk full" in only.text


def test_names_are_shown_and_never_run(tmp_path):
    evil = '<img src="http://x.invalid/" onerror="alert(1)">'
    found = page(tmp_path, row("dann-r", dataset=evil), name="<i>.h5")
    assert evil in found.text
    assert len(found.all("img")) == 2
    assert "<i>.h5" in found.text


def test_files_of_older_versions():
    found = check(report.of_sweep(FILE))
    assert "runs finished 3 runs failed 1" in found.text


def test_settings_of_a_later_version_keep_runs_apart(tmp_path):
    """Whatever they are called; figures of a later version do not."""
    path = tmp_path / "s.h5"
    Results([row("vann", 0.5, seed=seed) for seed in (1, 2, 3, 4)]).write(path)
    with edited(path) as file:
        file["runs/seed"][:] = [1, 1, 2, 2]
        file["runs/loss"] = np.array([1.0, 2.0, 1.0, 2.0])
        file["runs/gain"] = np.arange(4) // 2
    with pytest.warns(UserWarning, match="unknown here"):
        found = check(report.of_sweep(path))
    assert "runs finished 4 runs failed 0 configurations 2" in found.text
    assert "fmnist, 'loss' 1.0" in found.text
    assert "vann fmnist 2.0 16 64 2" in found.text
    assert "'gain'" not in found.text


def test_no_runs(tmp_path):
    Results().write(tmp_path / "s.h5")
    with pytest.raises(InputError, match="holds no runs: do some first"):
        report.of_sweep(tmp_path / "s.h5")


def test_many_points_are_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "MANY", 2)
    for count, number in ((2, 0), (3, 1)):
        found = page(tmp_path, *(row("dann-r", dendrites=each + 1) for each in range(count)))
        drawn = base64.b64decode(found.all("img")[0]["src"].partition("base64,")[2])
        assert drawn.count(b"<image") == number


@pytest.mark.long
def test_a_large_sweep_is_a_small_page(tmp_path):
    """2,100 configurations: under 3 MB."""
    Results(
        [
            row(f"dann-{rule}", dendrites=dendrites, somata=somata, dataset=name)
            for rule in ("r", "lrf", "grf")
            for dendrites in range(1, 36)
            for somata in range(1, 5)
            for name in ("mnist", "fmnist", "kmnist", "emnist", "cifar10")
        ]
    ).write(tmp_path / "s.h5")
    text = report.of_sweep(tmp_path / "s.h5")
    assert len(text.encode()) < 3e6
    assert "configurations 2,100" in check(text).text
