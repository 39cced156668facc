"""Few samples, answered fast: as `predict` answers them, from any number of threads."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.sparse import csr_array

import sparsedend as sd
from sparsedend import InputError, Predictor, losses, predict
from tests.conftest import small_stacks


def network(backend="numba", threads=2, **options):
    engine = sd.backends.create(backend, threads)
    sizes = {"dendrites": 4, "somata": 16, "synapses": 9} | options
    return sd.models.build("dann-lrf", (8, 8, 1), 10, backend=engine, **sizes)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("kind", [{}, {"probabilities": True}, {"raw": True}])
def test_it_answers_as_predict_does(backend, size, kind, digits):
    made = network(backend)
    predictor = Predictor(made, size, **kind)
    bytes_ = digits.test_x[:60]
    for x in (bytes_, bytes_ / np.float32(255), bytes_.reshape(60, 64) / 255):
        for start in range(0, 60, size):
            found = predictor(x[start : start + size])
            expected = predict(made, x[start : start + size], batch_size=size, **kind)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype


@pytest.mark.parametrize("stack", list(small_stacks()))
def test_networks_of_every_layer(stack):
    layers, shape = small_stacks()[stack]
    made = sd.Network(layers, shape, loss=losses.MeanSquaredError())
    made.parameters += np.random.default_rng(0).standard_normal(made.size)
    x = np.random.default_rng(1).standard_normal((7, made.inputs)).astype(np.float32)
    predictor = Predictor(made, 2)
    predictor.warmup()
    for start in (0, 2, 4, 6):
        part = x[start : start + 2]
        np.testing.assert_array_equal(predictor(part), predict(made, part))


def test_fewer_samples_and_what_earlier_calls_left(backend, digits):
    """A call sees nothing of another one's samples, and its answer is not overwritten."""
    made, x = network(backend), digits.test_x
    predictor = Predictor(made, 20, raw=True)
    first = predictor(x[:20])
    kept = first.copy()
    expected = predict(made, x[20:40], raw=True, batch_size=20)[:3]
    np.testing.assert_array_equal(predictor(x[20:23]), expected)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(predictor(x[:20]), kept)


def test_any_array_will_do(digits):
    made = network()
    predictor = Predictor(made, 3, raw=True)
    x = (digits.test_x[:3] / np.float32(255)).reshape(3, 64)
    expected = predict(made, x, raw=True, batch_size=3)
    read_only = x.copy()
    read_only.flags.writeable = False
    for given in (x.tolist(), csr_array(x), np.asfortranarray(x), read_only, x.astype(">f4")):
        np.testing.assert_array_equal(predictor(given), expected)
    # Of every second one, and of large numbers.
    np.testing.assert_array_equal(predictor(x[::2]), expected[::2])
    huge = np.full((1, 64), 1e30, np.float32)
    np.testing.assert_array_equal(predictor(huge), predict(made, huge, raw=True))


def test_it_follows_the_network(digits):
    made, x = network(), digits.test_x[:1]
    predictor = Predictor(made, raw=True)
    before = predictor(x)
    sd.fit(made, digits.train_x[:200], digits.train_y[:200], epochs=1, callbacks=[])
    assert not np.array_equal(predictor(x), before)
    np.testing.assert_array_equal(predictor(x), predict(made, x, raw=True))
    made.to("numpy")
    with pytest.raises(InputError, match="moved to backend 'numpy': make a new predictor"):
        predictor(x)


def test_threads_beside_a_training(backend, digits):
    made, trained = network(backend), network(backend, seed=2)
    x = digits.test_x
    expected = predict(made, x, raw=True, batch_size=2)
    predictor, wrong = Predictor(made, 2, raw=True), []
    start = threading.Barrier(4)

    def work(seed):
        start.wait(30)
        for at in np.random.default_rng(seed).integers(0, len(x) - 1, 200):
            if not np.array_equal(predictor(x[at : at + 2]), expected[at : at + 2]):
                wrong.append(at)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work, seed) for seed in range(4)]
        sd.fit(trained, digits.train_x[:300], digits.train_y[:300], epochs=2, callbacks=[])
        for job in jobs:
            job.result()
    assert wrong == []
    free = predictor._free[np.dtype(np.uint8)]
    assert 1 <= len(free) <= 4
    assert len(set(map(id, free))) == len(free)


def test_a_warm_predictor_compiles_nothing(digits):
    made = network(threads=1)
    predictor = Predictor(made, 5, probabilities=True)
    predictor.warmup()
    compiled = []
    with made.backend.compilation(lambda: compiled.append(True)):
        for x in (digits.test_x, digits.test_x / np.float32(255)):
            predictor(x[:5])
            predictor(x[:2])
    assert compiled == []


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies_have_a_network_and_buffers_of_their_own(copied, digits):
    predictor, x = Predictor(network(), 3, probabilities=True), digits.test_x[:3]
    expected = predictor(x)
    twin = copied(predictor)
    predictor.network.parameters[:] = 0
    np.testing.assert_array_equal(twin(x), expected)
    assert twin.batch_size == 3


def test_an_error_leaves_the_predictor_usable(digits):
    made, x = network(), digits.test_x[:1] / np.float32(255)
    predictor = Predictor(made)
    expected = predictor(x)
    for wrong, message in (
        (np.full((1, 64), np.nan, np.float32), "image 0 holds nan at value 0"),
        (np.full((1, 64), np.inf, np.float32), "image 0 holds inf"),
        (np.zeros((1, 65), np.float32), r"images have shape \(1, 65\)"),
        (np.zeros((0, 64), np.float32), "there are no samples"),
        (np.zeros((2, 64), np.float32), "there are 2 samples, but the predictor has room for 1"),
        (np.zeros((1, 64), complex), "the inputs are complex128"),
    ):
        with pytest.raises(InputError, match=message):
            predictor(wrong)
        np.testing.assert_array_equal(predictor(x), expected)


def test_what_a_predictor_is_not_made_of():
    made = network()
    with pytest.raises(InputError, match="raw outputs and probabilities are both asked for"):
        Predictor(made, raw=True, probabilities=True)
    with pytest.raises(InputError, match="batch size is 0"):
        Predictor(made, 0)
    made.loss = losses.MeanSquaredError()
    with pytest.raises(InputError, match="probabilities are asked for, but MeanSquaredError"):
        Predictor(made, probabilities=True)


def test_bytes_of_a_table_are_numbers():
    made = sd.models.build("dann-r", 9, 3, dendrites=2, somata=4, synapses=4)
    predictor = Predictor(made, raw=True)
    predictor.warmup()
    x = np.arange(9, dtype=np.uint8)[None]
    np.testing.assert_array_equal(predictor(x), predict(made, x.astype(np.float32), raw=True))


def test_repr():
    made = network()
    assert repr(Predictor(made, 7)) == f"<Predictor of up to 7 samples, {made.size:,} parameters>"
