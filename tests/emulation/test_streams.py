"""Streams, events, copies, captures and graphs."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.emulation import library, streams

CODE = r"""
extern "C" __global__ void add(const float* x, float* out) { out[threadIdx.x] += x[threadIdx.x]; }
extern "C" __global__ void never_launched(float* out) { out[threadIdx.x] = 1; }
"""


@pytest.fixture
def pair():
    return library.Stream(non_blocking=True), library.Stream(non_blocking=True)


@pytest.fixture
def arrays(pair):
    """Ones, zeros and zeros, which both streams know."""
    made = [library.array(np.full(32, value, np.float32)) for value in (1, 0, 0)]
    for each in pair:
        each.wait_event(library.get_current_stream().record())
    return made


@pytest.fixture
def worker():
    """Another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function: pool.submit(function).result(60)


def test_what_is_queued_is_done_when_somebody_waits(kernels, pair, arrays):
    ones, out, _ = arrays
    event = library.cuda.Event()
    with pair[0]:
        kernels("add")(ones, out)
        event.record()
        kernels("add")(ones, out)
        assert out.host[0] == 0
        event.synchronize()
        assert out.host[0] == 1
        np.testing.assert_array_equal(out.get(), 2)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("case", ["reads what is written", "writes what is read", "writes both"])
def test_streams_that_use_the_same_memory(kernels, pair, arrays, case, waits):
    ones, first, second = arrays
    given = {
        "reads what is written": ((ones, first), (first, second)),
        "writes what is read": ((first, second), (ones, first)),
        "writes both": ((ones, first), (ones, first)),
    }[case]
    with pair[0]:
        kernels("add")(*given[0])
    if waits:
        pair[1].wait_event(pair[0].record())
    with pair[1]:
        if not waits:
            with pytest.raises(AssertionError, match="neither waits for the other"):
                kernels("add")(*given[1])
            return
        kernels("add")(*given[1])
        found = given[1][1].get()
    np.testing.assert_array_equal(found, {"writes both": 2}.get(case, 1))


def test_what_happens_to_be_done_has_not_been_waited_for(kernels, pair, arrays):
    ones, first, second = arrays
    with pair[0]:
        kernels("add")(ones, first)
        ones.fill(1)
    assert first.host[0] == 1
    with pair[1], pytest.raises(AssertionError, match="neither waits for the other"):
        kernels("add")(first, second)


def test_who_waits_for_a_writer_and_reads_has_waited_for_nobody_else(kernels, pair, arrays):
    ones, first, second = arrays
    third, out = library.Stream(non_blocking=True), library.zeros(32, np.float32)
    third.wait_event(streams.null.record())
    with pair[0]:
        kernels("add")(ones, first)
    pair[1].wait_event(pair[0].record())
    with pair[1]:
        kernels("add")(first, second)
    with third, pytest.raises(AssertionError, match="neither waits for the other"):
        kernels("add")(first, out)


def test_streams_may_read_at_once_and_write_apart(kernels, pair, arrays):
    ones, _, _ = arrays
    halves = library.zeros(64, np.float32)
    for number, each in enumerate(pair):
        each.wait_event(library.get_current_stream().record())
        with each:
            kernels("add")(ones, halves[32 * number : 32 * number + 32])
    streams.null.wait_event(pair[0].record())
    with pytest.raises(AssertionError, match="a copy to the host uses memory that add uses"):
        halves.get()
    streams.null.wait_event(pair[1].record())
    np.testing.assert_array_equal(halves.get(), 1)


def test_waiting_is_handed_on(kernels, pair, arrays):
    """For whom another has waited, one has waited, too; but not for what came later."""
    ones, out, _ = arrays
    with pair[0]:
        kernels("add")(ones, out)
        early = pair[0].record()
    streams.null.wait_event(early)
    pair[1].wait_event(streams.null.record())
    with pair[1]:
        np.testing.assert_array_equal(out.get(), 1)
    with pair[0]:
        kernels("add")(ones, out)
    pair[1].wait_event(early)
    with pair[1], pytest.raises(AssertionError, match="neither waits for the other"):
        out.get()


def test_a_copy_reads_the_host_when_it_is_done(pair, arrays):
    _, out, other = arrays
    values = np.full(32, 5, np.float32)
    with pair[0]:
        out.set(values)
        values[:] = 6
        np.testing.assert_array_equal(out.get(), 6)
        other.set(values + 1)
        gc.collect()
        with pytest.raises(AssertionError, match="memory of the host was freed before it was"):
            other.get()


def test_page_locked_memory_is_freed_too(pair, arrays):
    _, out, _ = arrays
    for kept in (True, False):
        memory = library.cuda.alloc_pinned_memory(128)
        values = np.frombuffer(memory, np.float32, 32)
        values[:] = 7
        out.set(values[::-1][::-1], stream=pair[0])
        if not kept:
            del memory, values
            gc.collect()
            with pytest.raises(AssertionError, match="memory of the host was freed"):
                pair[0].synchronize()
        else:
            pair[0].synchronize()
            np.testing.assert_array_equal(out.get(), 7)


def captured(stream, launch, mode=streams.THREAD_LOCAL):
    with stream:
        stream.begin_capture(mode)
        try:
            launch()
        finally:
            graph = stream.end_capture()
    return graph


def test_a_graph_is_what_was_launched(kernels, pair, arrays):
    ones, out, _ = arrays
    add = kernels("add")
    with pair[0]:
        add(ones, out)
    graph = captured(pair[0], lambda: [add(ones, out) for _ in range(3)])
    with pair[0]:
        np.testing.assert_array_equal(out.get(), 1)
        graph.launch()
        graph.launch(pair[0])
        np.testing.assert_array_equal(out.get(), 7)
        graph.launch()
    with pair[1], pytest.raises(AssertionError, match="neither waits for the other"):
        graph.launch()


def test_a_graph_keeps_no_array(kernels, pair, arrays):
    ones, out, _ = arrays
    add = kernels("add")
    with pair[0]:
        add(ones, out)
        temporary = [library.zeros(32, np.float32)]
    graph = captured(pair[0], lambda: add(temporary[0][:], out))
    graph.launch(pair[0])
    temporary.clear()
    gc.collect()
    with pytest.raises(AssertionError, match="add is launched again with an array that was freed"):
        graph.launch(pair[0])


def test_a_kernel_is_launched_before_it_is_captured(kernels, pair, arrays):
    with pytest.raises(AssertionError, match="never_launched is captured before it was ever"):
        captured(pair[0], lambda: kernels("never_launched")(arrays[1]))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda: library.zeros(3), "memory is allocated"),
        (lambda: library.array(np.zeros(3)), "memory is allocated"),
        (lambda: library.cuda.alloc_pinned_memory(3), "memory is allocated"),
        (lambda: streams.null.synchronize(), "the host waits"),
        (lambda: library.RawModule(code=CODE, options=("-DREAL=float",)), "a module is loaded"),
    ],
)
@pytest.mark.parametrize("mode", [streams.GLOBAL, streams.THREAD_LOCAL, streams.RELAXED])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_unsafe_while_a_stream_captures(pair, worker, what, message, mode, elsewhere):
    """By the thread itself, and by another one on its own stream."""
    pair[0].__enter__()
    pair[0].begin_capture(mode)
    try:
        if mode == streams.RELAXED or (mode == streams.THREAD_LOCAL and elsewhere):
            if elsewhere:
                worker(what)
            pair[0].end_capture()
            return
        with pytest.raises(streams.CUDARuntimeError, match=f"{message} while a graph is captured"):
            worker(what) if elsewhere else what()
        with pytest.raises(streams.CUDARuntimeError, match=f"Invalidated: {message}"):
            pair[0].end_capture()
    finally:
        pair[0].__exit__()


def test_copies_and_replays_are_unsafe(kernels, pair, arrays):
    ones, out, _ = arrays
    add = kernels("add")
    with pair[0]:
        add(ones, out)
    graph = captured(pair[0], lambda: add(ones, out))
    for what in (
        out.get,
        graph.launch,
        lambda: out.fill(1),
        lambda: bool(out[0]),
        lambda: out.set(np.zeros(32, np.float32)),
    ):
        with pytest.raises(streams.CUDARuntimeError, match=r"(copied|launched|written to)"):
            captured(pair[0], what)


def test_nobody_waits_across_the_border_of_a_capture(pair):
    outside = pair[1].record()
    inside = library.cuda.Event()
    for breach in (
        lambda: pair[0].wait_event(outside),
        lambda: pair[1].wait_event(inside),
    ):
        with pair[0]:
            pair[0].begin_capture(streams.THREAD_LOCAL)
            inside.record()
            pair[0].wait_event(inside)
            with pytest.raises(streams.CUDARuntimeError, match="across the border of a capture"):
                breach()
            with pytest.raises(streams.CUDARuntimeError, match="Invalidated"):
                pair[0].end_capture()
    with pytest.raises(streams.CUDARuntimeError, match="the host waits for what is captured"):
        inside.synchronize()


@pytest.mark.parametrize("non_blocking", [False, True])
def test_the_null_stream_is_no_business_of_a_stream_that_does_not_block(non_blocking):
    stream = library.Stream(non_blocking=non_blocking)
    with stream:
        stream.begin_capture(streams.RELAXED)
        if non_blocking:
            streams.null.record()
            stream.end_capture()
        else:
            with pytest.raises(streams.CUDARuntimeError, match="the null stream is used"):
                streams.null.record()
            with pytest.raises(streams.CUDARuntimeError, match="Invalidated"):
                stream.end_capture()


def test_a_stream_may_be_entered_again(pair):
    """As where one computation calls another; afterwards all is as it was."""
    one, other = pair
    with one, other, one:
        assert library.get_current_stream() is one
    assert library.get_current_stream() is streams.null
