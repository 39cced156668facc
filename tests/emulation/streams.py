"""Streams, events and graphs, which do what is queued as late as CUDA may.

What is queued is done when the host, or another stream, waits for it: whoever forgets to wait finds
what was there before. Each stream also knows how far it has waited for the others, so that two that
use the same memory without an order are found out whatever the order was this time.

While a stream captures, what is queued on it is noted. The thread that captures may not allocate,
copy, or wait meanwhile; no thread may in the global mode; no stream may wait for what happens in
another's capture, or in a capture for what happens outside of it.
"""

import threading
import time
import weakref
from collections import deque

#: Held by whoever queues or does something: the host has one block of threads for all.
LOCK = threading.RLock()
#: How far a capture forbids what is unsafe: to all threads, to the one that captures, to none.
GLOBAL, THREAD_LOCAL, RELAXED = 0, 1, 2


class CUDARuntimeError(RuntimeError):
    """What CUDA itself refuses."""


class Capture:
    """What is noted of a stream.

    Attributes
    ----------
    launches : list of Launch
    broken : str or None
        What was done that may not be.
    """

    def __init__(self, stream, mode):
        self.stream, self.mode = stream, mode
        self.thread = threading.get_ident()
        self.launches, self.broken = [], None

    def forbids(self):
        """Whether this thread, or its stream, may do nothing unsafe."""
        here = self.thread == threading.get_ident()
        limits = {GLOBAL: True, THREAD_LOCAL: here, RELAXED: False}
        return limits[self.mode] or get_current_stream() is self.stream


_captures = []


def unsafe(what):
    """Refuse what may not be done while a graph is captured."""
    for capture in list(_captures):
        if capture.forbids():
            capture.broken = what
            raise CUDARuntimeError(f"{what} while a graph is captured")


class Event:
    """A place in what a stream is to do.

    Attributes
    ----------
    clock : dict of Stream to int
        How many operations of each stream come before it.
    """

    def __init__(self, *, disable_timing=False):
        self.clock, self.capture, self.stream = {}, None, None

    def record(self, stream=None):
        with LOCK:
            self.stream = stream or get_current_stream()
            self.capture = self.stream.capture
            if self.capture is None:
                self.time = None
                self.clock = self.stream.clock | {self.stream: self.stream.queue(self._reach)}

    def _reach(self):
        self.time = time.perf_counter()

    def reach(self):
        """Do all that comes before it."""
        for stream, number in self.clock.items():
            stream.finish(number)

    def synchronize(self):
        unsafe("the host waits")
        if self.capture is not None:
            raise CUDARuntimeError("cudaErrorCapturedEvent: the host waits for what is captured")
        with LOCK:
            self.reach()
            for stream, number in self.clock.items():
                stream.known = max(stream.known, number)


class Stream:
    """What is done in order.

    Attributes
    ----------
    waits : list of Stream
        Those that it was made to wait for, in order.
    clock : dict of Stream to int
        How many operations of other streams come before its next one.
    queued, done, known : int
        Operations that it was given, that have been done, and that the host knows to be done.
    capture : Capture or None
    freed : list of Freed
        Memory that the pool gives to whoever allocates on this stream.
    """

    def __init__(self, *, non_blocking=False):
        self.non_blocking = non_blocking
        self.waits, self.clock, self.freed = [], {}, []
        self.queued = self.done = self.known = 0
        self.capture = None
        self._left = deque()
        _streams.add(self)

    def __enter__(self):
        _current.streams.append(self)
        return self

    def __exit__(self, *error):
        assert _current.streams.pop() is self, "streams are left in another order"

    def queue(self, operation):
        """Have an operation done later; its number."""
        blocking = [each for each in _captures if not each.stream.non_blocking]
        if self is null and blocking:
            blocking[0].broken = "the null stream is used"
            raise CUDARuntimeError("cudaErrorStreamCaptureImplicit: the null stream is used")
        with LOCK:
            self._left.append(operation)
            self.queued += 1
            return self.queued

    def finish(self, number=None):
        """Do what is queued, or that up to an operation of that number."""
        with LOCK:
            number = self.queued if number is None else number
            while self.done < number:
                self.done += 1
                self._left.popleft()()

    def forget(self):
        """Do nothing more of what is queued, and have the host know it."""
        with LOCK:
            self._left.clear()
            self.done = self.known = self.queued

    def synchronize(self):
        self.record().synchronize()

    def precedes(self, stream, number):
        """Whether an operation of this stream is done when the other one does its next."""
        return self is stream or number <= max(self.known, stream.clock.get(self, 0))

    def record(self):
        event = Event()
        event.record(self)
        return event

    def wait_event(self, event):
        with LOCK:
            if self.capture is not event.capture:
                for capture in filter(None, (self.capture, event.capture)):
                    capture.broken = "a stream waits across its border"
                raise CUDARuntimeError(
                    "cudaErrorStreamCaptureIsolation: a stream waits across the border of a capture"
                )
            self.waits.append(event.stream)
            if self.capture is None:
                for stream, number in event.clock.items():
                    self.clock[stream] = max(number, self.clock.get(stream, 0))
                self.queue(_copy(event).reach)

    def begin_capture(self, mode):
        assert get_current_stream() is self, "what is queued goes to another stream"
        assert self.capture is None, "the stream captures already"
        self.capture = Capture(self, mode)
        _captures.append(self.capture)

    def end_capture(self):
        capture, self.capture = self.capture, None
        _captures.remove(capture)
        if capture.broken:
            raise CUDARuntimeError(f"cudaErrorStreamCaptureInvalidated: {capture.broken}")
        return Graph(capture.launches)


def _copy(event):
    """The event as it is, whatever it records later."""
    copy = Event()
    copy.clock = dict(event.clock)
    return copy


class Graph:
    """Launches that were captured, to be queued again and again."""

    def __init__(self, launches):
        self.launches = launches

    def launch(self, stream=None):
        unsafe("a graph is launched")
        for each in self.launches:
            each.queue(stream or get_current_stream())


def get_current_stream():
    """Of this thread."""
    return _current.streams[-1] if _current.streams else null


def finish():
    """Have the host wait for all that is queued anywhere: nothing that is wrong stays unseen."""
    left = list(_streams)
    try:
        for stream in left:
            stream.finish()
    finally:
        for stream in left:
            stream.forget()


#: All that there are.
_streams = weakref.WeakSet()


class _Current(threading.local):
    """The streams that a thread has entered; a stream may be among them more than once."""

    def __init__(self):
        self.streams = []


_current = _Current()
null = Stream()
