from itertools import count

import numpy as np
import pytest

from sparsedend import InputError, backends, checkpoint, run
from sparsedend.run import Settings

SMALL = {"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 3}


def ran(path, *, resume=False, overwrite=False, threads=1, say=lambda line: None, **settings):
    return run.run(
        Settings(**(SMALL | settings)),
        path,
        backend=backends.create("numba", threads),
        resume=resume,
        overwrite=overwrite,
        say=say,
    )


def parameters(path):
    return checkpoint.load(path).parameters


def test_the_result_tells_everything(tmp_path):
    result = ran(tmp_path / "a.h5")
    assert set(result) >= {
        *("model", "dataset", "dendrites", "somata", "synapses", "layers", "seed", "epochs"),
        *("backend", "threads", "parameters", "density", "test_accuracy", "test_loss"),
        *("validation_loss", "best_epoch", "train_seconds", "seconds_per_epoch"),
        *("peak_memory_bytes", "checkpoint"),
    }
    assert len(result["validation_loss"]) == result["epochs"] == 3
    assert result["parameters"] == (5 + 1) * 16 + (2 + 1) * 8 + (8 + 1) * 10
    assert result["peak_memory_bytes"] > 50e6
    assert checkpoint.read(tmp_path / "a.h5").about["result"] == result


def test_epochs_of_the_paper_are_the_default():
    assert Settings().epochs_on("fmnist") == 25
    assert Settings().epochs_on("digits") == 100
    assert Settings(sequential=True).epochs_on("fmnist") == 50
    assert Settings(patience=10).epochs_on("fmnist") == 100
    assert Settings(epochs=3, patience=10).epochs_on("fmnist") == 3


def test_the_preset_of_the_paper():
    assert run.chosen({"dataset": "cifar10", "somata": 7}, "paper") == Settings(
        dataset="cifar10", somata=7, epochs=50
    )
    assert run.chosen({"dataset": "mnist", "epochs": 2}, "paper").epochs == 2
    with pytest.raises(InputError, match="preset 'paper' knows no data set 'digits'"):
        run.chosen({}, "paper")
    with pytest.raises(InputError, match="unknown preset 'papers'"):
        run.chosen({}, "papers")


class KilledError(Exception):
    pass


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_killed_and_resumed_gives_the_same_bits(tmp_path, monkeypatch, epoch):
    """Killed after `epoch` finished epochs, in the middle of the next one."""
    ran(tmp_path / "whole.h5", threads=2)
    apply = run.Adam.apply
    steps_in_an_epoch = 11
    steps = count()

    def killing(self, *arguments):
        if next(steps) == epoch * steps_in_an_epoch + 5:
            raise KilledError
        apply(self, *arguments)

    monkeypatch.setattr(run.Adam, "apply", killing)
    with pytest.raises(KilledError):
        ran(tmp_path / "parts.h5")
    monkeypatch.undo()
    monkeypatch.setenv("SPARSEDEND_DATA", str(tmp_path))
    said = []
    ran(tmp_path / "parts.h5", resume=True, say=said.append)
    assert said == [f"going on from '{tmp_path / 'parts.h5'}' after epoch {epoch}"]
    np.testing.assert_array_equal(
        parameters(tmp_path / "whole.h5"), parameters(tmp_path / "parts.h5")
    )


def test_resuming_without_a_file_starts_anew(tmp_path):
    assert ran(tmp_path / "a.h5", resume=True)["epochs"] == 3


def test_resuming_a_finished_run_prints_the_same(tmp_path):
    first = ran(tmp_path / "a.h5")
    said = []
    assert ran(tmp_path / "a.h5", resume=True, say=said.append) == first
    assert "is finished: 3 epochs" in said[0]


def test_more_epochs_go_on(tmp_path):
    ran(tmp_path / "a.h5")
    assert ran(tmp_path / "a.h5", resume=True, epochs=5)["epochs"] == 5
    ran(tmp_path / "b.h5", epochs=5)
    np.testing.assert_array_equal(parameters(tmp_path / "a.h5"), parameters(tmp_path / "b.h5"))


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.3, "weight_decay": 0.1},
        {"schedule": "cosine", "model": "sann"},
        {"patience": 2, "epochs": 6, "learning_rate": 0.05},
        {"sequential": True, "noise": 0.5, "batch_size": 16},
    ],
)
def test_every_scenario_resumes_to_the_same_bits(tmp_path, monkeypatch, settings):
    whole = ran(tmp_path / "whole.h5", **settings)
    apply = run.Adam.apply
    steps = count()

    def killing(self, *arguments):
        if next(steps) == 25:
            raise KilledError
        apply(self, *arguments)

    monkeypatch.setattr(run.Adam, "apply", killing)
    with pytest.raises(KilledError):
        ran(tmp_path / "parts.h5", **settings)
    monkeypatch.undo()
    parts = ran(tmp_path / "parts.h5", resume=True, **settings)
    assert parts["test_loss"] == whole["test_loss"]
    assert parts["validation_loss"] == whole["validation_loss"]
    np.testing.assert_array_equal(
        parameters(tmp_path / "whole.h5"), parameters(tmp_path / "parts.h5")
    )


def test_a_run_that_stopped_early_is_finished(tmp_path):
    settings = {"patience": 2, "epochs": 50, "learning_rate": 0.1}
    first = ran(tmp_path / "a.h5", **settings)
    assert first["epochs"] == first["best_epoch"] + 2 < 50
    said = []
    again = ran(tmp_path / "a.h5", resume=True, say=said.append, **(settings | {"epochs": 60}))
    assert again == first
    assert "after early stopping it cannot go on" in said[0]


def test_a_schedule_cannot_be_lengthened(tmp_path):
    ran(tmp_path / "a.h5", schedule="step")
    with pytest.raises(InputError, match="follows a step schedule over 3 epochs, not 5"):
        ran(tmp_path / "a.h5", resume=True, schedule="step", epochs=5)


def test_a_training_that_fails_at_once_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="loss is nan in epoch 1"):
        ran(tmp_path / "a.h5", learning_rate=1e30)
    assert list(tmp_path.iterdir()) == []


def test_without_an_output_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ran(None)["checkpoint"] is None
    assert list(tmp_path.iterdir()) == []


def test_noise_is_seen_by_training_and_test(tmp_path):
    settings = {"model": "vann", "epochs": 20}
    clean, noisy = (ran(None, noise=sigma, **settings)["test_loss"] for sigma in (0.0, 1.0))
    assert noisy > 1.5 * clean


def test_an_existing_output_is_refused_or_replaced(tmp_path):
    ran(tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(InputError, match="exists: give --resume, --overwrite"):
        ran(tmp_path / "a.h5", seed=2)
    assert (tmp_path / "a.h5").read_bytes() == before
    assert ran(tmp_path / "a.h5", seed=2, overwrite=True)["seed"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 2}, "another run's .seed 1 there, 2 here"),
        ({"somata": 4, "model": "vann"}, "model dann-lrf there, vann here; somata 8 there, 4 here"),
        ({"epochs": 2}, "has 3 epochs behind it"),
        ({"dropout": 0.5}, "dropout 0.0 there, 0.5 here"),
    ],
)
def test_resuming_another_run_is_refused(tmp_path, change, message):
    ran(tmp_path / "a.h5")
    with pytest.raises(InputError, match=message):
        ran(tmp_path / "a.h5", resume=True, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "x"}, "unknown model"),
        ({"dataset": "x"}, "unknown data set"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 0}, "batch size is 0"),
        ({"learning_rate": -1.0}, "learning rate is -1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"noise": -0.5}, "noise is -0.5"),
        ({"patience": 0}, "patience is 0"),
        ({"weight_decay": -0.1}, "weight decay is -0.1"),
        ({"weight_decay": 1000.0}, "weight decay is 1000.0"),
        ({"schedule": "linear"}, "unknown schedule 'linear'"),
        ({"initializer": "zeros"}, "unknown initializer 'zeros'"),
        ({"sequential": True, "batch_size": 200}, "class 0 has .* images, too few for a batch"),
        ({"dendrites": 0}, "dendrites is 0"),
        ({"synapses": 65}, "synapses is 65"),
    ],
)
def test_bad_settings_leave_no_file(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        ran(tmp_path / "a.h5", **change)
    assert list(tmp_path.iterdir()) == []


def test_fresh_outputs_never_exist(tmp_path):
    first = run.fresh_output(Settings(), tmp_path / "runs")
    first.touch()
    second = run.fresh_output(Settings(), tmp_path / "runs")
    assert first != second
    assert not second.exists()
