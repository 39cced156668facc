"""What a caller gives: tables, images and sparse matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sparsedend import (
    InputError,
    Predictor,
    Session,
    Training,
    backends,
    evaluate,
    fit,
    models,
    predict,
    train_on_batch,
    vjp,
)
from sparsedend.samples import checked_inputs

CPU = ("numpy", "numba")


def network(features=9, outputs=3, backend="numpy", dtype=np.float32):
    return models.build(
        *("dann-r", features, outputs),
        **{"dendrites": 3, "somata": 5, "synapses": 4, "dtype": dtype},
        backend=backends.create(backend),
    )


def table(samples=50, features=9, dtype=np.float32, seed=1):
    """A sparse matrix with an empty row and an empty column."""
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((samples, features)) * (rng.random((samples, features)) < 0.3)
    dense[0] = dense[:, -1] = 0
    return sparse.csr_array(dense.astype(dtype))


@pytest.mark.parametrize("backend", CPU)
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr"])
def test_sparse_and_dense_rows_train_the_same_network(backend, form):
    made, twin = network(backend=backend), network(backend=backend)
    rows, labels = table(150).asformat(form), np.arange(150) % 3
    histories = [
        fit(each, x, labels, epochs=2, callbacks=[], training=Training(batch_size=64))
        for each, x in ((made, rows), (twin, rows.toarray()))
    ]
    assert histories[0].validation_loss == histories[1].validation_loss
    np.testing.assert_array_equal(made.parameters, twin.parameters)
    np.testing.assert_array_equal(
        predict(made, rows, raw=True), predict(twin, rows.toarray(), raw=True)
    )
    assert evaluate(made, rows, labels) == evaluate(twin, rows.toarray(), labels)


@given(st.integers(1, 40), st.integers(4, 70), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_batches_of_sparse_rows_are_those_of_dense_ones(samples, features, density, seed):
    rng = np.random.default_rng(seed)
    dense = rng.standard_normal((samples, features)) * (rng.random((samples, features)) < density)
    made = network(features, backend="numba", dtype=np.float64)
    order = rng.integers(0, samples, rng.integers(1, 100))
    outputs = []
    for x in (dense, sparse.csr_array(dense)):
        session = Session(made, x, batch_size=1, training=False)
        assert len(session) == samples
        outputs.append(np.concatenate([session.forward([i])[:, :1] for i in order]))
    np.testing.assert_array_equal(*outputs)
    backend = made.backend
    width = backend.width(order.size)
    batches = [backend.batch(dense, width, np.float64) for _ in range(2)]
    batches[1][:] = np.nan
    backend.take_batch(dense, order, batches[0])
    backend.take_batch(checked_inputs(made, sparse.csr_array(dense)), order, batches[1])
    np.testing.assert_array_equal(*(each[:, : order.size] for each in batches))
    assert np.isfinite(batches[1]).all()


def test_a_sparse_matrix_is_not_changed_and_its_structure_is_copied():
    made = network()
    values, columns = np.array([1.0, 2.0, 4.0, 8.0]), np.array([5, 2, 2, 0])
    given_ = sparse.csr_array((values, columns, [0, 3, 4]), shape=(2, 9))
    rows = checked_inputs(made, given_)
    np.testing.assert_array_equal(rows[np.array([0])], [[0, 0, 6, 0, 0, 1, 0, 0, 0]])
    assert given_.indices.tolist() == [5, 2, 2, 0]
    assert given_.data.tolist() == [1, 2, 4, 8]
    tidy = table()
    rows = checked_inputs(made, tidy)
    assert np.shares_memory(rows.values, tidy.data)
    tidy.indices[:] = 10**9
    assert rows.structure.indices.max() < 9
    assert not rows.structure.indices.flags.writeable
    longer = table()
    longer.indices = np.append(longer.indices, [0, 0])
    longer.data = np.append(longer.data, [7.0, 7.0]).astype(np.float32)
    checked_inputs(made, longer)
    assert len(longer.indices) == len(longer.data) == table().nnz + 2


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
def test_what_scipy_would_read_beyond_its_arrays_is_refused(form):
    """Also where it would have to convert them."""
    given = table().asformat(form)
    given.indices[3] = 10**8
    with pytest.raises(InputError, match="no valid sparse matrix"):
        checked_inputs(network(), given)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_bytes_of_a_table_are_numbers_and_of_an_image_pixels(form):
    values = np.array([[0, 51, 255, 102], [1, 2, 0, 4]], np.uint8)
    images = models.build("dann-r", (2, 2, 1), 2, synapses=2, backend=backends.NumpyBackend())
    rows = network(4)
    for made, scale in ((images, 255), (rows, 1)):
        expected = predict(made, values.astype(np.float32) / scale, raw=True)
        np.testing.assert_allclose(predict(made, form(values), raw=True), expected, rtol=1e-5)


def broken(name, values):
    matrix = table()
    setattr(matrix, name, np.asarray(values, getattr(matrix, name).dtype))
    return matrix


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            table(features=8),
            r"rows have shape \(50, 8\), but the network takes .*: 9",
        ),
        (table().astype(complex), "the inputs are complex128: give real numbers"),
        (sparse.csr_array((0, 9)), "there are no samples"),
        (table(dtype=np.float64) * 1e300, r"row \d holds .*e\+.* at feature \d: give finite"),
        (sparse.csr_array([[0] * 9, [0, 0, np.nan] + [0] * 6]), "row 1 holds nan at feature 2"),
        (broken("indices", [9] * table().nnz), r"no valid sparse matrix \(.*must be < 9"),
        (broken("indptr", [5] * 51), "no valid sparse matrix"),
    ],
)
def test_a_sparse_matrix_that_cannot_be_used(rows, message):
    with pytest.raises(InputError, match=message):
        predict(network(), rows)


def test_sparse_targets_are_refused():
    with pytest.raises(InputError, match=r"targets are a SciPy sparse csr_array of shape \(50, 9"):
        fit(network(), table(), table())


def test_a_gpu_takes_no_sparse_rows():
    made = network()
    made.backend.name = "cupy"
    with pytest.raises(InputError, match=r"csr_array, but the network computes on a GPU: move it"):
        predict(made, table())


def test_sparse_images_that_look_like_bytes():
    images = models.build("dann-r", (3, 3, 1), 3, synapses=2, backend=backends.NumpyBackend())
    rows = table() * 0
    rows.data[3] = 255
    with pytest.warns(UserWarning, match="values up to 255"):
        fit(images, rows, np.arange(50) % 3, epochs=1, callbacks=[])


#: Whole numbers that every dtype holds.
ROWS = np.array([[0, 1, 7, 100], [3, 0, 1, 2], [1, 1, 0, 5]])
NUMBERS = [
    *("float32", "float64", "float16", ">f4", ">f8", "<f2", ">f2"),
    *("uint8", "int8", "int64", "uint64", ">i4", "uint16"),
]


@pytest.mark.parametrize("backend", CPU)
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sparse.csr_array, list])
def test_numbers_of_a_table_count_as_what_they_are_in_every_dtype(backend, form):
    made = network(4, backend=backend)
    expected = predict(made, ROWS.astype(np.float32), raw=True)
    for dtype in NUMBERS:
        of_scipy = np.dtype(dtype).isnative and dtype not in ("float16", "<f2")
        if form is sparse.csr_array and not of_scipy:
            continue
        given_ = form(ROWS.astype(dtype))
        np.testing.assert_allclose(predict(made, given_, raw=True), expected, rtol=1e-6)
    flags = ROWS > 0
    expected = predict(made, flags.astype(np.float32), raw=True)
    np.testing.assert_array_equal(predict(made, form(flags), raw=True), expected)


def test_numbers_of_images():
    images = models.build("dann-r", (2, 2, 1), 2, synapses=2, backend=backends.NumpyBackend())
    values = np.array([[0, 0.5, 1, 0.25]])
    expected = predict(images, values, raw=True)
    for dtype in ("float16", "float32", ">f8"):
        np.testing.assert_allclose(predict(images, values.astype(dtype), raw=True), expected)
    flags = np.array([[True, False, True, True]])
    expected = predict(images, flags.astype(float), raw=True)
    np.testing.assert_array_equal(predict(images, flags, raw=True), expected)
    for dtype in (np.int64, np.uint16, np.int8):
        with pytest.raises(InputError, match=r"inputs are u?int\d+: give uint8 \(0 … 255\) or flo"):
            predict(images, flags.astype(dtype))


@pytest.mark.parametrize("backend", CPU)
def test_nothing_that_is_given_is_changed(backend):
    """Neither by a fit, nor in any other way; it may even be read-only."""
    made = network(backend=backend)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 9)).astype(np.float32)
    given_ = {"x": x, "y": rng.integers(0, 3, 60), "sample_weight": rng.random(60)}
    before = {name: values.copy() for name, values in given_.items()}
    for values in given_.values():
        values.flags.writeable = False
    training = Training(batch_size=20)
    fit(made, **given_, epochs=2, callbacks=[], training=training)
    evaluate(made, x, given_["y"])
    session = Session(made, x, given_["y"], input_gradient=True)
    session.train_step(training, np.arange(20))
    session.score(np.arange(20))
    session.backward()
    outputs, pullback = vjp(made, x)
    pullback(outputs)
    train_on_batch(made, x, given_["y"], training=training)
    Predictor(made, 60)(x)
    for name, values in given_.items():
        np.testing.assert_array_equal(values, before[name])
