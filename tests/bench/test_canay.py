import numpy as np
import pytest

from bench import canay
from bench.curves import Curve
from bench.options import Options
from sparsedend.layers import Dendritic

SIZES = {
    "fmnist": ((28, 28, 1), 10_634, 468_874, 10_527),
    "cifar10": ((32, 32, 3), 10_634, 1_640_330, 9_271),
}


@pytest.fixture
def images():
    """Labelled noise of a data set's shape."""

    def make(shape, count=20):
        rng = np.random.default_rng(1)
        x = rng.integers(0, 256, (count, *shape), np.uint8)
        y = np.arange(count) % 10
        return canay.Dataset("noise", tuple("0123456789"), x, y, x, y)

    return make


@pytest.mark.parametrize("name", SIZES)
def test_models_have_the_published_parameters(name, images):
    shape, dendritic, dense, small = SIZES[name]
    data = images(shape)
    for model, make in canay.MODELS.items():
        stack = make(np.random.default_rng(1), data)
        expected = {"vann": dense, "mlp": small}.get(model, dendritic)
        assert sum(layer.size for layer in stack) == expected


@pytest.mark.parametrize(("fields", "each"), [(512, 1), (128, 4)])
def test_synapses_lie_in_patches(fields, each):
    shape = (32, 30, 3)
    found = canay.patches(np.random.default_rng(1), shape, fields, each)
    assert found.shape == (512, 32 * 30 * 3)
    assert (found.fan_in == 16).all()
    rows, columns, _ = np.unravel_index(found.indices.reshape(fields, -1), shape)
    for axis, length in ((rows, 32), (columns, 30)):
        assert (np.ptp(axis, axis=1) <= 3).all()
        assert (axis.min(), axis.max()) == (0, length - 1)
    assert len(np.unique(found.indices.reshape(512, 16), axis=0)) > 500


def test_dendrites_of_a_soma_share_their_pixels_where_they_are_global(images):
    data = images((28, 28, 1))
    somata = canay.MODELS["dann-grf"](np.random.default_rng(1), data)[0]
    pixels = somata.structures["synapses"].indices.reshape(128, 4, 16)
    assert (pixels == pixels[:, :1]).all()


def test_the_naive_branch_is_the_local_one_without_nonlinearity(images):
    data = images((28, 28, 1))
    naive, local = (
        canay.MODELS[name](np.random.default_rng(1), data)[0] for name in ("naive", "dann-lrf")
    )
    assert isinstance(naive, Dendritic)
    assert naive.settings["activation"] == "identity"
    assert naive.settings["soma_activation"] == "leaky-relu"
    np.testing.assert_array_equal(
        naive.structures["synapses"].indices, local.structures["synapses"].indices
    )


def test_a_part_has_its_share_of_both_images(digits):
    part = canay.part_of(digits, 0.1, 3)
    assert (len(part.train_y), len(part.test_y)) == (143, 36)
    again = canay.part_of(digits, 0.1, 3)
    np.testing.assert_array_equal(part.train_x, again.train_x)
    assert not np.array_equal(part.train_y, canay.part_of(digits, 0.1, 4).train_y)
    assert canay.part_of(digits, 1.0, 3) is digits


def test_a_model_learns(digits):
    found = canay.trained("dann-lrf", digits, 1, 8, 1)
    assert found["parameters"] == 10_634
    assert 0.5 < found["accuracy"] <= 1
    assert found["seconds"] > 0


def test_the_score_is_the_best_epoch_s(digits, monkeypatch):
    curve = Curve([1.0, 1.0, 1.0], [0.5, 0.7, 0.6], 10, 0.1)
    monkeypatch.setattr(canay, "curve_of", lambda *given, **more: curve)
    found = canay.trained("mlp", digits, 1, 3, 1)
    assert found == {"parameters": 10, "accuracy": 0.7, "seconds": 0.1}


def test_theirs_stand_beside_ours(digits, monkeypatch, tmp_path, capsys):
    def load(name):
        if name == "cifar10":
            raise canay.InputError("no network: connect")
        return digits

    monkeypatch.setattr(canay.datasets, "load", load)
    monkeypatch.setattr(
        canay,
        "trained",
        lambda model, data, seed, epochs, threads: {
            "parameters": len(data.train_y),
            "accuracy": 0.8 + 0.01 * seed,
            "seconds": 0.25,
        },
    )
    canay.measure("canay", Options(tmp_path))
    assert "canay: cifar10 is left out: no network: connect" in capsys.readouterr().out
    text = canay.section("canay", tmp_path)
    assert "| dann-lrf | 1,437 | 87.06 ± 0.17 | 84.50 ± 3.03 | -2.56 | 5.93 | 0.250 | 10 |" in text
    assert "| dann-lrf | 287 | 83.78 ± 0.72 | 84.50 ± 3.03 | +0.72 |  | 0.250 | 10 |" in text
    assert "| vann | 143 |  | 84.50 ± 3.03 |  |  | 0.250 | 10 |" in text
    assert "## kmnist, 10% of the images" in text
    assert "## cifar10" not in text


def test_a_quick_look_has_one_seed(digits, monkeypatch, tmp_path):
    seen = []

    def trained(model, data, seed, epochs, threads):
        seen.append((model, len(data.train_y), seed, epochs))
        return {"parameters": 1, "accuracy": 0.5, "seconds": 1.0}

    monkeypatch.setattr(canay.datasets, "load", lambda name: digits)
    monkeypatch.setattr(canay, "trained", trained)
    canay.measure("canay", Options(tmp_path, quick=True))
    assert {(seed, epochs) for *_, seed, epochs in seen} == {(0, 3)}
    assert {count for _, count, *_ in seen} == {287, 143}
    assert "| 1 |" in canay.section("canay", tmp_path)
