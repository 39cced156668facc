"""Streams, captures and memory of the device."""

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sparsedend import backends
from sparsedend.backends import cuda
from sparsedend.errors import InputError
from tests.conftest import uneven
from tests.emulation import library


def add_one(x):
    return x + 1


def module(backend, name):
    """A module of the backend's folder, which each test imports anew."""
    return sys.modules[f"{type(backend).__module__.rpartition('.')[0]}.{name}"]


@pytest.fixture
def worker():
    """Another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function: pool.submit(function).result(60)


@pytest.fixture
def outer(emulated):
    """The stream on which a caller queues."""
    stream = library.Stream()
    with stream:
        yield stream


def test_a_stream_waits_for_the_callers_and_that_for_it(outer):
    backend = backends.create("cupy")
    with backend.limited():
        own = library.get_current_stream()
        assert own is not outer
        assert (own.waits, outer.waits) == ([outer], [])
    assert library.get_current_stream() is outer
    assert (own.waits, outer.waits) == ([outer], [own])
    with pytest.raises(ZeroDivisionError), backend.limited():
        _ = 1 / 0
    assert (own.waits, outer.waits) == ([outer] * 2, [own] * 2)


def test_each_thread_has_a_stream_of_its_own(emulated, worker):
    backend = backends.create("cupy")

    def stream():
        with backend.limited():
            return library.get_current_stream()

    streams = [stream(), worker(stream), stream(), worker(stream)]
    assert streams[0] is streams[2] is not streams[1] is streams[3]
    device = module(backend, "device")
    assert device.sums() is device.sums()
    assert worker(device.sums) is not device.sums()


def test_what_a_thread_queues_is_not_in_anothers_graph(backend, worker):
    """While one captures, the other launches, with the same backend."""
    x, y = (backend.zeros(5, np.float32) for _ in range(2))
    calls = []

    def beside():
        with backend.limited():
            backend.elementwise(add_one, (y,), (y,))

    def step(order, rates, random):
        calls.append(len(calls))
        backend.elementwise(add_one, (x,), (x,))
        if len(calls) == 2:  # The first is done directly, this one is captured.
            worker(beside)
            backend.elementwise(add_one, (x,), (x,))

    with backend.limited():
        epoch = backend.batches(step, 1)
        for _ in range(2):
            list(epoch(np.arange(4), [()] * 4, None))
    assert len(calls) == 2
    np.testing.assert_array_equal(backend.fetch(y), 1)
    np.testing.assert_array_equal(backend.fetch(x), 1 + 7 * 2)


def test_two_threads_train_side_by_side(backend, worker):
    """Each captures and replays what is its own."""

    def train(steps):
        x = backend.zeros(5, np.float32)

        def step(order, rates, random):
            backend.elementwise(add_one, (x,), (x,))
            backend.clip_norm(x, steps)

        with backend.limited():
            for _ in backend.batches(step, 1)(np.arange(steps), [()] * steps, None):
                yield
            found = backend.fetch(x)
        yield found

    one, other = train(9), train(5)
    for _ in range(5):
        next(one)
        worker(lambda: next(other))
    assert worker(lambda: next(other)) == pytest.approx(5 / 5**0.5, rel=1e-6)
    assert list(one)[-1] == pytest.approx(9 / 5**0.5, rel=1e-6)


def test_what_one_thread_makes_of_a_structure_another_may_use(backend, rng, worker):
    """Both work on streams of their own meanwhile, and neither waits for the other."""
    there = backend.connections(uneven(rng, 9, 12))
    weights, delta = (backend.place(np.ones(n, np.float32)) for n in (there.nnz, (9, 128)))
    out = backend.zeros((12, 128), np.float32)

    def make():
        with backend.limited():
            return there.transposed, there.rows

    with backend.limited():
        transposed, rows = worker(make)
        backend.sparse_input_gradient(there, transposed, weights, delta, out)
        found = backend.fetch(out)[:, 0]
        np.testing.assert_array_equal(backend.fetch(rows), there._host.rows)
    np.testing.assert_array_equal(found, np.diff(backend.fetch(transposed.indptr)))


def test_garbage_is_not_collected_while_a_graph_is_captured(backend):
    seen = []

    def step(order, rates, random):
        seen.append(gc.isenabled())

    with backend.limited():
        list(backend.batches(step, 1)(np.arange(3), [()] * 3, None))
        assert gc.isenabled()
        gc.disable()
        try:
            list(backend.batches(step, 1)(np.arange(3), [()] * 3, None))
            assert not gc.isenabled()
        finally:
            gc.enable()
    assert seen == [True, False, False, False]


def test_a_step_that_fails_while_it_is_captured(backend):
    """Its own error is raised, and the stream and the collector are as they were."""
    x, calls = backend.zeros(5, np.float32), []

    def step(order, rates, random):
        calls.append(1)
        backend.elementwise(add_one, (x,), (x,))
        if len(calls) == 2:
            raise KeyError("of the step")

    with backend.limited():
        epoch = backend.batches(step, 1)
        with pytest.raises(KeyError, match="of the step"):
            list(epoch(np.arange(3), [()] * 3, None))
        assert gc.isenabled()
        np.testing.assert_array_equal(backend.fetch(x), 1)
        list(epoch(np.arange(3), [()] * 3, None))
    np.testing.assert_array_equal(backend.fetch(x), 4)


def test_a_child_of_fork_is_told_what_to_do(emulated, monkeypatch):
    backend = backends.create("cupy")
    parent = os.getpid()
    monkeypatch.setattr(cuda.os, "getpid", lambda: parent + 1)
    message = rf"forked from process {parent} after.*'spawn' or 'forkserver', or use backend"
    with pytest.raises(InputError, match=message), backend.limited():
        pass
    assert not cuda.available()
    monkeypatch.undo()
    with backend.limited():
        pass


def test_an_upload_is_not_overwritten_before_it_is_copied(backend, monkeypatch):
    made = module(backend, "device").Upload(3)
    copied = made._copied
    events = []
    made._copied = type("", (), {})()
    made._copied.synchronize = lambda: events.append(made._host.copy()) or copied.synchronize()
    made._copied.record = lambda stream: events.append(made._host.copy()) or copied.record(stream)
    for numbers in ([0.5, 1.5], [2.5, 3.5]):
        made.write(np.array([1, 2], np.uint32), np.array(numbers))
        np.testing.assert_array_equal(backend.fetch(made.words)[1:].view(float), numbers)
        np.testing.assert_array_equal(backend.fetch(made.words[:1].view(np.uint32)), [1, 2])
    # Waited for while the last ones still stood there, recorded when the new ones did.
    np.testing.assert_array_equal(events[1], events[2])
    assert (events[2] != events[3]).any()


def test_arrays_that_do_not_fit_stay_on_the_host(backend, monkeypatch):
    device, locked = module(backend, "device"), []
    page_locked = device._page_locked
    monkeypatch.setattr(
        device, "_page_locked", lambda *given: locked.append(given) or page_locked(*given)
    )
    monkeypatch.setattr(device, "ALWAYS_PLACED", 100)
    monkeypatch.setattr(device, "MEMORY_SHARE", 0)
    images = np.arange(300, dtype=np.float32).reshape(20, 15)
    small, large = backend.place(images[0]), backend.place(images)
    assert locked == [((20, 15), np.float32)]
    assert backend.place(large) is large
    images += 1
    out = backend.batch(large, 128, np.float32)
    backend.take_batch(large, small.astype(np.int64), out)
    np.testing.assert_array_equal(backend.fetch(out)[:, :15], images[:15].T - 1)
