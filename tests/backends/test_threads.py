"""BLAS's number of threads is one for the process, and is left as it was."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from threadpoolctl import ThreadpoolController

import sparsedend as sd
from sparsedend import backends
from sparsedend.backends.threads import available_threads, limited_blas


def blas():
    """What every BLAS of this process has now."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in libraries]


@pytest.fixture
def three():
    """Three threads before anything of ours, so that one and two are told from it."""
    import scipy.linalg.cython_blas  # noqa: F401  # SciPy's BLAS is one of them.

    with ThreadpoolController().limit(limits=3, user_api="blas"):
        # More than the machine's cores may be cut down to them.
        yield blas()


def test_inside_there_are_as_many_as_were_asked_for(three):
    with limited_blas(1):
        assert set(blas()) == {1}
        with limited_blas(2):
            assert set(blas()) == {1}
        assert set(blas()) == {1}
    assert blas() == three


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_the_fewest_of_those_who_compute(three, first, second):
    """Of two threads that overlap, the first one ends first."""
    inside, leave = threading.Event(), threading.Event()

    def work():
        with limited_blas(first):
            inside.set()
            assert leave.wait(30)

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(work)
        assert inside.wait(30)
        assert set(blas()) == {first}
        with limited_blas(second):
            assert set(blas()) == {1}
            leave.set()
            job.result()
            assert set(blas()) == {second}
    assert blas() == three


def test_after_an_error_too(three):
    with pytest.raises(ZeroDivisionError), limited_blas(1):
        raise ZeroDivisionError
    assert blas() == three


@pytest.mark.parametrize("name", ["numpy", "numba"])
def test_computing_leaves_it_as_it_was(three, name, digits):
    """Also where networks of one thread and of two compute at once."""
    made = [
        sd.models.build(
            "vann", (8, 8, 1), 10, dendrites=4, somata=16, backend=backends.create(name, threads)
        )
        for threads in (1, 2)
    ]

    def work(network):
        for _ in range(10):
            sd.predict(network, digits.test_x)
        sd.fit(network, digits.train_x[:200], digits.train_y[:200], epochs=2)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, made))
    assert blas() == three
    with pytest.raises(sd.InputError):
        sd.fit(made[0], digits.train_x, digits.train_y + 10)
    assert blas() == three


def test_a_network_computes_with_its_threads(three):
    """NumPy's products are BLAS's; Numba's loops are told at each call, and other loops nothing."""
    for threads in (1, 2):
        with backends.create("numpy", threads).limited():
            assert set(blas()) == {threads}
        with backends.create("numba", threads).limited():
            assert blas() == three


def test_available_threads():
    assert available_threads() == len(os.sched_getaffinity(0))
    assert backends.create("numpy").threads == available_threads()
    assert backends.create("numpy", 7).threads == 7
