"""Arrays with the program beside them, run where there is no sparsedend."""

import subprocess
import sys

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError
from sparsedend.export import template
from tests.export.networks import agree, answers, dann, named, samples


@pytest.mark.parametrize("model", ["dann-r", "pdann"])
def test_models_take_images(model, in_numpy):
    network = dann(model)
    x = samples(network, 250).reshape(-1, 28, 28)
    agree(in_numpy(network, x), answers(network, x))


def test_numpy_is_enough(tmp_path):
    """A process that cannot import anything else of ours, or SciPy."""
    network = named("dendritic")
    x = samples(network, 4)
    sd.export.npz(network, tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", x)
    code = (
        "import sys, numpy\n"
        "sys.modules |= dict.fromkeys(['sparsedend', 'scipy', 'numba', 'h5py'])\n"
        "import net\n"
        "numpy.save('y.npy', net.predict(net.load(), numpy.load('x.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={"PYTHONPATH": ""})
    agree(np.load(tmp_path / "y.npy"), answers(network, x))


def test_what_the_file_holds(tmp_path):
    sd.export.npz(dann("dann-lrf"), tmp_path / "net.npz")
    arrays = template.load(tmp_path / "net.npz")
    assert arrays["steps"].tolist() == [
        *("layer0_synapses", "leaky-relu 0.1", "layer0_cables", "leaky-relu 0.1"),
        *("layer1", "softmax"),
    ]
    assert arrays["inputs"] == 784
    assert str(arrays["takes"]) == "28 × 28 × 1 pixels, row by row, bytes divided by 255"
    assert str(arrays["gives"]) == "probabilities of the classes"
    network = dann("dann-lrf")
    synapses = network.layers[0].synapses
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(arrays[f"layer0_synapses.{part}"], getattr(synapses, part))
    assert arrays["layer1.data"].shape == (10, 128)
    assert "layer1.indptr" not in arrays


@pytest.mark.parametrize("name", ["dann-r", "dendritic"])
def test_no_samples_have_no_outputs(name, tmp_path):
    network = dann(name) if name == "dann-r" else named(name)
    sd.export.npz(network, tmp_path / "net.npz")
    found = template.predict(template.load(tmp_path / "net.npz"), samples(network, 1)[:0])
    assert (found.shape, found.dtype) == ((0, network.outputs), np.float32)


def test_bytes_and_other_shapes_are_refused(tmp_path):
    sd.export.npz(dann(), tmp_path / "net.npz")
    network = template.load(tmp_path / "net.npz")
    with pytest.raises(ValueError, match="x is uint8: give floating numbers, pixels of bytes"):
        template.predict(network, np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(ValueError, match="reshape"):
        template.predict(network, np.zeros((2, 783)))


def test_both_files_are_replaced_only_when_asked(tmp_path):
    mine = tmp_path / "net.py"
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"net.py' exists: give `overwrite=True`"):
        sd.export.npz(named("one layer"), tmp_path / "net.npz")
    assert mine.read_text() == "mine"
    assert not (tmp_path / "net.npz").exists()
    sd.export.npz(named("one layer"), tmp_path / "net.npz", overwrite=True)
    assert mine.read_text() != "mine"
    with pytest.raises(InputError, match=r"'net.py' does not end in .npz: give such a name"):
        sd.export.npz(named("one layer"), "net.py")
