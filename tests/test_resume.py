"""Trainings that go on."""

import json
from contextlib import contextmanager
from itertools import count

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, backends, datasets, run
from sparsedend.backends.cpu import NumbaBackend
from sparsedend.settings import SETTINGS, Settings
from tests.conftest import edited
from tests.datasets.test_datasets import made
from tests.test_run import SMALL, parameters, ran


class KilledError(Exception):
    pass


@contextmanager
def killed_at(step, **settings):
    """Let the optimizer of a run with these settings raise in that step, counted from 0."""
    kind = type(Settings(**(SMALL | settings)).new_optimizer())
    apply, steps = kind.apply, count()

    def killing(self, *arguments):
        if next(steps) == step:
            raise KilledError
        apply(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "apply", killing)
        # Natively, the optimizer's step is no call of Python's.
        patch.setattr(NumbaBackend, "repeated", lambda self, step: step)
        with pytest.raises(KilledError):
            yield


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_killed_and_resumed_gives_the_same_bits(tmp_path, epoch):
    """Killed after `epoch` finished epochs, in the middle of the next one."""
    ran(tmp_path / "whole.h5", threads=2)
    steps_in_an_epoch = 11
    with killed_at(epoch * steps_in_an_epoch + 5):
        ran(tmp_path / "parts.h5")
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
    assert said == [f"'{tmp_path / 'a.h5'}' is finished: 3 epochs; give more `epochs` to go on"]


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
def test_every_scenario_resumes_to_the_same_bits(tmp_path, settings):
    whole = ran(tmp_path / "whole.h5", **settings)
    with killed_at(25, **settings):
        ran(tmp_path / "parts.h5", **settings)
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
    with pytest.raises(
        InputError, match="follows a step schedule over 3 epochs, not 5: give `epochs=3`"
    ):
        ran(tmp_path / "a.h5", resume=True, schedule="step", epochs=5)


def test_a_schedule_cannot_be_shortened(tmp_path):
    with killed_at(15):
        ran(tmp_path / "a.h5", schedule="cosine", backend="numpy")
    with pytest.raises(
        InputError, match="follows a cosine schedule over 3 epochs, not 2: give `epochs=3`"
    ):
        ran(tmp_path / "a.h5", resume=True, schedule="cosine", epochs=2, backend="numpy")


def test_fewer_epochs_than_planned_are_enough_without_a_schedule(tmp_path):
    with killed_at(15):
        ran(tmp_path / "a.h5", backend="numpy")
    parts = ran(tmp_path / "a.h5", resume=True, epochs=2, backend="numpy")
    assert parts["test_loss"] == ran(None, epochs=2, backend="numpy")["test_loss"]


#: For every setting that a resumed run must share with the first, another value.
CHANGES = {
    "model": "vann",
    "dendrites": 1,
    "somata": 4,
    "synapses": 4,
    "layers": 2,
    "exact": True,
    "dropout": 0.5,
    "initializer": "sparse",
    "batch_size": 64,
    "optimizer": "sgd",
    "learning_rate": 0.002,
    "schedule": "step",
    "weight_decay": 0.1,
    "patience": 2,
    "sequential": True,
    "noise": 0.1,
    "seed": 2,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "a.h5"
    ran(path, backend="numpy")
    return path


@pytest.mark.parametrize("name", CHANGES)
def test_resuming_with_another_setting_is_refused(finished, name):
    before = finished.read_bytes()
    there = getattr(Settings(**SMALL), name)
    with pytest.raises(InputError) as refused:
        ran(finished, backend="numpy", resume=True, **{name: CHANGES[name]})
    title = name.replace("_", " ")
    assert str(refused.value).endswith(
        f"is another run's ({title} {there} there, {CHANGES[name]} here): give its settings or "
        "another `output`"
    )
    assert finished.read_bytes() == before


def test_all_settings_but_the_number_of_epochs_are_compared():
    choices = {name for name, known in SETTINGS.items() if len(known.choices) == 1}
    assert set(CHANGES) == set(SETTINGS) - choices - {"epochs", "dataset"}


def test_resuming_on_other_images_is_refused(tmp_path):
    """Also where the data set has the same name and size."""
    sizes = {"dendrites": 2, "somata": 3, "synapses": 4, "epochs": 1}
    settings = Settings(**sizes, dataset=str(tmp_path / "mine.h5"))
    numpy = backends.create("numpy", 1)
    datasets.write(made(), tmp_path / "mine.h5")
    first = run.run(settings, tmp_path / "a.h5", backend=numpy)
    assert run.run(settings, tmp_path / "a.h5", backend=numpy, resume=True) == first
    for change in (
        {"train_x": np.flip(made().train_x)},
        {"test_x": np.flip(made().test_x)},
        {"train_y": 2 - made().train_y},
        {"test_y": 2 - made().test_y},
    ):
        datasets.write(made(**change), tmp_path / "mine.h5")
        with pytest.raises(InputError, match=r"another run's .other images or labels.: give"):
            run.run(settings, tmp_path / "a.h5", backend=numpy, resume=True)


def test_fewer_epochs_than_were_done_are_refused(tmp_path):
    ran(tmp_path / "a.h5")
    with pytest.raises(InputError, match="has 3 epochs behind it: give `epochs=3` or more"):
        ran(tmp_path / "a.h5", resume=True, epochs=2)


def test_a_file_without_a_training_cannot_be_resumed(tmp_path):
    ran(tmp_path / "a.h5")
    sd.save(sd.load(tmp_path / "a.h5"), tmp_path / "a.h5")
    with pytest.raises(InputError, match="holds a network but no training: give another `output`"):
        ran(tmp_path / "a.h5", resume=True)


def test_several_differences_are_told_at_once(finished):
    with pytest.raises(InputError, match="model dann-lrf there, vann here; somata 8 there, 4 here"):
        ran(finished, backend="numpy", resume=True, somata=4, model="vann")


@pytest.mark.parametrize(
    "change",
    [
        lambda result: 5,
        lambda result: [],
        lambda result: {},
        lambda result: result | {"test_loss": "x"},
        lambda result: result | {"training_loss": 1.0},
        lambda result: result | {"seconds": [1.0, None]},
        lambda result: {name: result[name] for name in result if name != "density"},
    ],
)
def test_a_result_that_is_none(tmp_path, change):
    """Of a file that somebody has changed."""
    path = tmp_path / "a.h5"
    ran(path, epochs=1)
    with edited(path) as file:
        about = json.loads(file.attrs["about"])
        file.attrs["about"] = json.dumps(about | {"result": change(about["result"])})
    with pytest.raises(InputError, match=r"a.h5' has no whole result: use another copy"):
        ran(path, epochs=1, resume=True)
