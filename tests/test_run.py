"""A whole run: what it sees, what it keeps, and what it refuses."""

from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, backends, checkpoint, datasets, models, randomness, run
from sparsedend.locks import locked
from sparsedend.settings import Settings

SMALL = {"dendrites": 2, "somata": 8, "synapses": 5, "epochs": 3}


def ran(
    path,
    *,
    backend="numba",
    threads=1,
    resume=False,
    overwrite=False,
    no_lock=False,
    say=None,
    **settings,
):
    return run.run(
        Settings(**(SMALL | settings)),
        path,
        backend=backends.create(backend, threads),
        resume=resume,
        overwrite=overwrite,
        no_lock=no_lock,
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


@pytest.mark.parametrize("link", [False, True])
def test_what_is_replaced_stays_until_an_epoch_has_ended(tmp_path, link):
    """Also where a link leads to it; one that leads nowhere stays as well."""
    path = file = tmp_path / "a.h5"
    if link:
        path = tmp_path / "link.h5"
        path.symlink_to(file)
        with pytest.raises(InputError, match="loss is nan in epoch 1"):
            ran(path, learning_rate=1e30)
        assert list(tmp_path.iterdir()) == [path]
    ran(path)
    before = file.read_bytes()
    with pytest.raises(InputError, match="loss is nan in epoch 1"):
        ran(path, learning_rate=1e30, overwrite=True)
    assert file.read_bytes() == before
    assert path.is_symlink() is link
    assert ran(path, seed=2, overwrite=True)["seed"] == 2
    assert checkpoint.read(file).about["settings"]["seed"] == 2


@pytest.mark.parametrize("how", [{"overwrite": True}, {"resume": True}, {}])
def test_what_is_no_file_is_refused_before_the_training(tmp_path, monkeypatch, how):
    monkeypatch.setattr(run, "fit", lambda *_, **__: pytest.fail("it trains"))
    with pytest.raises(InputError, match="is a folder: give the name of a file"):
        ran(tmp_path, **how)


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


def test_networks_that_no_memory_holds_are_refused_at_once(digits, monkeypatch):
    settings = Settings(dendrites=2_000_000, somata=1000, synapses=64)
    words = r"has 132,000,011,010 parameters, which .* take 1,056 GB, and this .*: choose a smaller"
    with pytest.raises(InputError, match=words):
        run.run(settings, None, backend=backends.create("numpy"), dataset=digits)
    monkeypatch.setattr(run.os, "sysconf", lambda name: -1 if "SIZE" in name else 1)
    with pytest.raises(InputError, match="this machine has"):
        run.plan(Settings(), digits)
    monkeypatch.delattr(run.os, "sysconf")
    assert len(run.plan(settings, digits)) == 3


@pytest.mark.parametrize("layers", [1001, 100_000, 2**31 - 1])
def test_more_layers_than_anybody_trains_are_refused(layers):
    for refused in (
        lambda: Settings(layers=layers),
        lambda: models.plan("dann-r", 784, 10, layers=layers),
    ):
        with pytest.raises(InputError, match=f"layers is {layers}: give a whole number from 1 to"):
            refused()


def test_a_run_has_its_output_for_itself(tmp_path):
    path = tmp_path / "a.h5"
    with locked(path), pytest.raises(InputError, match="is being written by another process"):
        ran(path)
    with locked(path):
        ran(path, no_lock=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.h5"]


def test_a_run_that_ended_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    """Between the first look at the output and its lock."""
    path = tmp_path / "a.h5"

    @contextmanager
    def late(*_, **__):
        path.write_text("another's")
        yield

    monkeypatch.setattr(run, "locked", late)
    with pytest.raises(InputError, match="exists: give"):
        ran(path)
    assert path.read_text() == "another's"
