"""Any structure and any number of samples: the compiled loops against the specification."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import sparsedend as sd
from sparsedend import Session, layers
from sparsedend.initializers import glorot
from sparsedend.structure import Structure

quick = settings(max_examples=25, deadline=None, derandomize=True)
#: Of a tile of 16 and of whole large tiles, so that no other width has to be compiled.
samples = st.one_of(st.integers(1, 16), st.integers(65, 300))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def structures(draw, rows, columns):
    """Of rows of any length, empty ones at any place, perhaps all."""
    fan_in = draw(st.lists(st.integers(0, columns), min_size=rows, max_size=rows))
    rng = np.random.default_rng(draw(seeds))
    chosen = [np.sort(rng.choice(columns, count, replace=False)) for count in fan_in]
    indptr = np.concatenate([[0], np.cumsum(fan_in)])
    return Structure(
        indptr, np.concatenate([*chosen, np.empty(0, int)]).astype(int), (rows, columns)
    )


@st.composite
def trees(draw, dendrites):
    somata = draw(st.integers(1, dendrites + 2))
    cuts = sorted(
        draw(st.lists(st.integers(0, dendrites), min_size=somata - 1, max_size=somata - 1))
    )
    counts = np.diff([0, *cuts, dendrites])
    return sd.connectivity.tree(somata, counts)


def results(stack, backend, x, labels, order, shape):
    made = sd.Network(stack, shape, backend=sd.backends.create(backend))
    made.initialize(np.random.default_rng(0), glorot)
    made.parameters += np.random.default_rng(1).normal(0, 0.3, made.size).astype(np.float32)
    # Where the gradient of bytes is not asked for, sparse layers read them in a form of their own.
    session = Session(made, x, labels, batch_size=len(order), input_gradient=x.dtype != np.uint8)
    session.score(order)
    back = session.backward()
    found = [session.gradients.copy(), session.totals().loss]
    found += [] if back is None else [back[:, : len(order)].copy()]
    return [*found, session.forward(order)[:, : len(order)].copy()]


def agree(make, x, order, shape):
    """Both backends, on numbers and on bytes, of which the samples `order` are taken."""
    found, expected = (
        results(make(), backend, x, np.arange(len(x)) % 2, order, shape)
        for backend in ("numba", "numpy")
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@quick
@given(st.data(), samples, seeds, st.booleans())
def test_sparse_layers(data, count, seed, images):
    inputs = data.draw(st.integers(1, 40))
    first = data.draw(structures(data.draw(st.integers(1, 12)), inputs))
    second = data.draw(structures(2, first.shape[0]))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, inputs))
    shape = inputs
    if images:
        x, shape = rng.integers(0, 256, (count, inputs), dtype=np.uint8), (1, inputs, 1)
    order = rng.integers(0, count, count)

    def make():
        return [layers.Sparse(first), layers.LeakyReLU(first.shape[0]), layers.Sparse(second)]

    agree(make, x, order, shape)


@quick
@given(st.data(), samples, seeds, st.booleans())
def test_dendritic_layers(data, count, seed, images):
    inputs = data.draw(st.integers(1, 40))
    synapses = data.draw(structures(data.draw(st.integers(1, 12)), inputs))
    cables = data.draw(trees(synapses.shape[0]))
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, inputs))
    shape = inputs
    if images:
        x, shape = rng.integers(0, 256, (count, inputs), dtype=np.uint8), (1, inputs, 1)
    order = rng.permutation(count)

    def make():
        return [layers.Dendritic(synapses, cables), layers.Dense(cables.shape[0], 2)]

    agree(make, x, order, shape)


@quick
@given(seeds, st.integers(1, 16), st.integers(1, 50), st.integers(1, 40))
def test_batches_of_any_size(seed, size, count, features):
    """What is predicted for a sample does not depend on the others, nor on how many there are."""
    made = sd.Network([layers.Dense(features, 3)], features, backend=sd.backends.create("numba"))
    made.initialize(np.random.default_rng(seed), glorot)
    x = np.random.default_rng(seed).standard_normal((count, features)).astype(np.float32)
    found = sd.predict(made, x, raw=True, batch_size=size)
    for at in {0, count // 2, count - 1}:
        np.testing.assert_array_equal(sd.predict(made, x[at : at + 1], raw=True)[0], found[at])
    expected = x @ made.layers[0].parameters["weights"].T
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
