"""Which networks figures 5 and 6 look into."""

import pytest

from sparsedend import InputError
from sparsedend.figures.trained import kept_of, matched
from sparsedend.sweep import Results
from tests.figures.sweeps import row, sweep_of

MODELS = ("dann-r", "dann-lrf", "dann-grf", "vann")
ALL = [row(model, seed) for model in MODELS for seed in range(1, 6)]


def test_each_model_matches_the_best_vann():
    """With D=4; D=8 would too, and D=2 does not. The vANN has its own best."""
    more = [row(model, seed, 8) for model in MODELS for seed in range(1, 6)]
    less = [row(model, seed, 2) for model in MODELS for seed in range(1, 6)]
    networks, missing = matched(Results([*more, *ALL, *less]), MODELS)
    assert list(networks) == list(MODELS)
    for model, each in networks.items():
        assert each.configuration.dendrites == 4
        assert [run.seed for run in each.runs] == [1, 2, 3, 4, 5]
        assert {run.model for run in each.runs} == {model}
    assert networks["dann-lrf"].title == "dANN-LRF D=4 S=8"
    assert missing == []


def test_without_a_vann_each_has_its_own_best():
    rows = [row("dann-r", seed, dendrites) for seed in (1, 2) for dendrites in (2, 4)]
    networks, missing = matched(Results(rows), MODELS)
    assert networks["dann-r"].configuration.dendrites == 4
    assert "runs of dANN-LRF, dANN-GRF, vANN" in missing
    assert "a vANN to be matched; each model has its own best size" in missing
    assert "trials of dANN-R D=4 S=8 (2), of which the paper has 5" in missing


def test_noise_and_other_settings_are_left_out():
    others = [row("dann-r", seed, noise=0.5) for seed in range(1, 6)]
    others += [row("dann-r", 6, learning_rate=0.1)]
    networks, missing = matched(Results([*others, *ALL]), MODELS)
    assert [run.seed for run in networks["dann-r"].runs] == [1, 2, 3, 4, 5]
    assert all(run.noise == 0 for run in networks["dann-r"].runs)
    assert any("with other settings" in line for line in missing)


def test_nothing_to_show():
    with pytest.raises(InputError, match="no finished run of dANN-R"):
        matched(Results([]), MODELS)


def test_what_was_not_kept_is_named(tmp_path):
    rows = [row("vann", seed, parts="weights" if seed < 3 else "") for seed in (1, 2, 3)]
    results = sweep_of(tmp_path, rows)
    networks, _ = matched(results, MODELS)
    missing = []
    assert len(kept_of(results, networks["vann"], "weights", missing)) == 2
    assert missing == [
        'weights of vANN D=4 S=8, seed 3, which a sweep keeps with keep = ["weights"] in its grid'
    ]
    assert kept_of(results, networks["vann"], "activations", missing) == []
    assert missing[1].startswith("activations of vANN D=4 S=8, seeds 1, 2, 3, which")
