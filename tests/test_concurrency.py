"""Any number of threads on one network, beside trainings: the bits of one call after the other."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, Training, evaluate, fit, predict

#: Batches of one and of several tiles, whole and not; all of 1 … 200 in the long run.
SIZES = (1, 5, 16, 70, 128, 129, 200)


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    return request.param


def small(backend, threads=2, **options):
    engine = sd.backends.create(backend, threads)
    sizes = {"dendrites": 4, "somata": 16, "synapses": 9} | options
    return sd.models.build("dann-lrf", (8, 8, 1), 10, backend=engine, **sizes)


def mixed_predictions_beside_a_training(backend, digits, sizes, predictions, epochs):
    network, trained, alone = (small(backend, seed=seed) for seed in (1, 2, 2))
    x, wrong = digits.test_x, []
    expected = {size: predict(network, x[:size], raw=True, batch_size=200) for size in sizes}

    def work(seed):
        for size in np.random.default_rng(seed).choice(sizes, predictions):
            answer = predict(network, x[:size], raw=True, batch_size=200)
            if not np.array_equal(answer, expected[size]):
                wrong.append(size)

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(work, seed) for seed in range(8)]
        fit(trained, digits.train_x, digits.train_y, epochs=epochs)
        for job in jobs:
            job.result()
    assert wrong == []
    fit(alone, digits.train_x, digits.train_y, epochs=epochs)
    np.testing.assert_array_equal(trained.parameters, alone.parameters)


def test_mixed_predictions_beside_a_training(backend, digits):
    mixed_predictions_beside_a_training(backend, digits, SIZES, predictions=60, epochs=8)


@pytest.mark.long
def test_thousands_of_mixed_predictions_beside_a_training(backend, digits):
    sizes = range(1, 201)
    mixed_predictions_beside_a_training(backend, digits, sizes, predictions=1000, epochs=100)


def test_predictions_beside_a_training_of_the_same_network(backend, digits):
    """They see parameters of before, after or between two steps, and leave no trace."""
    alone, watched = small(backend), small(backend)
    arguments = (digits.train_x, digits.train_y)
    fit(alone, *arguments, epochs=5)
    over = threading.Event()

    def look():
        seen = 0
        while not over.is_set() or not seen:
            assert np.isfinite(predict(watched, digits.test_x[: 1 + seen % 200], raw=True)).all()
            assert np.isfinite(evaluate(watched, digits.test_x, digits.test_y).loss)
            seen += 1

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(look) for _ in range(3)]
        try:
            fit(watched, *arguments, epochs=5)
        finally:
            over.set()
        for job in jobs:
            job.result()
    np.testing.assert_array_equal(watched.parameters, alone.parameters)


def test_trainings_side_by_side(backend, digits):
    """Of networks of their own, each on threads of its own."""
    arguments = (digits.train_x[:300], digits.train_y[:300])
    alone = [small(backend, threads, seed=threads) for threads in (1, 2)]
    together = [small(backend, threads, seed=threads) for threads in (1, 2)]
    for network in alone:
        fit(network, *arguments, epochs=4)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda network: fit(network, *arguments, epochs=4), together))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)


def test_one_network_is_trained_by_one_thread(backend, digits):
    network = small(backend)
    arguments = (digits.train_x[:100], digits.train_y[:100])
    begun, refused = threading.Event(), threading.Event()

    def wait(_):
        begun.set()
        assert refused.wait(30)

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(fit, network, *arguments, epochs=1, callbacks=[wait])
        assert begun.wait(30)
        session = sd.Session(network, *arguments)
        session.score([0])
        try:
            with pytest.raises(InputError, match="the network is being trained already, in this"):
                fit(network, *arguments, epochs=1)
            with pytest.raises(InputError, match="train a copy of it"):
                session.train_step(Training(), [0])
        finally:
            refused.set()
        job.result()
    fit(network, *arguments, epochs=1)


def test_buffers_go_with_their_thread(backend, digits):
    network = small(backend)

    def work():
        predict(network, digits.test_x)
        return weakref.ref(network.kept.workspace)

    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(work).result()
        assert kept() is not None
    gc.collect()
    assert kept() is None
    assert not hasattr(network.kept, "workspace")


def test_sessions_of_one_network_do_not_meet(backend, digits):
    """Taking turns, batch by batch, in one thread."""
    network = small(backend)
    one, other = (
        sd.Session(network, digits.test_x, digits.test_y, batch_size=size) for size in (100, 30)
    )
    one.score(np.arange(100))
    one.backward()
    gradients = one.gradients.copy()
    outputs = one.forward(np.arange(100)).copy()
    one.score(np.arange(100))
    other.score(np.arange(30))
    other.forward(np.arange(7))
    np.testing.assert_array_equal(one.forward(np.arange(100)), outputs)
    one.score(np.arange(100))
    other.score(np.arange(30))
    other.backward()
    one.backward()
    np.testing.assert_array_equal(one.gradients, gradients)
    assert not np.array_equal(other.gradients, gradients)
