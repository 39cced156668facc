"""BLAS's number of threads is one for the process, and is left as it was; forks beside it."""

import os
import threading
import time
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


def ended(work):
    """The exit code of a child of fork: 0 where `work` there is true."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_fork_waits_for_products_and_products_for_it():
    """Else the child has OpenBLAS's lock as it was, held by a thread that it does not have."""
    inside, leave, later = threading.Event(), threading.Event(), threading.Event()

    def first():
        with limited_blas(1, product=True):
            inside.set()
            assert leave.wait(30)

    def second():
        with limited_blas(1, product=True):
            later.set()

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(first)]
        assert inside.wait(30)
        jobs.append(pool.submit(ended, lambda: True))
        time.sleep(0.1)
        assert not jobs[1].done()
        jobs.append(pool.submit(second))
        assert not later.wait(0.1)
        leave.set()
        assert [job.result(30) for job in jobs] == [None, 0, None]
    assert later.is_set()


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_child_of_fork_has_the_limit_of_its_own_thread(three):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with limited_blas(1):
            inside.set()
            assert leave.wait(30)

    def as_it_should_be():
        limited = set(blas())
        own.__exit__(None, None, None)
        return limited == {2} and blas() == three

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(other)
        assert inside.wait(30)
        assert ended(lambda: blas() == three) == 0
        own = limited_blas(2)
        with own:
            assert set(blas()) == {1}
            assert ended(as_it_should_be) == 0
        leave.set()
        job.result(30)
    assert blas() == three


def test_available_threads():
    assert available_threads() == len(os.sched_getaffinity(0))
    assert backends.create("numpy").threads == available_threads()
    assert backends.create("numpy", 7).threads == 7
