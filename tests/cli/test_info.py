"""What `info` tells of models and of checkpoints."""

import json

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError
from tests.cli.commands import invoked


def test_info_on_a_model():
    text = invoked("info", "dann-r", "--dendrites", 4, "--somata", 128, "--json").stdout
    facts = json.loads(text.splitlines()[-1])
    assert facts["parameters"] == 10_634
    assert facts["density"] == pytest.approx(10_634 / 468_874)
    names = [matrix["name"] for matrix in facts["matrices"]]
    assert names == ["synapses", "cables", "classes"]
    assert facts["matrices"][0]["nnz"] == 16 * 512
    assert facts["dense_memory_bytes"] == 16 * 468_874


def test_info_does_not_build_the_model():
    """A billion dendrites would not fit."""
    sizes = ["--dendrites", 1000, "--somata", 1_000_000]
    text = invoked("info", "dann-r", *sizes, "--json").stdout
    assert json.loads(text.splitlines()[-1])["parameters"] == 18_011_000_010


@pytest.mark.parametrize(
    ("model", "rules"),
    [
        ("dann-r", ["random", "tree", "all to all"]),
        ("dann-lrf", ["local", "tree", "all to all"]),
        ("dann-grf", ["global", "tree", "all to all"]),
        ("sann-lrf", ["local", "random", "all to all"]),
        ("vann-grf", ["global", "all to all", "all to all"]),
        ("psann", ["all to all", "random", "all to all"]),
    ],
)
def test_a_checkpoint_knows_the_rules_as_its_model_does(tmp_path, model, rules):
    sizes = {"dendrites": 2, "somata": 4, "synapses": 3, "layers": 2}
    sd.save(sd.models.build(model, (8, 8, 1), 10, **sizes), tmp_path / "a.h5")
    words = [word for name, size in sizes.items() for word in (f"--{name}", size)]
    shown = {
        subject: json.loads(invoked("info", subject, *more, "--json").stdout.splitlines()[-1])
        for subject, more in {
            tmp_path / "a.h5": [],
            model: [*words, "--image-shape", "8,8,1"],
        }.items()
    }
    of_file, of_model = shown.values()
    for facts in shown.values():
        found = [matrix.pop("rule") for matrix in facts["matrices"]]
        assert found == rules[:2] + rules
        for matrix in facts["matrices"]:
            del matrix["name"]
    for name in ("matrices", "parameters", "density", "memory_bytes", "dense_memory_bytes"):
        assert of_file[name] == of_model[name], name


def test_a_structure_of_one_s_own_is_given(tmp_path):
    structure = sd.connectivity.Structure(np.array([0, 1, 2]), np.array([3, 0]), (2, 6))
    network = sd.Network([sd.layers.Sparse(structure), sd.layers.Dense(2, 3)], (2, 3, 1))
    sd.save(network, tmp_path / "a.h5")
    facts = json.loads(invoked("info", tmp_path / "a.h5", "--json").stdout.splitlines()[-1])
    assert [matrix["rule"] for matrix in facts["matrices"]] == ["given", "all to all"]
    assert [matrix["nnz"] for matrix in facts["matrices"]] == [2, 6]
    assert facts["parameters"] == 2 + 2 + 6 + 3


def test_a_network_of_nothing_is_told(tmp_path):
    network = sd.Network([sd.layers.ReLU(3)], 3, loss=sd.losses.MeanSquaredError())
    sd.save(network, tmp_path / "a.h5")
    shown = invoked("info", tmp_path / "a.h5", "--json").stdout
    assert "\n0 parameters, density 100.0000%" in shown


def test_sizes_of_a_model_are_not_ignored_with_a_checkpoint(tmp_path):
    sd.save(sd.models.build("dann-r", 8, 3, synapses=2), tmp_path / "a.h5")
    for option in ("--dendrites", "--classes"):
        with pytest.raises(InputError, match=f"a.h5' is no model: leave out {option}$"):
            invoked("info", tmp_path / "a.h5", option, 3)
    assert "synapses" in invoked("info", "dann-r", "--dendrites", 3).stdout


def test_memory_by_hand():
    """Four vectors of float32; int32 indices and row pointers, and transposes but of the first."""
    sizes = ["--dendrites", 2, "--somata", 3, "--synapses", 4, "--image-shape", "5,5,1"]
    text = invoked("info", "vann-r", *sizes, "--classes", 2, "--json").stdout
    facts = json.loads(text.splitlines()[-1])
    parameters = (4 * 6 + 6) + (6 * 3 + 3) + (3 * 2 + 2)
    dense = (25 * 6 + 6) + (6 * 3 + 3) + (3 * 2 + 2)
    assert facts["parameters"] == parameters
    assert facts["density"] == parameters / dense
    assert facts["dense_memory_bytes"] == 16 * dense
    assert facts["memory_bytes"] == 16 * parameters + 4 * (24 + 6 + 1)
    text = invoked("info", "sann", *sizes, "--classes", 2, "--json").stdout
    facts = json.loads(text.splitlines()[-1])
    parameters -= 6 * 3 - 6
    transposed = 2 * 6 + 6 + 1
    indices = (24 + 6 + 1) + (6 + 3 + 1) + transposed
    assert facts["memory_bytes"] == 16 * parameters + 4 * indices


@pytest.mark.parametrize(
    ("dendrites", "unit"), [(1, "kB"), (100, "MB"), (100_000, "GB"), (20_000_000, "TB")]
)
def test_memory_is_told_in_a_unit_that_can_be_read(dendrites, unit):
    sizes = ["--dendrites", dendrites, "--somata", 10, "--synapses", 500]
    text = invoked("info", "dann-r", *sizes).stdout
    shown = text.splitlines()[-1].split("memory in training ")[1].split(",")[0]
    number, found = shown.split()
    assert found == unit
    assert 1 <= float(number) < 1000
