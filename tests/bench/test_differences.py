"""What may make CIFAR-10 worse, on little data."""

import numpy as np
import pytest

from bench.options import Options
from bench.paper import differences
from sparsedend.datasets import Dataset

SHAPE = (8, 9, 3)


@pytest.fixture
def noise(monkeypatch):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (300, *SHAPE), np.uint8)
    y = rng.integers(0, 10, 300)
    data = Dataset("cifar10", tuple("0123456789"), x, y, x[:50], y[:50])
    monkeypatch.setattr(differences.datasets, "load", lambda name: data)
    for name, value in {"DENDRITES": 2, "SOMATA": 4, "SYNAPSES": 5, "ASSUMED": 40}.items():
        monkeypatch.setattr(differences, name, value)


def synapses(model, change):
    """Row, column and channel of each synapse of 300 dendrites."""
    draw = differences.VARIANTS[model][change].draw
    found = draw(np.random.default_rng(1), SHAPE, 300)
    assert found.shape == (300, 8 * 9 * 3)
    return np.unravel_index(found.indices, SHAPE), found


def test_synapses_of_one_colour(noise):
    for model in differences.VARIANTS:
        (rows, columns, channels), found = synapses(model, "synapses of one colour")
        assert set(channels) == {0}
        assert (set(rows), set(columns)) == ({*range(8)}, {*range(9)})
        assert found.nnz == 300 * 5


def test_synapses_from_the_first_values(noise):
    _, found = synapses("dann-r", "synapses from the first 784 values")
    assert set(found.indices) == {*range(40)}


def test_centres_on_the_diagonal(noise):
    """Five pixels of the nine around a centre; all three channels of each."""
    (rows, columns, channels), found = synapses("dann-lrf", "centres on the diagonal")
    assert set(channels) == {0, 1, 2}
    assert (found.fan_in == 15).all()
    assert np.abs(rows - columns).max() == 2
    (rows, columns, _), _ = synapses("dann-lrf", "as here")
    assert np.abs(rows - columns).max() > 5


def test_each_change_stands_beside_the_published_figure(noise, monkeypatch, tmp_path):
    monkeypatch.setattr(differences, "EPOCHS", (1, 2, 3))
    for model, variants in differences.VARIANTS.items():
        few = {
            change: each._replace(epochs=3 if change == "as here" else 2)
            for change, each in variants.items()
        }
        monkeypatch.setitem(differences.VARIANTS, model, few)
    monkeypatch.setattr(differences, "SEEDS", (1, 2))
    differences.measure("paper-differences", Options(tmp_path, threads=1))
    text = differences.section("paper-differences", tmp_path)
    for line in (
        "| dann-r | as here | 1 | 110 | 2 | ",
        "| dann-r | as here | 2 | 110 | 2 | ",
        "| dann-r | as here | 3 | 110 | 2 | ",
        "| dann-lrf | centres on the diagonal | 2 | 190 | 2 | ",
        "| 56.97 / 1.2684 (",
    ):
        assert line in text, text
    assert text.count("| as here |") == 6
