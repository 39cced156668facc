"""A network as a differentiable function of other programs."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sparsedend as sd
from sparsedend import InputError, backends, connectivity
from sparsedend.layers import Dendritic, Dense, Dropout, Sparse, Tanh

STEP = 1e-6


def network(backend="numba", dtype=np.float64, dropout=False):
    rng = np.random.default_rng(1)
    synapses = connectivity.random(rng, 6, 8, 3)
    layers = [Dendritic(synapses, connectivity.tree(3, [3, 1, 4])), Dense(3, 5), Tanh(5)]
    layers += [Dropout(5, 0.5)] if dropout else []
    layers += [Sparse(connectivity.random(rng, 5, 2, 2))]
    made = sd.Network(layers, 6, backend=backends.create(backend), dtype=dtype)
    made.parameters = rng.normal(size=made.size)
    return made


@pytest.fixture
def x():
    return np.random.default_rng(2).normal(size=(7, 6))


def scalar(made, x, d):
    return float((sd.predict(made, x, raw=True) * d).sum())


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_gradients_are_those_of_finite_differences(backend, dropout, x):
    made, d = network(backend, dropout=dropout), np.random.default_rng(3).normal(size=(7, 2))
    outputs, pullback = sd.vjp(made, x)
    np.testing.assert_array_equal(outputs, sd.predict(made, x, raw=True))
    dx, gradients = pullback(d)
    assert dx.shape == x.shape
    assert gradients.shape == (made.size,)
    for values, gradient in ((x, dx), (made.parameters, gradients)):
        flat = values.reshape(-1)
        for place in range(flat.size):
            before, found = flat[place], []
            for sign in (1, -1):
                flat[place] = before + sign * STEP
                found.append(scalar(made, x, d))
            flat[place] = before
            expected = (found[0] - found[1]) / (2 * STEP)
            assert gradient.reshape(-1)[place] == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_a_pullback_may_be_called_again_and_beside_others(x):
    made = network()
    _, first = sd.vjp(made, x)
    _, second = sd.vjp(made, 2 * x)
    d = np.ones((7, 2))
    found = first(d)
    kept = [each.copy() for each in found]
    second(d)
    first(3 * d)
    for one, other in zip(found, kept, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(first(d), kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_done_to_the_outputs_changes_no_gradient(x):
    """The last layer here reads its own in backward."""
    synapses = connectivity.random(np.random.default_rng(1), 6, 8, 3)
    layers = [Dendritic(synapses, connectivity.tree(4, 2))]
    made = sd.Network(layers, 6, dtype=np.float64)
    made.parameters = np.random.default_rng(4).normal(size=made.size)
    outputs, pullback = sd.vjp(made, x)
    expected = pullback(np.ones((7, 4)))
    outputs *= -1
    for one, other in zip(pullback(np.ones((7, 4))), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_threads_do_not_disturb_each_other(x):
    made, d, found = network(), np.ones((7, 2)), {}

    def work(number):
        for _ in range(20):
            outputs, pullback = sd.vjp(made, number * x)
            found.setdefault(number, []).append((outputs, *pullback(d)))

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, results in found.items():
        outputs, pullback = sd.vjp(made, number * x)
        for result in results:
            for one, other in zip(result, (outputs, *pullback(d)), strict=True):
                np.testing.assert_array_equal(one, other)


def test_threads_share_a_pullback(x):
    made = network()
    _, pullback = sd.vjp(made, x)
    given = [number * np.ones((7, 2)) for number in (1, 2, 3, 4)]
    expected = [pullback(d) for d in given]

    def work(number):
        return [pullback(given[number]) for _ in range(100)]

    with ThreadPoolExecutor(4) as pool:
        for results, right in zip(pool.map(work, range(4)), expected, strict=True):
            for result in results:
                for one, other in zip(result, right, strict=True):
                    np.testing.assert_array_equal(one, other)


def test_images_of_bytes_count_as_0_to_1():
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    made = sd.models.build("dann-lrf", (8, 8, 1), 3, dendrites=2, somata=4, synapses=4)
    d = np.ones((5, 3), np.float32)
    of_bytes, of_floats = (
        sd.vjp(made, given)[1](d) for given in (images, images / np.float32(255))
    )
    assert of_bytes[0].shape == images.shape
    assert of_bytes[0].dtype == np.float32
    for one, other in zip(of_bytes, of_floats, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("d", "message"),
    [
        (np.ones((7, 3)), r"float64 of shape \(7, 3\): give real numbers of shape \(7, 2\)"),
        (np.ones(14), r"of shape \(14,\)"),
        (np.full((7, 2), 1j), "complex128"),
        (np.full((7, 2), np.inf), "is not finite in float64"),
        (np.full((7, 2), np.nan), "is not finite"),
    ],
)
def test_what_is_no_gradient_of_the_outputs_is_refused(x, d, message):
    with pytest.raises(InputError, match=message):
        sd.vjp(network(), x)[1](d)


def test_parameters_that_have_changed_since_are_refused(x):
    made = network()
    _, pullback = sd.vjp(made, x)
    made.parameters[3] += 1
    with pytest.raises(InputError, match="have changed since the outputs were computed: call vjp"):
        pullback(np.ones((7, 2)))
    made.parameters[3] = np.nan
    _, pullback = sd.vjp(made, x)
    pullback(np.ones((7, 2)))  # NaN as before is no change.
    moved = network()
    _, pullback = sd.vjp(moved, x)
    moved.to("numpy")
    with pytest.raises(InputError, match="have changed since"):
        pullback(np.ones((7, 2)))


def test_samples_are_checked(x):
    x[4, 2] = np.nan
    with pytest.raises(InputError, match="row 4 holds nan at feature 2"):
        sd.vjp(network(), x)
