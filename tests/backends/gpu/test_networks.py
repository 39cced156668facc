"""Networks on a GPU against the NumPy specification: steps, trainings, evaluations."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from sparsedend import (
    InputError,
    Network,
    Session,
    Training,
    backends,
    callbacks,
    checkpoint,
    evaluate,
    fit,
    layers,
    losses,
    models,
    optimizers,
    predict,
)
from sparsedend.backends import NumpyBackend
from sparsedend.initializers import glorot
from tests.backends.gpu.test_device import module
from tests.conftest import small_stacks

BATCH = 100


@pytest.fixture
def data(digits):
    """Enough for two batches and a shorter one, and to validate on."""
    return digits.train_x[:256], digits.train_y[:256]


def small(backend, **options):
    given = {"dendrites": 3, "somata": 8, "synapses": 9} | options
    return models.build("dann-lrf", (8, 8, 1), 10, **given, backend=backend)


def trained(network, *data, epochs=2, training=None, looking_on=(), **options):
    """The network's parameters on the host after a fit, and its history."""
    training = training or Training(batch_size=BATCH)
    history = fit(network, *data, epochs=epochs, training=training, callbacks=looking_on, **options)
    return network.backend.fetch(network.parameters), history


def near(actual, expected, tolerance):
    """As vectors: a step of Adam makes much of the sign of a gradient that is next to nothing."""
    distance = np.linalg.norm(np.subtract(actual, expected))
    assert distance <= tolerance * np.linalg.norm(expected)


def stack(backend, layers_of, dtype=np.float32):
    made = Network(*layers_of, backend=backend, dtype=dtype)
    made.initialize(np.random.default_rng(1), glorot)
    return made


def step(network, images, labels, dropout):
    """Outputs, gradients, parameters and evaluation of a step; with dropout nothing is trained."""
    session = Session(network, images, labels, batch_size=len(labels))
    order = np.arange(len(labels))
    outputs = network.backend.fetch(session.forward(order))[:, : len(labels)]
    session.score(order)
    if not dropout:
        session.train_step(Training(), order)
    arrays = map(network.backend.fetch, (session.gradients, network.parameters))
    return [outputs, *arrays, *session.totals()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", small_stacks())
def test_a_step_of_every_layer(backend, name, dtype):
    rng = np.random.default_rng(4)
    images, labels = rng.normal(0, 1, (11, 100)).astype(dtype), rng.integers(0, 3, 11)
    results = []
    for each in (backend, NumpyBackend()):
        made = stack(each, small_stacks()[name], dtype)
        results.append(step(made, images[:, : made.inputs], labels, name == "dropout"))
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=tolerance * 10, atol=tolerance)


def wide():
    """Layers of so many outputs that they are products of matrices."""
    dense = [layers.Dense(9, 70), layers.LeakyReLU(70), layers.Dense(70, 66), layers.Dense(66, 3)]
    return dense, (3, 3, 1)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, np.float32) for name in small_stacks()), ("wide", np.float64)]
    + [(name, np.uint8) for name in ("dendritic", "sparse", "wide")],
)
def test_a_step_with_half_storage(backend, name, dtype):
    """Activations are float16; what comes of them differs by their rounding and no more."""
    rng = np.random.default_rng(4)
    images, labels = rng.normal(0, 1, (130, 100)), rng.integers(0, 3, 130)
    images = (np.abs(images) * 50 if dtype == np.uint8 else images).astype(dtype)
    results = []
    for each in (type(backend)(half=True), NumpyBackend()):
        made = stack(each, wide() if name == "wide" else small_stacks()[name])
        found = step(made, images[:, : made.inputs], labels, name == "dropout")
        results.append(found[:2] + found[3:4])
    assert results[0][0].dtype == np.float16
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 3e-3)
    assert np.abs(results[0][0] - results[1][0]).max() > 1e-5


def test_training_with_half_storage(backend, data):
    histories = []
    for half in (True, False):
        network = small(type(backend)(half=half), dropout=0.2)
        training = Training(optimizers.Adam(1e-2), batch_size=BATCH)
        _, history = trained(network, *data, epochs=3, training=training)
        histories.append(history.training_loss)
        classes = predict(network, data[0])
        assert (classes == data[1]).mean() == pytest.approx(evaluate(network, *data).accuracy)
    near(*histories, 1e-2)
    assert histories[0] != histories[1]


def test_half_storage_is_refused(backend):
    network = Network([layers.Dense(4, 2)], (2, 2, 1), backend=NumpyBackend(), dtype=np.float64)
    network.to(type(backend)(half=True))
    with pytest.raises(InputError, match=r"the network is float64"):
        predict(network, np.zeros((1, 4), np.uint8))


OPTIMIZERS = {
    "adam": optimizers.Adam(1e-2),
    "adamw": optimizers.AdamW(1e-2, 0.1, clip_norm=0.5),
    "nesterov": optimizers.SGD(0.05, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize(
    ("model", "optimizer", "frozen"),
    [("dann-r", "adam", ()), ("vann-lrf", "adamw", (0,)), ("dann-lrf", "nesterov", ())],
)
def test_training(backend, data, model, optimizer, frozen):
    """History and parameters of a whole training, with all that changes from step to step."""
    results = []
    for each in (backend, NumpyBackend()):
        network = models.build(
            model, (8, 8, 1), 10, dendrites=3, somata=8, synapses=5, layers=2, backend=each
        )
        training = Training(
            OPTIMIZERS[optimizer],
            batch_size=BATCH,
            schedule=lambda epoch, _: 1 / (1 + epoch),
            frozen=frozen,
        )
        parameters, history = trained(network, *data, epochs=3, training=training)
        figures = [history.training_loss, history.validation_loss, history.training_accuracy]
        state = [each.fetch(values) for values in training.state.values()]
        results.append((*figures, parameters, *state, evaluate(network, *data)))
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 5e-3)


@pytest.mark.parametrize("loss", [losses.Huber(0.5), losses.SigmoidCrossEntropy()])
def test_training_by_other_losses(backend, data, loss):
    """Weighted samples, several outputs, activations that are formulas."""
    rng = np.random.default_rng(3)
    images, labels = data
    targets, weights = (labels[:, None] == np.arange(3)).astype(float), rng.random(256)
    results = []
    for each in (backend, NumpyBackend()):
        chosen = [layers.Dense(64, 6), layers.Tanh(6), layers.Dense(6, 5), layers.Softplus(5)]
        network = Network([*chosen, layers.Dense(5, 3)], (8, 8, 1), backend=each)
        network.initialize(np.random.default_rng(1), glorot)
        parameters, history = trained(
            network, images, targets, loss=loss, sample_weight=weights, epochs=2
        )
        figures = evaluate(network, images, targets)
        results.append((parameters, history.training_loss, [figures.loss]))
    for actual, expected in zip(*results, strict=True):
        near(actual, expected, 1e-3)


def test_a_network_that_moves_while_it_is_trained(backend, data):
    network = small(backend)
    with pytest.raises(InputError, match=r"moved to backend 'numpy' after epoch 1 of its training"):
        trained(network, *data, looking_on=[lambda fitting: fitting.network.to("numpy")])
    assert evaluate(network, *data).accuracy > 0


def test_a_step_is_captured_once(backend, data, monkeypatch):
    """Python goes through it to rehearse, and twice for each length of a batch."""
    steps = []
    backward = layers.Dense.backward
    monkeypatch.setattr(
        layers.Dense, "backward", lambda *given: steps.append(1) or backward(*given)
    )
    trained(small(backend), *data, epochs=5)
    assert len(steps) == 1 + 2 * 2


def test_graphs_of_many_steps_do_the_same(backend, data, monkeypatch):
    found = []
    for steps in (1000, 4):
        monkeypatch.setattr(module(backend, "epoch_graphs"), "STEPS", steps)
        training = Training(batch_size=20)
        found.append(trained(small(backend, dropout=0.3), *data, training=training))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1].training_loss == found[1][1].training_loss


def test_the_same_seed_gives_the_same_bits(backend, data):
    found = [trained(small(backend, dropout=0.3), *data)[0] for _ in range(2)]
    np.testing.assert_array_equal(*found)


def test_threads_predict_and_train_at_once(backend, data):
    """What each computes is what it would alone."""
    images = data[0]
    network = small(backend)
    sizes = (1, 40, 200, 7)
    expected = [predict(network, images[:size], raw=True) for size in sizes]
    alone, _ = trained(small(backend), *data)

    def predicted(size):
        return predict(network, images[:size], raw=True)

    with ThreadPoolExecutor(4) as pool:
        under_way = pool.submit(trained, small(backend), *data)
        found = list(pool.map(predicted, sizes * 3))
        np.testing.assert_array_equal(under_way.result(120)[0], alone)
    for actual, wanted in zip(found, expected * 3, strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_a_training_goes_on_from_a_checkpoint(backend, data, tmp_path):
    """With dropout and early stopping; and its network is what it was on another backend."""
    whole, parts = (small(backend, dropout=0.3) for _ in range(2))
    expected, _ = trained(whole, *data, epochs=4, looking_on=[callbacks.EarlyStopping(9)])
    training = Training(batch_size=BATCH)
    patience = callbacks.EarlyStopping(9)
    fit(parts, *data, epochs=2, training=training, callbacks=[Kept(patience)])
    checkpoint.save(parts, tmp_path / "a.h5", training=training)
    state = checkpoint.read(tmp_path / "a.h5", backend=backend)
    found, _ = trained(
        state.network, *data, epochs=4, training=state.training, looking_on=[patience]
    )
    np.testing.assert_array_equal(found, expected)
    on_host = checkpoint.load(tmp_path / "a.h5", backend=NumpyBackend())
    np.testing.assert_array_equal(on_host.parameters, backend.fetch(parts.parameters))
    checkpoint.save(on_host, tmp_path / "b.h5")
    back = checkpoint.load(tmp_path / "b.h5", backend=backend)
    assert evaluate(back, *data) == evaluate(parts, *data)


class Kept(callbacks.Callback):
    """Early stopping that is interrupted before it ends."""

    def __init__(self, stopping):
        self.begin, self.epoch = stopping.begin, stopping.epoch


def test_a_training_moves_with_its_network(backend, data):
    found = []
    for path in ((NumpyBackend(), NumpyBackend()), (backend, NumpyBackend()), ("numpy", backend)):
        network = small(NumpyBackend())
        training = Training(batch_size=BATCH)
        for epochs, where in enumerate(path, start=1):
            assert network.to(where) is network
            parameters, _ = trained(network, *data, epochs=epochs, training=training)
        found.append(parameters)
    for parameters in found[1:]:
        near(parameters, found[0], 1e-3)


def test_evaluating_after_an_epoch_changes_nothing(backend, data, digits):
    test = digits.test_x, digits.test_y
    plain, _ = trained(small(backend), *data, epochs=3)
    evaluated, _ = trained(
        small(backend),
        *data,
        epochs=3,
        looking_on=[lambda fitting: evaluate(fitting.network, *test, batch_size=200)],
    )
    np.testing.assert_array_equal(plain, evaluated)


def test_images_that_do_not_fit_are_read_from_the_host(backend, data, monkeypatch):
    found, device = [], module(backend, "device")
    for share in (1, 0):
        monkeypatch.setattr(device, "MEMORY_SHARE", share)
        monkeypatch.setattr(device, "ALWAYS_PLACED", 10_000)
        found.append(trained(small(backend), *data)[0])
    np.testing.assert_array_equal(*found)


def test_arrays_on_the_device_are_used_where_they_are(backend, data):
    import cupy

    images, labels = data
    there = cupy.asarray(images), cupy.asarray(labels)
    one, other = small(backend), small(backend)
    found = [trained(one, images, labels), trained(other, *there)]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert evaluate(one, images, labels) == evaluate(one, *there)
    for probabilities in (False, True):
        answers = predict(one, there[0], probabilities=probabilities, batch_size=150)
        assert isinstance(answers, cupy.ndarray)
        expected = predict(one, images, probabilities=probabilities)
        assert type(expected) is np.ndarray
        np.testing.assert_allclose(answers.get(), expected, rtol=1e-5)
    on_host = one.to("numpy")
    assert type(predict(on_host, there[0])) is np.ndarray
    trained(on_host, *there, epochs=1)


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
        (lambda images, labels: images.fill(np.inf), "holds inf"),
        (lambda images, labels: labels.fill(10), "label 10 of sample 0 is out of range"),
    ],
)
def test_arrays_on_the_device_are_checked(backend, data, change, message):
    import cupy

    images, labels = cupy.asarray(data[0].astype(np.float32)), cupy.asarray(data[1])
    change(images, labels)
    with pytest.raises(InputError, match=message):
        fit(small(backend), images, labels)


@pytest.mark.parametrize(("order", "message"), [([3, 300], "index 300 at 1"), ([-1], "index -1")])
def test_an_order_on_the_device_is_checked(backend, data, order, message):
    import cupy

    session = Session(small(backend), *data)
    with pytest.raises(InputError, match=message):
        session.score(cupy.asarray(np.array(order)))


def test_sparse_matrices_share_memory(backend):
    network = small(backend)
    layer = network.layers[0]
    for matrix in (layer.synapses, layer.cables):
        matrix.data[0] = 7
    parameters = {name: backend.fetch(values) for name, values in layer.parameters.items()}
    assert parameters["synapses"][0] == parameters["cables"][0] == 7


def test_auto_is_a_gpu(backend):
    assert models.build("dann-r", (4, 4, 1), 2, dendrites=2, somata=2).backend.name == "cupy"
    assert backends.create("auto").name == "cupy"
