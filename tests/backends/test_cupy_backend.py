"""Networks on a GPU, or on its double on the host, against the NumPy specification."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sparsedend import (
    Adam,
    InputError,
    Network,
    backends,
    checkpoint,
    connectivity,
    evaluate,
    fit,
    layers,
    models,
    predict,
)
from sparsedend.backends import NumpyBackend, epoch_graphs
from sparsedend.history import Training
from sparsedend.initializers import glorot
from tests.conftest import CUPY, small_stacks
from tests.emulation import library

BATCH = 100


@pytest.fixture(params=CUPY)
def backend(request):
    request.getfixturevalue(request.param)
    return backends.create("cupy")


@pytest.fixture
def data(digits):
    """Enough for two batches and a shorter one, and to validate on."""
    return digits.train_x[:256], digits.train_y[:256]


def small(backend, **options):
    given = {"dendrites": 3, "somata": 8, "synapses": 9} | options
    return models.build("dann-lrf", (8, 8, 1), 10, **given, backend=backend)


def near(actual, expected, tolerance):
    """As vectors: a step of Adam makes much of the sign of a gradient that is next to nothing."""
    distance = np.linalg.norm(np.subtract(actual, expected))
    assert distance <= tolerance * np.linalg.norm(expected)


def stack(backend, name, dtype):
    made = Network(*small_stacks()[name], backend=backend, dtype=dtype)
    made.initialize(np.random.default_rng(1), glorot)
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", small_stacks())
def test_a_step_of_every_layer(backend, name, dtype):
    """Loss, gradients and parameters after one step."""
    rng = np.random.default_rng(4)
    results = []
    images, labels = rng.normal(0, 1, (11, 100)).astype(dtype), rng.integers(0, 3, 11)
    for each in (backend, NumpyBackend()):
        made = stack(each, name, dtype)
        adam = Adam()
        adam.start(each, made.parameters)
        with each.limited():
            made.reserve(np.ascontiguousarray(images[:, : made.inputs]), 11)
            made.forward(np.arange(10))
            loss, correct = made.loss(labels[:10])
            if name != "dropout":  # Its backward pass is that of a training.
                made.backward()
            adam.step(each, made.parameters, made.gradients)
        results.append((*map(each.fetch, (made.gradients, made.parameters)), loss, correct))
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=tolerance * 10, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, np.float32) for name in small_stacks()), ("wide", np.float64)]
    + [(name, np.uint8) for name in ("dendritic", "sparse", "wide")],
)
def test_a_step_with_half_storage(backend, name, dtype):
    """Activations are float16; what comes of them differs by their rounding and no more."""
    rng = np.random.default_rng(4)
    wide = [layers.Dense(9, 70), layers.LeakyReLU(70), layers.Dense(70, 66), layers.Dense(66, 3)]
    stacks = small_stacks() | {"wide": (wide, (3, 3, 1))}
    images, labels = rng.normal(0, 1, (130, 100)), rng.integers(0, 3, 130)
    images = (np.abs(images) * 50 if dtype == np.uint8 else images).astype(dtype)
    results = []
    for each in (backends.create("cupy", half=True), NumpyBackend()):
        made = Network(*stacks[name], backend=each)
        made.initialize(np.random.default_rng(1), glorot)
        with each.limited():
            made.reserve(np.ascontiguousarray(images[:, : made.inputs]), 130)
            logits = made.forward(np.arange(130))
            loss, _ = made.loss(labels)
            if name != "dropout":  # Its backward pass is that of a training.
                made.backward()
        results.append((each.fetch(logits)[:, :130], each.fetch(made.gradients), loss))
        assert logits.dtype == (np.float16 if each.name == "cupy" else np.float32)
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 3e-3)
    assert np.abs(results[0][0] - results[1][0]).max() > 1e-5


def test_training_with_half_storage(backend, data):
    histories = []
    for half in (True, False):
        network = small(backends.create("cupy", half=half), dropout=0.2)
        histories.append(fit(network, *data, epochs=3, batch_size=BATCH, optimizer=Adam(1e-2)))
        classes = predict(network, data[0])
        assert (classes == data[1]).mean() == pytest.approx(evaluate(network, *data).accuracy)
    losses = [history.training_loss for history in histories]
    near(*losses, 1e-2)
    assert losses[0] != losses[1]


@pytest.mark.parametrize(("value", "kept"), [(1e6, 65504), (-1e6, -65504), (3.0, 3)])
def test_half_storage_has_largest_numbers(backend, value, kept):
    """Not infinite ones, of which NaN would come."""
    network = Network([layers.Dense(1, 2)], (1, 1, 1), backend=backends.create("cupy", half=True))
    network.parameters[:2] = 1
    with network.backend.limited():
        network.reserve(np.array([[value]]), 1)
        assert network.backend.fetch(network.forward(np.arange(1)))[0, 0] == kept
        network.parameters[:2] = np.nan
        assert np.isnan(network.backend.fetch(network.forward(np.arange(1)))[0, 0])


def test_half_storage_is_refused(backend):
    network = Network([layers.Dense(4, 2)], (2, 2, 1), backend=NumpyBackend(), dtype=np.float64)
    network.to(backends.create("cupy", half=True))
    with pytest.raises(InputError, match=r"the network is float64"):
        predict(network, np.zeros((1, 4)))
    with pytest.raises(InputError, match=r"backend 'numba' stores no half activations"):
        backends.create("numba", half=True)
    assert backends.create("auto", half=True).half


@pytest.mark.parametrize("model", ["dann-r", "vann-lrf"])
def test_training(backend, data, model):
    """History and parameters of a whole training, with all that changes from step to step."""
    results = []
    for each in (backend, NumpyBackend()):
        network = models.build(
            model, (8, 8, 1), 10, dendrites=3, somata=8, synapses=5, layers=2, backend=each
        )
        adam = Adam(1e-2, weight_decay=0.1)
        history = fit(
            network,
            *data,
            epochs=3,
            batch_size=BATCH,
            optimizer=adam,
            schedule=lambda epoch, _: 1 / (1 + epoch),
        )
        figures = [history.training_loss, history.validation_loss, history.training_accuracy]
        arrays = (network.parameters, adam.first, adam.second)
        results.append((*figures, *map(each.fetch, arrays), evaluate(network, *data)))
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 5e-3)


def test_a_network_that_moves_while_it_is_trained(backend, data):
    network = small(backend)
    with pytest.raises(InputError, match=r"moved to backend 'numpy' after epoch 1 of its training"):
        fit(network, *data, batch_size=BATCH, on_epoch=lambda _: network.to("numpy"))
    assert evaluate(network, *data).accuracy > 0
    best = []

    def move(training):
        best.append(training.best)
        network.to("numpy")

    network = small(backend)
    fit(network, *data, epochs=1, patience=1, batch_size=BATCH, on_epoch=move)
    np.testing.assert_array_equal(network.parameters, backend.fetch(best[0]))


@pytest.fixture
def dropping(backend):
    """Scores twelve single images, with what is dropped; and the network."""
    network = small(backend, dropout=0.5)
    images, labels = np.ones((20, 64), np.float32), np.zeros(20, np.int64)

    def step(batch, batch_labels, rates, random):
        network.forward(batch, random)
        network.score(batch_labels)

    with backend.limited():
        network.reserve(images, 1)
        epoch = backend.batches(step, backend.place(labels), 1)
        yield network, lambda random: epoch(np.arange(12), [(0.0, 0.0)] * 12, random)


def test_with_and_without_random_numbers(dropping):
    """The same steps, recorded for each."""
    network, epoch = dropping
    losses = []
    for random in (None, np.random.default_rng(2), None):
        assert len(list(epoch(random))) == 12
        losses.append(network.totals()[0])
    assert losses[0] == losses[2] != losses[1]


def test_a_step_is_captured_once(backend, data, monkeypatch):
    """Python goes through it to rehearse, and twice for each length of a batch."""
    network = small(backend)
    steps = []
    monkeypatch.setattr(
        network, "backward", lambda backward=network.backward: steps.append(1) or backward()
    )
    fit(network, *data, epochs=5, batch_size=BATCH)
    assert len(steps) == 1 + 2 * 2


def test_graphs_of_many_steps_do_the_same(backend, data, monkeypatch):
    """Eleven whole batches and a shorter one: alone, and four at once where so many are left."""
    found = []
    for steps in (1000, 4):
        monkeypatch.setattr(epoch_graphs, "STEPS", steps)
        network = small(backend, dropout=0.3)
        queued = []
        monkeypatch.setattr(
            network, "backward", lambda run=network.backward, q=queued: q.append(1) or run()
        )
        history = fit(network, *data, epochs=2, batch_size=20)
        found.append((backend.fetch(network.parameters), history.training_loss))
        # Rehearsed; a whole batch directly and in each of its graphs; a shorter one twice.
        assert len(queued) == 1 + 1 + 1 + 2 + (4 if steps == 4 else 0)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_the_same_seed_gives_the_same_bits(backend, data):
    found = []
    for _ in range(2):
        network = small(backend, dropout=0.3)
        fit(network, *data, epochs=2, batch_size=BATCH)
        found.append(backend.fetch(network.parameters))
    np.testing.assert_array_equal(*found)


def test_dropout_changes_from_step_to_step(dropping):
    """Also where the batch stays the same."""
    network, epoch = dropping
    generator = np.random.default_rng(2)
    losses = [network.totals()[0] for _ in range(2) for _ in epoch(generator)]
    assert len(losses) == 24
    assert len(set(losses)) > 12


def test_a_training_goes_on_from_a_checkpoint(backend, data, tmp_path):
    """With dropout and early stopping; and its network is what it was on another backend."""
    whole, parts = (small(backend, dropout=0.3) for _ in range(2))
    fit(whole, *data, epochs=4, batch_size=BATCH, patience=9)
    training = Training.begin(parts)
    fit(parts, *data, epochs=2, batch_size=BATCH, patience=9, training=training)
    checkpoint.save(parts, tmp_path / "a.h5", training=training)
    state = checkpoint.read(tmp_path / "a.h5", backend=backend)
    fit(state.network, *data, epochs=4, batch_size=BATCH, patience=9, training=state.training)
    np.testing.assert_array_equal(
        backend.fetch(whole.parameters), backend.fetch(state.network.parameters)
    )
    on_host = checkpoint.load(tmp_path / "a.h5", backend=NumpyBackend())
    np.testing.assert_array_equal(on_host.parameters, backend.fetch(parts.parameters))
    checkpoint.save(on_host, tmp_path / "b.h5")
    back = checkpoint.load(tmp_path / "b.h5", backend=backend)
    assert evaluate(back, *data) == evaluate(parts, *data)


def test_a_training_moves_with_its_network(backend, data):
    found = []
    for path in ((NumpyBackend(), NumpyBackend()), (backend, NumpyBackend()), ("numpy", backend)):
        network = small(NumpyBackend())
        training = Training.begin(network)
        for epochs, where in enumerate(path, start=1):
            assert network.to(where) is network
            fit(network, *data, epochs=epochs, batch_size=BATCH, training=training)
        found.append(network.backend.fetch(network.parameters))
    for parameters in found[1:]:
        near(parameters, found[0], 1e-3)


def test_evaluating_after_an_epoch_changes_nothing(backend, data, digits):
    plain, evaluated = small(backend), small(backend)
    fit(plain, *data, epochs=3, batch_size=BATCH)
    test = digits.test_x, digits.test_y
    fit(
        evaluated,
        *data,
        epochs=3,
        batch_size=BATCH,
        on_epoch=lambda _: evaluate(evaluated, *test, batch_size=200),
    )
    np.testing.assert_array_equal(*(backend.fetch(each.parameters) for each in (plain, evaluated)))


def test_images_that_do_not_fit_are_read_from_the_host(backend, data, monkeypatch):
    networks = [small(backend) for _ in range(2)]
    for network, share in zip(networks, (1, 0), strict=True):
        module = sys.modules[type(backend).__module__]
        monkeypatch.setattr(module, "MEMORY_SHARE", share)
        monkeypatch.setattr(module, "ALWAYS_PLACED", 10_000)
        fit(network, *data, epochs=2, batch_size=BATCH)
    np.testing.assert_array_equal(*(backend.fetch(each.parameters) for each in networks))


def test_arrays_on_the_device_are_used_where_they_are(backend, data):
    import cupy

    images, labels = data
    there = cupy.asarray(images), cupy.asarray(labels)
    one, other = small(backend), small(backend)
    fit(one, images, labels, epochs=2, batch_size=BATCH, sequential=False)
    fit(other, *there, epochs=2, batch_size=BATCH)
    np.testing.assert_array_equal(*(backend.fetch(each.parameters) for each in (one, other)))
    assert evaluate(one, images, labels) == evaluate(one, *there)
    other.reserve(there[0].reshape(256, 64), 10)
    other._images[3, 5] = 77
    assert int(there[0][3, 5 // 8, 5 % 8, 0]) == 77
    for probabilities in (False, True):
        found = predict(one, cupy.asarray(images), probabilities=probabilities, batch_size=150)
        assert isinstance(found, cupy.ndarray)
        expected = predict(one, images, probabilities=probabilities)
        assert type(expected) is np.ndarray
        np.testing.assert_allclose(found.get(), expected, rtol=1e-5)
    on_host = one.to("numpy")
    assert type(predict(on_host, cupy.asarray(images))) is np.ndarray
    fit(on_host, cupy.asarray(images), cupy.asarray(labels), epochs=1, batch_size=9)


def test_any_array_of_dlpack(backend, data):
    import cupy

    images, labels = (cupy.asarray(each) for each in data)
    foreign = SimpleNamespace(
        __dlpack__=lambda **named: images.__dlpack__(**named),
        __dlpack_device__=images.__dlpack_device__,
    )
    network = small(backend)
    assert evaluate(network, foreign, labels) == evaluate(network, images, labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images, labels: images.fill(np.inf), "image 0 holds inf at value 0"),
        (lambda images, labels: labels.fill(10), "label 10 of image 0 is out of range"),
    ],
)
def test_arrays_on_the_device_are_checked(backend, data, change, message):
    import cupy

    images, labels = cupy.asarray(data[0].astype(np.float32)), cupy.asarray(data[1])
    change(images, labels)
    with pytest.raises(InputError, match=message):
        fit(small(backend), images, labels)


def test_sparse_matrices_share_memory(backend):
    network = small(backend)
    layer = network.layers[0]
    for matrix in (layer.synapses, layer.cables):
        assert matrix.shape[1] in (64, 24)
        matrix.data[0] = 7
    parameters = {name: backend.fetch(values) for name, values in layer.parameters.items()}
    assert parameters["synapses"][0] == parameters["cables"][0] == 7
    structure = layer.structures["synapses"]
    np.testing.assert_array_equal(backend.fetch(layer.synapses.indptr), structure.indptr)
    np.testing.assert_array_equal(backend.fetch(layer.synapses.indices), structure.indices)
    weights = layers.Sparse(connectivity.tree(2, 3))
    Network([weights], (1, 6, 1), backend=backend).parameters[0] = 5
    assert float(weights.weights.data[0]) == 5


def test_auto_takes_a_gpu(backend):
    assert backends.create("auto").name == "cupy"


def test_cupy_is_missing():
    with pytest.raises(InputError, match=r"not installed: pip install 'sparsedend\[cuda13\]'"):
        backends.create("cupy")


@pytest.mark.parametrize(
    "error", [ImportError("libcublas.so.13 is missing"), ValueError("numpy.dtype size changed")]
)
def test_cupy_is_broken(monkeypatch, error):
    class Finder:
        @staticmethod
        def find_spec(name, *_):
            if name == "cupy":
                raise error

    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(InputError, match=rf"cannot be imported \({type(error).__name__}: {error}"):
        backends.create("cupy")
    assert backends.create("auto").name == "numba"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            RuntimeError("CuPy failed to load libnvrtc.so.13:\nOSError: no such file"),
            r"runtime compiler.*libnvrtc.*pip install",
        ),
        (
            library.CompileException("nvrtc: error: failed to load builtins"),
            r"runtime compiler.*builtins.*pip install",
        ),
        (PermissionError(13, "Permission denied"), r"kernels cannot be kept.*CUPY_CACHE_DIR"),
    ],
)
def test_kernels_cannot_be_made(emulated, monkeypatch, error, message):
    def get_function(self, name):
        raise error

    monkeypatch.setattr(library.RawModule, "get_function", get_function)
    network = small(backends.create("cupy"))
    with pytest.raises(InputError, match=message):
        predict(network, np.zeros((1, 64), np.uint8))


@pytest.mark.parametrize("devices", [0, None])
def test_a_device_is_missing(emulated, monkeypatch, devices):
    def count():
        if devices is None:
            raise library.CUDARuntimeError("cudaErrorInsufficientDriver")
        return devices

    monkeypatch.setattr(library.runtime, "getDeviceCount", count)
    with pytest.raises(InputError, match=r"no CUDA device was found.*nvidia-smi"):
        backends.create("cupy")
    assert backends.create("auto").name == "numba"
