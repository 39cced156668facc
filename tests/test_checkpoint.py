import io
import json

import h5py
import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, checkpoint, fit, losses
from sparsedend.optimizers import Adam, AdamW
from tests.conftest import Still, edited, small_stacks


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
    assert repr(found) == repr(made)
    assert list(map(repr, found.layers)) == list(map(repr, made.layers))
    images = np.random.default_rng(1).random((70, made.inputs))
    np.testing.assert_array_equal(
        sd.predict(found, images, probabilities=True), sd.predict(made, images, probabilities=True)
    )


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (losses.SoftmaxCrossEntropy(), 2),
        (losses.SigmoidCrossEntropy(), 1),
        (losses.MeanSquaredError(), 3),
        (losses.Huber(0.25), 1),
    ],
)
def test_every_loss_comes_back(loss, outputs, tmp_path):
    made = sd.models.build("dann-r", 12, outputs, somata=2, dendrites=2, synapses=3, loss=loss)
    sd.save(made, tmp_path / "a.h5")
    found = sd.load(tmp_path / "a.h5", backend=sd.backends.create("numpy"))
    assert repr(found.loss) == repr(loss)
    assert found.backend.name == "numpy"
    assert checkpoint.read(tmp_path / "a.h5").training is None
    assert checkpoint.read(tmp_path / "a.h5").about == {}


def test_everything_of_a_training_comes_back(digits, tmp_path):
    """Trained on as it is, and as read: the same bits, with early stopping, clipping and drops."""
    sizes = {"dendrites": 3, "somata": 8, "synapses": 5, "dropout": 0.2}
    made = sd.models.build("vann-lrf", (8, 8, 1), 10, **sizes)
    training = Training(
        AdamW(0.01, weight_decay=0.1, clip_norm=0.5),
        batch_size=100,
        schedule="cosine",
        frozen=[0, (3, "bias")],
        seed=9,
    )
    patience = sd.callbacks.EarlyStopping(50)

    def pause(fitting):
        if fitting.history.epochs == 2:
            sd.save(made, tmp_path / "a.h5", training=training)
            raise KeyboardInterrupt

    arguments = (digits.train_x, digits.train_y)
    with pytest.raises(KeyboardInterrupt):
        fit(made, *arguments, epochs=4, callbacks=[patience, pause], training=training)
    state = checkpoint.read(tmp_path / "a.h5")
    found = state.training
    assert repr(found) == repr(training)
    for name in ("batch_size", "sequential", "frozen", "seed", "steps", "stopped", "planned"):
        assert getattr(found, name) == getattr(training, name), name
    assert found.schedule is training.schedule
    assert found.optimizer.settings == training.optimizer.settings
    assert vars(found.history) == vars(training.history)
    assert set(found.state) == set(training.state)
    for name, values in training.state.items():
        np.testing.assert_array_equal(found.state[name], values)
    np.testing.assert_array_equal(found.best, training.best)
    for network, each in ((made, training), (state.network, found)):
        fit(network, *arguments, epochs=4, callbacks=[patience], training=each)
    np.testing.assert_array_equal(state.network.parameters, made.parameters)
    assert found.stopped == training.stopped
    assert training.stopped.startswith("after epoch 4, its last, the parameters of epoch")
    sd.save(made, tmp_path / "b.h5", training=training)
    state = checkpoint.read(tmp_path / "b.h5")
    with pytest.raises(InputError, match="after epoch 4, its last, the parameters of epoch"):
        fit(state.network, *arguments, epochs=4, training=state.training)


def test_files_that_are_opened(digits, tmp_path):
    """In memory, or by the caller: whoever opens a file closes it."""
    made, training = network(), Training()
    fit(made, digits.train_x[:90], digits.train_y[:90], epochs=1, training=training)
    memory = io.BytesIO(b"something longer that was here before" * 10_000)
    sd.save(made, memory, training=training)
    with open(tmp_path / "a.h5", "w+b") as file:
        sd.save(made, file, training=training)
        assert not file.closed
        found = [checkpoint.read(file)]
    with open(tmp_path / "c.h5", "wb") as file:
        sd.save(made, file, training=training)
    sd.save(made, tmp_path / "b.h5", training=training)
    found.append(checkpoint.read(memory))
    for path in ("a.h5", "b.h5", "c.h5"):
        found += [checkpoint.read(tmp_path / path), checkpoint.read(str(tmp_path / path))]
        with open(tmp_path / path, "rb") as file:
            found.append(checkpoint.read(file))
    found.append(checkpoint.read(io.BytesIO((tmp_path / "b.h5").read_bytes())))
    for each in found:
        np.testing.assert_array_equal(each.network.parameters, made.parameters)
        assert each.training.steps == training.steps
    with pytest.raises(InputError, match="'the file' cannot be read as a checkpoint"):
        sd.load(io.BytesIO(b"nothing of the kind"))


def test_files_that_cannot_be_written(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"mine")
    for mode in ("rb", "r+"):
        with (
            open(path, mode) as file,
            pytest.raises(InputError, match=r"the file cannot be written .*: open it for writing"),
        ):
            sd.save(network(), file)
    assert path.read_bytes() == b"mine"
    with pytest.raises(InputError, match=r"the file cannot be written .I/O operation on closed"):
        sd.save(network(), file)


@pytest.mark.parametrize("file", [None, b"a.h5", 3])
def test_what_is_no_file_is_refused(file):
    for use in (lambda: sd.save(network(), file), lambda: sd.load(file)):
        with pytest.raises(InputError, match=r"the file is .*: give a path as a text or a P"):
            use()


@pytest.mark.parametrize("about", [{"a": np.float32(1)}, {"a": {1, 2}}, {"a": object()}])
def test_facts_that_are_no_json_are_refused(about, tmp_path):
    with pytest.raises(InputError, match="cannot be written as JSON"):
        sd.save(network(), tmp_path / "a.h5", about=about)
    assert list(tmp_path.iterdir()) == []


class Own(losses.SoftmaxCrossEntropy):
    """Has the kind of another class."""


def halved(epoch, epochs):
    return 0.5**epoch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": Own()}, "the loss Own is not registered, .* call sd.losses.register"),
        (
            {"training": Training(Still())},
            "the optimizer Still is not registered, .*optimizers.reg",
        ),
        ({"training": Training(schedule=halved)}, "the schedule 'halved' has no name that a file"),
    ],
)
def test_what_no_file_could_name_is_refused_with_nothing_written(change, message, tmp_path):
    made = network()
    made.loss = change.get("loss", made.loss)
    for file in (tmp_path / "a.h5", memory := io.BytesIO()):
        with pytest.raises(InputError, match=message):
            sd.save(made, file, training=change.get("training"))
    assert list(tmp_path.iterdir()) == []
    assert memory.getvalue() == b""


def test_resuming_from_a_file_gives_the_same_bits(digits, tmp_path):
    whole, part = network(), network()
    fit(whole, digits.train_x, digits.train_y, epochs=4)
    training = Training()
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
    with edited(path) as file:
        change(file)


def out_of_range(file):
    file["layers/0/synapses/indices"][0] = 10_000


def with_training(change):
    """A file whose training is damaged."""

    def changed(file):
        made, training = network(), Training(Adam(0.5))
        training.begin(made)
        memory = io.BytesIO()
        sd.save(made, memory, training=training)
        with h5py.File(memory) as source:
            source.copy("training", file)
        change(file["training"])

    return changed


def shorter_moment(group):
    group.pop("state/first_moment")
    group["state/first_moment"] = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.update(format_version=99), "has checkpoint format 99"),
        (lambda file: file.attrs.update(format="other"), "is no checkpoint of sparsedend"),
        (lambda file: file.attrs.pop("format"), "is no checkpoint of sparsedend"),
        (lambda file: file.pop("layers"), "cannot be read as a checkpoint"),
        (lambda file: file.pop("layers/1/weights"), "cannot be read as a checkpoint"),
        (lambda file: file["layers/1"].attrs.update(kind="dens"), "unknown layer 'dens': did you"),
        (lambda file: file["layers/1"].attrs.update(settings="{}"), "'dense' cannot be made by sp"),
        (lambda file: file["layers/1"].attrs.update(settings="[1]"), "cannot be read as a checkp"),
        (lambda file: file.attrs.update(loss='{"kind": "x", "settings": {}}'), "unknown loss 'x'"),
        (lambda file: file.attrs.update(dtype="float16"), "dtype is float16"),
        (lambda file: file.attrs.update(image_shape=(8, 9, 1)), r"layer 1 \(dendritic\) takes 64"),
        (lambda file: file.attrs.update(about="{"), "cannot be read as a checkpoint"),
        (out_of_range, "index 10000 in row 0 is out of range"),
        (with_training(shorter_moment), r"state/first_moment' shape \(3,\) where \(266,\) belongs"),
        (with_training(lambda group: group.pop("state")), "cannot be read as a checkpoint"),
        (with_training(lambda group: group.attrs.pop("steps")), "cannot be read as a checkpoint"),
        (with_training(lambda group: group.attrs.update(batch_size="0")), "batch size is 0"),
        (
            with_training(lambda group: group.attrs.update(optimizer='{"kind": "sgb"}')),
            "unknown optimizer 'sgb'",
        ),
        (
            with_training(lambda group: group.attrs.update(schedule='"lin"')),
            "unknown schedule 'lin'",
        ),
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
        with pytest.raises(InputError, match=r"cannot be read as a checkp|bytes then and .* now"):
            sd.load(tmp_path / "b.h5")
    (tmp_path / "c.h5").write_text(json.dumps({"a": 1}))
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        sd.load(tmp_path / "c.h5")


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(InputError, match="does not exist: make it"):
        sd.save(network(), tmp_path / "none" / "a.h5")


@pytest.mark.parametrize("about", ["5", "[1]", "null", '"x"', "true"])
def test_a_file_that_says_of_itself_what_is_no_record(about, tmp_path):
    sd.save(network(), tmp_path / "a.h5")
    with edited(tmp_path / "a.h5") as file:
        file.attrs["about"] = about
    with pytest.raises(InputError, match=r"a.h5' says about itself .*: use another copy"):
        checkpoint.read(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("training_loss", [np.nan]),
        ("seconds", [np.inf]),
        ("seconds", [[1.0, 2.0]]),
        ("seconds", 1.0),
        ("validation_loss", [0.5, 0.5]),
        ("training_accuracy", ["x"]),
    ],
)
def test_a_history_that_is_none(name, values, digits, tmp_path):
    """Every epoch has its loss and its time."""
    made, training = network(), Training()
    fit(made, digits.train_x[:100], digits.train_y[:100], epochs=1, training=training)
    sd.save(made, tmp_path / "a.h5", training=training)
    assert checkpoint.read(tmp_path / "a.h5").training.history == training.history
    with edited(tmp_path / "a.h5") as file:
        del file[f"training/history/{name}"]
        file[f"training/history/{name}"] = values
    with pytest.raises(InputError, match="use another copy"):
        checkpoint.read(tmp_path / "a.h5")


def test_facts_in_facts_without_end_are_refused(tmp_path):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InputError, match="a value cannot be written as JSON"):
        sd.save(network(), tmp_path / "a.h5", about={"deep": deep})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda made, training: made.parameters.__setitem__(3, np.nan), "parameters"),
        (lambda made, training: made.parameters.__setitem__(0, -np.inf), "parameters"),
        (
            lambda made, training: training.state["second_moment"].__setitem__(1, np.inf),
            "training's 'second_moment'",
        ),
        (
            lambda made, training: setattr(training, "best", made.parameters * np.nan),
            "training's best",
        ),
    ],
)
def test_what_could_not_be_read_is_not_written(tmp_path, digits, spoil, what):
    """And what is there stays."""
    made, path, training = network(), tmp_path / "a.h5", Training()
    fit(made, digits.train_x[:50], digits.train_y[:50], epochs=1, training=training, callbacks=[])
    sd.save(made, path, training=training)
    whole = path.read_bytes()
    spoil(made, training)
    with pytest.raises(InputError, match=f"the {what}.* are not finite: load what was saved"):
        sd.save(made, path, training=training)
    assert path.read_bytes() == whole
