"""A batch has as many copies as there are threads, each filled and read by its own."""

import gc

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import backends
from sparsedend.backends.cpu import copies
from sparsedend.layers import Dense, Sparse, Tanh
from tests.conftest import uneven


def connected(rows, columns):
    return uneven(np.random.default_rng(4), rows, columns)


IMAGES = np.random.default_rng(1).integers(0, 256, (90, 784), dtype=np.uint8)


def batch_of(threads=2, images=IMAGES, width=64, dtype=np.float32):
    backend = backends.create("numba", threads)
    return backend, backend.batch(images, width, dtype, sparse_readers=True)


def all_copies(batch, number):
    """The batch, and what lies where its copies should be."""
    shape, strides = (number, *batch.shape), (copies.step(batch), *batch.strides)
    return np.lib.stride_tricks.as_strided(batch, shape, strides)


def test_copies_are_known_for_as_long_as_they_live():
    gc.collect()
    before = len(copies._steps)
    _, batch = batch_of()
    assert copies.step(batch) == copies.step(batch.view(np.uint32)) == batch.nbytes
    assert copies.step(batch[1:]) == copies.step(3) == copies.step(None) == 0
    assert len(copies._steps) == before + 1
    del batch
    assert len(copies._steps) == before


def test_one_thread_and_large_batches_have_none():
    for given in ({"threads": 1}, {"width": 8192}):
        _, batch = batch_of(**given)
        assert copies.step(batch) == 0


@pytest.mark.parametrize("images", [IMAGES, IMAGES / np.float32(255)])
def test_every_copy_is_filled_and_read(images, all_threads):
    backend, batch = batch_of(images=images)
    structure = connected(40, 784)
    weights, bias = np.ones(structure.nnz, np.float32), np.zeros(40, np.float32)
    out = backend.zeros((40, 64), np.float32)

    def step(samples, order, rates, random):
        backend.take_batch(samples, order, batch)
        backend.sparse_forward(batch, structure, weights, bias, out)

    repeated, order = backend.repeated(step), np.arange(64)
    with backend.limited():
        repeated(images, order, (), None)
        expected = out.copy()
        filled = all_copies(batch, 2)
        filled[1] = 0
        known = repeated._known[True].program
        known.run(order, 2)
    np.testing.assert_array_equal(filled[1], filled[0])
    np.testing.assert_array_equal(out, expected)
    # Each part of what reads has an address of its own.
    *_, one, other = known._all[:, 1]
    assert known.words[other + 5] - known.words[one + 5] == batch.nbytes


def test_a_batch_that_others_have_filled_is_read_where_it_is(all_threads):
    """Its copies may be those of an earlier one."""
    backend, batch = batch_of()
    structure = connected(40, 784)
    weights, bias = np.ones(structure.nnz, np.float32), np.zeros(40, np.float32)
    out = backend.zeros((40, 64), np.float32)

    def read(samples, order, rates, random):
        backend.sparse_forward(batch, structure, weights, bias, out)

    repeated, order = backend.repeated(read), np.arange(64)
    with backend.limited():
        backend.take_batch(IMAGES, order, batch)
        repeated(IMAGES, order, (), None)
        expected, out[:] = out.copy(), 0
        all_copies(batch, 2)[1] = 0
        repeated._known[True].program.run(order, 2)
    np.testing.assert_array_equal(out, expected)


def spoil(x):
    """Formula."""
    return x + 1


def test_who_writes_into_a_batch_has_the_only_one(all_threads):
    """In the copies of others it would be missing."""
    backend, batch = batch_of(images=IMAGES / np.float32(255))
    structure = connected(40, 784)
    weights, bias = np.ones(structure.nnz, np.float32), np.zeros(40, np.float32)
    out = backend.zeros((40, 64), np.float32)

    def step(samples, order, rates, random):
        backend.take_batch(samples, order, batch)
        backend.elementwise(spoil, (batch,), (batch,))
        backend.sparse_forward(batch, structure, weights, bias, out)

    repeated, order = backend.repeated(step), np.arange(64)
    images = IMAGES / np.float32(255)
    with backend.limited():
        repeated(images, order, (), None)
        expected = out.copy()
        for _ in range(20):
            out[:] = 0
            repeated._known[True].program.run(order, 2)
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    "first", [lambda: Tanh(30), lambda: Dense(30, 30), lambda: Sparse(connected(30, 30))]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_networks_of_two_threads_have_the_bits_of_one(first, dtype, all_threads):
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (100, 30, 1, 1), np.uint8), rng.integers(0, 4, 100)
    x = x if dtype == np.uint8 else x / np.float32(255)
    found = []
    for threads in (1, 2):
        engine = backends.create("numba", threads)
        network = sd.Network([first(), Dense(30, 4)], (30, 1, 1), backend=engine)
        network.initialize(np.random.default_rng(3), sd.initializers.glorot)
        training = sd.Training(batch_size=33)
        sd.fit(network, x, y, epochs=3, training=training, callbacks=[])
        found.append(network.parameters)
    np.testing.assert_array_equal(*found)
