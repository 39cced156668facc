"""Checkpoints of every format so far are read, and trainings in them go on (tests/files)."""

import json
import shutil

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import backends, checkpoint
from sparsedend.run import run
from sparsedend.settings import Settings
from tests.cli.commands import invoked
from tests.conftest import ROOT

FILES = ROOT / "tests" / "files"
SIZES = {"dendrites": 2, "somata": 3, "synapses": 2, "learning_rate": 0.01, "seed": 7}
FIRST = Settings(**SIZES)
SECOND = Settings(
    **SIZES,
    model="dann-grf",
    dropout=0.2,
    patience=3,
    schedule="cosine",
    weight_decay=0.1,
    epochs=4,
)


def read(number):
    return checkpoint.read(FILES / f"checkpoint-{number}.h5", backend=backends.create("numpy", 1))


@pytest.mark.parametrize("number", [1, 2])
def test_networks_are_read(number, digits):
    state = read(number)
    assert state.network.image_shape == (8, 8, 1)
    assert state.about["class_names"] == list("0123456789")
    assert state.about["fingerprint"] == digits.fingerprint
    assert state.training.history.epochs == 2
    assert np.isfinite(sd.predict(state.network, digits.test_x, probabilities=True)).all()


def test_the_first_format_computes_what_it_did(digits):
    """Its result was written by the code of then."""
    state = read(1)
    tested = sd.evaluate(state.network, digits.test_x, digits.test_y)
    assert tested.accuracy == state.about["result"]["test_accuracy"] == 0.175
    assert tested.loss == pytest.approx(2.2911757707595823, rel=1e-5)


def test_the_first_format_goes_on(tmp_path):
    """With what the code of then reached in one go; settings that it lacks have their defaults."""
    shutil.copy(FILES / "checkpoint-1.h5", tmp_path / "a.h5")
    said = []
    result = run(
        Settings(**SIZES, epochs=4),
        tmp_path / "a.h5",
        backend=backends.create("numpy", 1),
        resume=True,
        say=said.append,
    )
    assert said == [f"going on from '{tmp_path / 'a.h5'}' after epoch 2"]
    assert result["validation_loss"] == pytest.approx(
        [2.300026945300869, 2.294895780670059, 2.282992196249795, 2.258907627392482], rel=1e-5
    )
    assert result["test_loss"] == pytest.approx(2.24366132054064, rel=1e-5)


def test_the_second_format_goes_on(tmp_path):
    """Early stopping, cosine, dropout and weight decay included."""
    shutil.copy(FILES / "checkpoint-2.h5", tmp_path / "a.h5")
    result = run(SECOND, tmp_path / "a.h5", backend=backends.create("numpy", 1), resume=True)
    assert result["validation_loss"] == pytest.approx(
        [2.293605967835113, 2.2838409547205574, 2.275340587109119, 2.271672932418076], rel=1e-5
    )
    assert result["test_loss"] == pytest.approx(2.279077954424752, rel=1e-5)


@pytest.mark.parametrize(("number", "settings"), [(1, FIRST), (2, SECOND)])
def test_their_settings_are_known(number, settings):
    """The first format did not keep a number of epochs that was not given: here it was."""
    about = read(number).about
    epochs = {1: 2, 2: 4}[number]
    found = Settings.from_record(about["settings"], about.get("written_by"))
    assert found == Settings(**(vars(settings) | {"epochs": epochs}))


@pytest.mark.parametrize(("number", "loss"), [(1, 2.2911757), (2, 2.2906294)])
def test_the_command_line_reads_them(number, loss):
    path = FILES / f"checkpoint-{number}.h5"
    shown = invoked("info", path, "--json").stdout.splitlines()[-1]
    assert json.loads(shown)["settings"]["learning_rate"] == 0.01
    shown = invoked("evaluate", path, "--backend", "numpy", "--json").stdout.splitlines()[-1]
    assert json.loads(shown)["test_loss"] == pytest.approx(loss, rel=1e-5)
