"""Races for accuracy and the time of a grid, on small data."""

import json
import subprocess
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from bench import fmnist
from bench.options import Options
from bench.paper import race, racers

TINY = {"dendrites": 2, "somata": 32, "synapses": 8}
DENDRITIC = partial(racers.named, "dann-lrf", TINY)


@pytest.mark.parametrize(
    "racer",
    [
        racers.Racer(DENDRITIC),
        racers.Racer(racers.perceptron),
        racers.Racer(racers.linear_branches),
        racers.Racer(racers.perceptron, racers.by_sklearn),
    ],
)
def test_racers_learn(racer, digits, monkeypatch):
    monkeypatch.setattr(racers, "LARGE", TINY)
    if racer.trainer is racers.by_sklearn:
        pytest.importorskip("sklearn")
    answer = racer.race(digits, 0.01, 1, 3)
    assert sorted(answer["seconds"]) == answer["seconds"]
    assert answer["accuracy"][-1] > 0.5
    assert answer["loss"][-1] < answer["loss"][0]
    assert answer["parameters"] == racer.network(digits, 1).size


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_the_oracle_trains_from_the_same_start_on_the_same_batches(digits):
    pytest.importorskip("torch", reason="PyTorch is the oracle")
    ours = racers.Racer(DENDRITIC).race(digits, 0.001, 1, 2)
    oracle = racers.Racer(DENDRITIC, partial(racers.by_torch, product="csr"))
    theirs = oracle.race(digits, 0.001, 1, 2)
    np.testing.assert_allclose(theirs["loss"], ours["loss"], rtol=1e-3)
    assert theirs["parameters"] == ours["parameters"]


def test_a_racer_that_fails_is_left_out(monkeypatch, tmp_path, capsys):
    def child(command, **how):
        name, rate, seed, epochs = json.loads(command[-1])
        if name in race.PAIR:
            return subprocess.CompletedProcess(command, 1, "", "no\nmemory")
        answer = {"seconds": [1.0] * epochs, "loss": [1.0] * epochs, "parameters": seed}
        answer["accuracy"] = [rate] * epochs
        return subprocess.CompletedProcess(command, 0, f"noise\n{json.dumps(answer)}", "")

    monkeypatch.setattr(race, "subprocess", SimpleNamespace(run=child))
    monkeypatch.setattr(race.datasets, "load", lambda name: None)
    race.measure("accuracy-time", Options(tmp_path, quick=True))
    columns, _ = race.store.load(tmp_path, "accuracy-time")
    assert len(columns["seed"]) == 2 * (len(race.RACERS) - 2)
    assert set(columns["contestant"]) == set(race.RACERS) - set(race.PAIR)
    assert f"{race.PAIR[0]} is skipped: memory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("accuracy", "said"),
    [
        (0.90, "First at 87%: sparsedend dann-r, **reached**."),
        (0.86, "Nobody came to 87%, **MISSED**."),
    ],
)
def test_who_is_first(accuracy, said, tmp_path):
    """The other one comes first in the alphabet, and never there."""
    run = {"rate": 0.001, "parameters": 5, "seconds": [1.0, 2.0]}
    found = [
        run | {"contestant": "PyTorch", "accuracy": [0.5, 0.86]},
        run | {"contestant": "sparsedend dann-r", "accuracy": [0.5, accuracy]},
    ]
    assert f"Medians over seeds. {said}" in list(race.against_time(found, tmp_path))


def test_a_grid_s_time_is_told(monkeypatch, tmp_path):
    pytest.importorskip("joblib", reason="sweeps need it")
    small = {"dataset": "digits", "epochs": 1}
    monkeypatch.setattr(fmnist, "PART", small | {"dendrites": [1, 2], "somata": [4, 8]})
    monkeypatch.setattr(fmnist, "SIZES", small | {"dendrites": [1, 2], "somata": [4, 8]})
    fmnist.cpu_grid(Options(tmp_path, quick=True))
    text = (tmp_path / "sweep.md").read_text()
    assert "12 runs, 12 finished" in text
    assert "Side by side, a run of {'dendrites': 1, 'somata': 4} takes " in text
    assert "| with pdann and vann, 5 trials | 100 |" in text
