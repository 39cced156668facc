"""Every turn of a loop is done once, by as many threads as are asked for."""

import numba
import numpy as np
import pytest

from sparsedend.backends.cpu import NumbaBackend, program, recording
from sparsedend.backends.cpu.compilation import kernel, without_threads
from sparsedend.backends.cpu.kernels import sequence
from tests.conftest import child

NumbaBackend(2)  # Starts Numba's threads.


@kernel
def count(first, last, number, counts, parts):
    """Count each turn, and note at each turn how many its part has."""
    for i in range(first, last):
        counts[i] += number
        parts[i] = last - first


@kernel
def fail(array, number):
    if number > 0:
        raise ValueError
    array[0] += 1


def called(kernel, times, *arguments, threads=2):
    """The kernel, of so much work that all threads are worth it."""
    call = program.Call(kernel, times, 10**9, arguments)
    call.do(threads)
    return call


@pytest.mark.parametrize("times", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_turn_is_done_once(times, threads):
    threads = min(threads, numba.config.NUMBA_NUM_THREADS)
    counts, parts = np.zeros(times, np.int64), np.zeros(times, np.int64)
    before = numba.get_num_threads()
    call = called(count, times, 3, counts, parts, threads=threads)
    np.testing.assert_array_equal(counts, 3)
    used = call.threads(threads)
    assert used == max(1, min(threads, times))
    assert parts.max(initial=0) == -(-times // used)
    assert numba.get_num_threads() == before


def test_little_work_is_one_threads():
    call = program.Call(count, 1000, program.WORTH_A_THREAD * 2 - 1, ())
    assert call.threads(8) == 1
    assert call._replace(work=program.WORTH_A_THREAD * 3).threads(8) == 3
    assert call._replace(work=10**9).threads(8) == 8
    assert call._replace(times=None, work=10**9).threads(8) == 1


@kernel
def turned(first, last, given, found):
    """Each part needs what other parts have written before."""
    for i in range(first, last):
        found[i] = given[len(given) - 1 - i] + 1


def program_of(calls, threads):
    """A program of such kernels, and what keeps their arrays."""
    array = np.zeros(1)
    noted = recording.Recording(array, np.zeros(1, np.int64), (), threads)
    for call in calls:
        noted.add(call)
    return noted.recorded(None)


def test_threads_wait_for_all_parts_of_the_kernel_before():
    a, b = np.zeros(500), np.zeros(500)
    there, back = (program.Call(turned, 500, 10**9, pair) for pair in ((a, b), (b, a)))
    known = program_of([there, back] * 20, 2)
    for times in range(1, 200):
        known.program.run(program.NOWHERE, 2)
        np.testing.assert_array_equal(a, 40 * times)


def test_nobody_waits_for_a_thread_that_does_not_come():
    """One does all parts, each once; who comes late finds nothing left."""
    counts, parts = np.zeros(7, np.int64), np.zeros(7, np.int64)
    calls = [program.Call(count, 7, 10**9, (number, counts, parts)) for number in (1, 10)]
    known = program_of(calls, 2)
    own = known.program
    own._room[:] = 0
    for thread in (1, 0):
        sequence.share(thread, thread + 1, own._all, own.words, own._room)
        np.testing.assert_array_equal(counts, 11)
        np.testing.assert_array_equal(parts, [3, 3, 3, 4, 4, 4, 4])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_kernel_that_fails_ends_the_sequence(threads):
    """As one does that cannot get memory; what comes after it is not done."""
    assert not without_threads()
    calls = [program.Call(fail, None, 0, (np.zeros(1), number)) for number in (0, 1, 0)]
    known = program_of(calls, threads)
    with pytest.raises(MemoryError, match="could not get the memory"):
        known.program.run(program.NOWHERE, threads)
    assert [each[0] for each in known.kept if isinstance(each, np.ndarray)] == [1, 0, 0]
    # The next time, there may be memory.
    known.program.words[known.program._one[1, sequence.WORDS] + 8] = 0
    known.program.run(program.NOWHERE, threads)
    assert [each[0] for each in known.kept if isinstance(each, np.ndarray)] == [2, 1, 1]


def test_numbas_own_threads():
    """They serve one caller at a time."""
    code = """
    import numpy as np
    from concurrent.futures import ThreadPoolExecutor
    import sparsedend as sd
    from sparsedend.backends.cpu.compilation import one_at_a_time

    x = np.random.default_rng(0).random((300, 40)).astype(np.float32)
    y = np.arange(300) % 3
    engine = sd.backends.create("numba", 2)
    assert one_at_a_time()

    def trained(seed):
        sizes = {"dendrites": 8, "somata": 64, "synapses": 30}
        network = sd.models.build("dann-r", 40, 3, seed=seed, backend=engine, **sizes)
        sd.fit(network, x, y, epochs=3, callbacks=())
        return network.parameters

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(trained, [1, 2]))
    for seed, parameters in zip([1, 2], found):
        np.testing.assert_array_equal(parameters, trained(seed))

    # The thread that reads ahead of a fit computes too.
    teacher = sd.models.build("dann-r", 40, 3, backend=engine, dendrites=8, somata=64)
    batches = lambda: ((part, sd.predict(teacher, part)) for part in (x[:150], x[150:]))
    student = sd.models.build("dann-r", 40, 3, backend=engine, dendrites=8, somata=64)
    feed = sd.feeds.Batches(batches)
    sd.fit(student, feed, epochs=2, validation=None, callbacks=())
    print("done")
    """
    assert child(code, NUMBA_THREADING_LAYER="workqueue") == "done\n"


def test_the_caller_s_number_of_threads_stays_what_it_was():
    most = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        called(count, 7, 1, np.zeros(7, np.int64), np.zeros(7, np.int64))
        assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(most)
