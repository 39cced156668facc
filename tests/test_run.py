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
    assert run.EPOCHS["fmnist"] == 25


class KilledError(Exception):
    pass


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_killed_and_resumed_gives_the_same_bits(tmp_path, monkeypatch, epoch):
    """Killed after `epoch` finished epochs, in the middle of the next one."""
    ran(tmp_path / "whole.h5", threads=2)
    step = run.Adam.step
    steps_in_an_epoch = 11

    def killing(self, *arguments):
        if self.steps == epoch * steps_in_an_epoch + 5:
            raise KilledError
        step(self, *arguments)

    monkeypatch.setattr(run.Adam, "step", killing)
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
