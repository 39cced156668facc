"""A whole run: what it sees, what it keeps, how it goes on, and what it refuses."""

from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import count

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, backends, checkpoint, datasets, randomness, run
from sparsedend.backends.cpu import NumbaBackend
from sparsedend.settings import SETTINGS, Settings
from tests.datasets.test_datasets import made

SMALL = {"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 3}


def ran(path, *, backend="numba", threads=1, resume=False, overwrite=False, say=None, **settings):
    return run.run(
        Settings(**(SMALL | settings)),
        path,
        backend=backends.create(backend, threads),
        resume=resume,
        overwrite=overwrite,
        **({} if say is None else {"say": say}),
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


def test_the_test_images_have_the_run_s_own_noise(tmp_path, digits):
    """Not the training images, nor clean ones, nor those of another seed or strength."""
    result = ran(tmp_path / "a.h5", backend="numpy", noise=0.7, seed=5)
    found = (result["test_loss"], result["test_accuracy"])
    network = checkpoint.load(tmp_path / "a.h5", backend=backends.create("numpy", 1))
    losses = {}
    for sigma, seed in ((0.7, 5), (0.7, 1), (0.6, 5), (0.0, 5)):
        images = datasets.noisy(digits, sigma, randomness.stream(seed, "noise"))
        losses[sigma, seed] = sd.evaluate(network, images.test_x, images.test_y)
    assert found == losses[0.7, 5]
    assert len(set(losses.values())) == len(losses)


def test_a_run_trains_and_tests_on_the_images_it_is_for(digits):
    """Only training images can teach labels that test images do not have, and the other way."""
    settings = Settings(model="vann", dendrites=2, somata=16, epochs=20, learning_rate=0.01)
    for change in ({"train_y": (digits.train_y + 1) % 10}, {"test_y": (digits.test_y + 1) % 10}):
        dataset = replace(digits, **change)
        result = run.run(settings, None, backend=backends.create("numpy", 1), dataset=dataset)
        assert result["test_accuracy"] < 0.1
        assert result["validation_accuracy"][-1] > 0.8


def test_everything_random_comes_from_the_seed(monkeypatch):
    """Every generator is made of a stream of the seed of the settings, and of nothing else."""
    streams, generators = [], []
    sequence, generator = np.random.SeedSequence, np.random.default_rng

    def recorded(seed, *, spawn_key):
        streams.append((seed, *spawn_key))
        return sequence(seed, spawn_key=spawn_key)

    def made_of(*arguments):
        generators.append(arguments)
        return generator(*arguments)

    monkeypatch.setattr(np.random, "SeedSequence", recorded)
    monkeypatch.setattr(np.random, "default_rng", made_of)
    for scenario in ({"sequential": False}, {"sequential": True, "batch_size": 16}):
        streams.clear()
        scenario |= {"model": "sann", "noise": 0.1, "dropout": 0.2, "epochs": 1}
        ran(None, backend="numpy", seed=77, **scenario)
        assert {seed for seed, _ in streams} == {77}
        names = {randomness.STREAMS[number] for _, number in streams}
        assert names == set(randomness.STREAMS) - {"augmentation"}
    assert all(isinstance(each, sequence) for (each,) in generators)


def test_what_a_checkpoint_says_of_its_run(tmp_path, digits):
    """Everything that was left to the defaults, and the version of the package."""
    settings = Settings(**(SMALL | {"epochs": 1}), patience=3)
    run.run(settings, str(tmp_path / "a.h5"), backend=backends.create("numpy", 1))
    about = checkpoint.read(tmp_path / "a.h5").about
    assert about["settings"] == asdict(settings)
    assert about["written_by"] == sd.__version__
    assert (about["source"], about["fingerprint"]) == ("digits", digits.fingerprint)
    assert about["class_names"] == list("0123456789")


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


def test_a_training_that_fails_later_keeps_its_last_epoch(tmp_path, monkeypatch):
    fit = run.fit

    def failing(*arguments, epochs, **more):
        fit(*arguments, epochs=1, **more)
        raise InputError("it diverged")

    with monkeypatch.context() as patch:
        patch.setattr(run, "fit", failing)
        with pytest.raises(InputError, match="it diverged"):
            ran(tmp_path / "a.h5", backend="numpy")
    said = []
    assert ran(tmp_path / "a.h5", resume=True, backend="numpy", say=said.append)["epochs"] == 3
    assert said == [f"going on from '{tmp_path / 'a.h5'}' after epoch 1"]


def test_a_training_that_fails_at_once_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="loss is nan in epoch 1"):
        ran(tmp_path / "a.h5", learning_rate=1e30)
    assert list(tmp_path.iterdir()) == []


def test_without_an_output_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ran(None)["checkpoint"] is None
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_refused_or_replaced(tmp_path):
    ran(tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(InputError, match="exists: give `resume=True`, `overwrite=True` or anot"):
        ran(tmp_path / "a.h5", seed=2)
    assert (tmp_path / "a.h5").read_bytes() == before
    with pytest.raises(InputError, match="`resume` and `overwrite` are both given: choose one"):
        ran(tmp_path / "a.h5", resume=True, overwrite=True)
    assert (tmp_path / "a.h5").read_bytes() == before
    assert ran(tmp_path / "a.h5", seed=2, overwrite=True)["seed"] == 2


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
    ("change", "message"),
    [
        ({"dataset": "x"}, "unknown data set"),
        ({"sequential": True, "batch_size": 200}, "class 0 has .* samples, too few for a batch"),
        ({"synapses": 65}, "synapses is 65"),
    ],
)
def test_settings_that_do_not_fit_the_images_leave_no_file(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        ran(tmp_path / "a.h5", **change)
    assert list(tmp_path.iterdir()) == []


def test_fresh_outputs_never_exist(tmp_path):
    first = run.fresh_output(Settings(), tmp_path / "runs")
    first.touch()
    second = run.fresh_output(Settings(), tmp_path / "runs")
    assert [first.name, second.name] == [f"dann-lrf-digits-16x64-s1-{n}.h5" for n in (1, 2)]
    assert not second.exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be made .*: give an `output`"):
        run.fresh_output(Settings(), tmp_path / "file" / "runs")
