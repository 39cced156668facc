"""The ZIP of matrices, as SciPy and NumPy read it."""

import json
import zipfile

import numpy as np
import pytest
import scipy.sparse

import sparsedend as sd
from sparsedend import InputError, layers
from tests.export.networks import dann, made


def test_every_parameter_can_be_read(tmp_path):
    network = dann()
    sd.export.scipy(network, tmp_path / "net.zip")
    layer = network.layers[0]
    with zipfile.ZipFile(tmp_path / "net.zip") as archive:
        assert archive.namelist() == [
            "network.json",
            "0.synapses.npz",
            "0.dendrite_bias.npy",
            "0.cables.npz",
            "0.soma_bias.npy",
            "1.weights.npy",
            "1.bias.npy",
        ]
        for name in ("synapses", "cables"):
            found = scipy.sparse.load_npz(archive.open(f"0.{name}.npz"))
            expected = getattr(layer, name)
            assert found.shape == expected.shape
            for part in ("data", "indices", "indptr"):
                np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        bias = np.load(archive.open("0.dendrite_bias.npy"))
        np.testing.assert_array_equal(bias, layer.parameters["dendrite_bias"])
        weights = np.load(archive.open("1.weights.npy"))
        np.testing.assert_array_equal(weights, network.layers[1].parameters["weights"])
        described = json.loads(archive.read("network.json"))
    assert described["image_shape"] == [28, 28, 1]
    assert described["loss"] == {"kind": "softmax-cross-entropy", "settings": {}}
    assert [each["kind"] for each in described["layers"]] == ["dendritic", "dense"]
    assert described["layers"][0]["settings"]["slope"] == 0.1


def test_the_same_network_gives_the_same_bytes(tmp_path, monkeypatch):
    sd.export.scipy(dann(), tmp_path / "a.zip")
    monkeypatch.setattr("time.time", lambda: 2e9)
    sd.export.scipy(dann(), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


class Own(layers.Dense):
    kind = "of one's own"


@pytest.mark.parametrize("value", [np.int64(3), np.nan, {1, 2}])
def test_settings_that_are_no_json_are_refused(tmp_path, value):
    layer = Own(6, 3)
    layer.settings = {"size": value}
    with pytest.raises(InputError, match="a value cannot be written as JSON"):
        sd.export.scipy(made([layer], 6), tmp_path / "net.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_of_ones_own_in_float64(tmp_path):
    network = made([Own(6, 3)], 6, dtype=np.float64)
    sd.export.scipy(network, tmp_path / "net.zip")
    with zipfile.ZipFile(tmp_path / "net.zip") as archive:
        weights = np.load(archive.open("0.weights.npy"))
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(weights, network.layers[0].parameters["weights"])
