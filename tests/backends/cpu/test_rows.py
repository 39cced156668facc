"""Rows added up side by side have the bits of rows added up one after the other."""

from types import SimpleNamespace

import numpy as np
import pytest

from sparsedend.backends import DendriticArrays, DendriticStructure, NumpyBackend
from sparsedend.backends.cpu import NumbaBackend
from sparsedend.backends.cpu.backend import FEW
from tests.conftest import uneven, uneven_tree

INPUTS, DENDRITES, SOMATA = 40, 53, 7


@pytest.fixture
def given():
    """Rows of 0 to 30 synapses, somata of 0 to many dendrites, and 64 samples."""
    rng = np.random.default_rng(8)
    synapses, cables = uneven(rng, DENDRITES, INPUTS, 30), uneven_tree(rng, SOMATA, DENDRITES)
    sizes = (synapses.nnz, DENDRITES, DENDRITES, SOMATA)
    arrays = DendriticArrays(*(rng.standard_normal(n).astype(np.float32) for n in sizes))
    x = rng.standard_normal((INPUTS, 64)).astype(np.float32)
    return SimpleNamespace(structure=DendriticStructure(synapses, cables), arrays=arrays, x=x)


def outputs(backend, given, samples):
    """Of the first so many samples: a dendritic layer's, its signs', and a sparse layer's."""
    width = backend.width(samples)
    x = backend.zeros((INPUTS, width), np.float32)
    x[:, :samples] = given.x[:, :samples]
    out = backend.zeros((SOMATA, width), np.float32)
    signs = backend.dendritic_state(DENDRITES, width, np.float32)
    rows = backend.zeros((DENDRITES, width), np.float32)
    w, b, *_ = given.arrays
    with backend.limited():
        backend.dendritic_forward(x, given.structure, given.arrays, 0.1, 0.2, out, signs)
        backend.sparse_forward(x, given.structure.synapses, w, b, rows)
    bits = np.unpackbits(signs, axis=1, bitorder="little")
    return out[:, :samples], bits[:, :samples], rows[:, :samples]


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_a_sample_has_the_same_bits_among_few_and_many(given, samples):
    backend = NumbaBackend(1)
    assert backend.width(samples) <= FEW < backend.width(64)
    for few, many in zip(
        outputs(backend, given, samples), outputs(backend, given, 64), strict=True
    ):
        np.testing.assert_array_equal(few, many[:, :samples])


def test_the_gradients_of_one_sample(given):
    """Against the specification, alone in its batch."""
    found = []
    for backend in (NumbaBackend(1), NumpyBackend()):
        x, delta = given.x[:, :1].copy(), np.linspace(-1, 1, SOMATA, dtype=np.float32)[:, None]
        delta, out = delta.copy(), np.zeros((SOMATA, 1), np.float32)
        state = backend.dendritic_state(DENDRITES, 1, np.float32)
        gradients = DendriticArrays(*(np.full_like(each, np.nan) for each in given.arrays))
        fixed = (x, given.structure, given.arrays, 0.1, 0.2, out, state)
        backend.dendritic_forward(*fixed)
        backend.dendritic_backward(*fixed, delta, gradients)
        back = np.empty((INPUTS, 1), np.float32)
        transposed = given.structure.synapses.transposed
        backend.dendritic_input_gradient(
            given.structure, transposed, given.arrays, 0.1, state, delta, back
        )
        found.append((out, delta, *gradients, back))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)
