import json

import h5py
import numpy as np
import pytest
from sparsedend.history import Training

import sparsedend as sd
from sparsedend import checkpoint
from sparsedend.errors import InputError
from sparsedend.training import fit
from tests.conftest import small_stacks


def network(seed=1):
    return sd.models.build("dann-lrf", (8, 8, 1), 10, dendrites=3, somata=8, synapses=5, seed=seed)


@pytest.mark.parametrize("stack", list(small_stacks()))
def test_every_layer_comes_back(stack, tmp_path):
    layers, shape = small_stacks()[stack]
    made = sd.Network(layers, shape, dtype=np.float64)
    made.parameters[:] = np.random.default_rng(0).standard_normal(made.size)
    sd.save(made, tmp_path / "a.h5")
    found = sd.load(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.parameters, made.parameters)
    assert found.dtype == np.float64
    assert found.image_shape == made.image_shape
    images = np.random.default_rng(1).random((70, made.inputs))
    np.testing.assert_array_equal(
        sd.predict(found, images, probabilities=True), sd.predict(made, images, probabilities=True)
    )


def test_resuming_from_a_file_gives_the_same_bits(digits, tmp_path):
    whole, part = network(), network()
    fit(whole, digits.train_x, digits.train_y, epochs=4)
    training = Training.begin(part)
    fit(part, digits.train_x, digits.train_y, epochs=2, training=training)
    checkpoint.save(part, tmp_path / "a.h5", training=training, about={"n": [1]})
    state = checkpoint.read(tmp_path / "a.h5")
    assert state.about == {"n": [1]}
    assert state.training.history.validation_loss == training.history.validation_loss
    fit(state.network, digits.train_x, digits.train_y, epochs=4, training=state.training)
    np.testing.assert_array_equal(whole.parameters, state.network.parameters)


def test_csr_groups_follow_anndata(tmp_path):
    made = network()
    sd.save(made, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        group = file["layers/0/synapses"]
        assert group.attrs["encoding-type"] == "csr_matrix"
        assert tuple(group.attrs["shape"]) == (24, 64)
        np.testing.assert_array_equal(group["data"], made.layers[0].synapses.data)
        assert set(group) == {"data", "indices", "indptr"}


def test_nothing_is_half_written(tmp_path, monkeypatch):
    """An error in the middle of a save leaves the old file, and no other."""
    path = tmp_path / "a.h5"
    sd.save(network(), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_write_layer", fail)
    with pytest.raises(InputError, match="No space left on device"):
        sd.save(network(2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def damaged(path, change):
    sd.save(network(), path)
    with h5py.File(path, "r+") as file:
        change(file)


def out_of_range(file):
    file["layers/0/synapses/indices"][0] = 10_000


def shorter_moment(file):
    training = file.create_group("training")
    training.attrs.update({"optimizer": "{}", "steps": 1})
    training["first_moment"] = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.update(format_version=99), "has checkpoint format 99"),
        (lambda file: file.attrs.update(format="other"), "is no checkpoint of sparsedend"),
        (lambda file: file.attrs.pop("format"), "is no checkpoint of sparsedend"),
        (lambda file: file.pop("layers"), "cannot be read as a checkpoint"),
        (lambda file: file.pop("layers/1/weights"), "cannot be read as a checkpoint"),
        (lambda file: file["layers/1"].attrs.update(kind="x"), "cannot be read as a checkpoint"),
        (lambda file: file.attrs.update(about="{"), "cannot be read as a checkpoint"),
        (out_of_range, "index 10000 in row 0 is out of range"),
        (shorter_moment, "cannot be read as a checkpoint"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, message):
    damaged(tmp_path / "a.h5", change)
    with pytest.raises(InputError, match=message):
        sd.load(tmp_path / "a.h5")


def test_missing_truncated_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match="there is no checkpoint"):
        sd.load(tmp_path / "none.h5")
    whole = tmp_path / "a.h5"
    sd.save(network(), whole)
    for length in (0, 100, len(whole.read_bytes()) // 2):
        (tmp_path / "b.h5").write_bytes(whole.read_bytes()[:length])
        with pytest.raises(InputError, match="cannot be read as a checkpoint"):
            sd.load(tmp_path / "b.h5")
    (tmp_path / "c.h5").write_text(json.dumps({"a": 1}))
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        sd.load(tmp_path / "c.h5")


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(InputError, match="does not exist: make it"):
        sd.save(network(), tmp_path / "none" / "a.h5")
