"""Epochs of steps that are captured once."""

import numpy as np
import pytest

from sparsedend.backends import NumpyBackend
from sparsedend.errors import InputError
from tests.backends.gpu.test_device import module

BATCH, IMAGES = 20, 300


def mixed(total, x, *rates):
    """Another number for every order of the steps, of their images and of their rates."""
    total = 0.5 * total + x
    for place, rate in enumerate(rates, start=1):
        total = total * 0.75 + place * rate
    return total


class Recorder:
    """A step that adds what it is given to a total, and the number of times that it was run."""

    def __init__(self, backend, numbers):
        self.backend = backend
        images = np.random.default_rng(1).random((IMAGES, 3))
        self.images = backend.place(images)
        width = backend.width(BATCH)
        self.batch = backend.batch(self.images, width, np.float64)
        self.total = backend.zeros((3, width), np.float64)
        self.calls = 0

    def __call__(self, order, rates, random):
        self.calls += 1
        self.backend.take_batch(self.images, order, self.batch)
        self.backend.elementwise(mixed, (self.total,), (self.total, self.batch), (), rates)


def expected(epochs, numbers):
    """Totals of the whole batches' columns, after epochs of (order, rates)."""
    step = Recorder(NumpyBackend(), numbers)
    for order, rates in epochs:
        for start, rate in zip(range(0, len(order), BATCH), rates, strict=True):
            step.batch[:] = 0
            step(order[start : start + BATCH], rate, None)
    return step.total


def epochs_of(sizes, numbers):
    rng = np.random.default_rng(2)
    for size in sizes:
        rates = [tuple(rng.random(numbers)) for _ in range(-(-size // BATCH))]
        yield rng.permutation(IMAGES)[:size], rates


@pytest.mark.parametrize("numbers", [0, 1, 3])
@pytest.mark.parametrize("steps", [1000, 4])
def test_each_batch_in_turn(backend, monkeypatch, steps, numbers):
    """Eleven whole batches and a shorter one, alone and four at once; epochs of other lengths."""
    monkeypatch.setattr(module(backend, "epoch_graphs"), "STEPS", steps)
    epochs = list(epochs_of((230, 230, 230, 7, 60, 60), numbers))
    step = Recorder(backend, numbers)
    with backend.limited():
        epoch = backend.batches(step, BATCH)
        for number, (order, rates) in enumerate(epochs):
            assert len(list(epoch(order, rates, None))) == len(rates)
            if number == 2:
                # Whole batches directly and in each of their graphs; shorter ones twice.
                assert step.calls == 1 + 1 + 2 + (4 if steps == 4 else 0)
    total = backend.fetch(step.total)[:, :BATCH]
    np.testing.assert_allclose(total, expected(epochs, numbers), rtol=1e-13)


def test_batches_larger_than_what_there_is(backend):
    (epoch_of,) = epochs_of((15,), 1)
    step = Recorder(backend, 1)
    with backend.limited():
        assert len(list(backend.batches(step, 10**9)(*epoch_of, None))) == 1
    total = backend.fetch(step.total)[:, :BATCH]
    np.testing.assert_allclose(total, expected([epoch_of], 1), rtol=1e-13)


def test_rates_are_as_many_as_batches(backend):
    with backend.limited():
        epoch = backend.batches(lambda *_: None, 10)
        with pytest.raises(InputError, match="3 rates for 2 batches: give an entry for each"):
            list(epoch(np.arange(20), [(1.0,)] * 3, None))
        assert list(epoch(np.arange(0), [], None)) == []


@pytest.fixture
def dropping(backend):
    """What is dropped from ones, twice in each of twelve steps: (12, 2, 32) factors."""
    x, ones = (backend.place(np.ones((2, 32, 128), np.float32)) for _ in range(2))
    factors = backend.zeros((2, 32, 128), np.float32)

    def product(a, b):
        return a * b

    def step(order, rates, random):
        backend.elementwise(product, (x,), (ones, ones))
        backend.elementwise(product, (factors,), (ones, ones))
        if random is not None:
            for place in range(2):
                backend.dropout(x[place], 1, random, 0.5, factors[place])

    epoch = backend.batches(step, 1)

    def run(random):
        if isinstance(random, int):
            random = np.random.default_rng(random)
        with backend.limited():
            found = [
                backend.fetch(factors)[..., 0] for _ in epoch(np.arange(12), [()] * 12, random)
            ]
        return np.array(found)

    return run


def test_every_dropout_of_every_step_drops_others(dropping):
    """Two in a step, one step and the next, one epoch and the next of another key."""
    epochs = [dropping(seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    rows = np.concatenate(epochs[1:]).reshape(48, 32)
    assert set(np.unique(rows)) == {0, 2}
    assert len(np.unique(rows, axis=0)) == 48
    assert np.mean(rows == 0) == pytest.approx(0.5, abs=0.05)


def test_what_is_dropped_stays_the_same(dropping):
    """From version to version: the first and last step of a seed, bit by bit."""
    dropped = np.packbits(dropping(1)[[0, 11]] == 0).tobytes()
    assert dropped.hex() == "9377f4d98d32cafb029fde477b212fd0"


def test_steps_of_one_graph_drop_what_each_would_alone(backend, dropping, monkeypatch):
    """Seen after every fourth."""
    alone = dropping(1)
    monkeypatch.setattr(module(backend, "epoch_graphs"), "STEPS", 4)
    np.testing.assert_array_equal(dropping(1), alone[3::4].repeat(4, axis=0))


def test_steps_with_and_without_random_numbers_are_kept_apart(dropping):
    for seed in (None, 1, None, 1):
        found = dropping(seed)
        assert (found == 1).all() if seed is None else (found != 1).all()


def test_a_generator_gives_one_key_an_epoch(dropping):
    """And no more: a training that goes on from a checkpoint goes on with the same numbers."""
    generator, other = (np.random.default_rng(5) for _ in range(2))
    dropping(generator)
    other.integers(2**32, size=2, dtype=np.uint32)
    assert generator.bit_generator.state == other.bit_generator.state
