"""How kernels are compiled, once for each kind of arguments, kept on disk, and given threads.

A kernel whose loop threads share takes the part of it that is its own, ``first`` to ``last``, as
its first two arguments; it knows nothing of threads. Numba's own parallel loops are compiled in two
to three times as long (bench/results/cold.md), and once more for children of fork, in which
GNU OpenMP ends a process that computes with threads again: these take the whole loop at once.
"""

from __future__ import annotations

import functools
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numba
from numba import njit
from numba.core import event
from numba.core.compiler_lock import global_compiler_lock

from . import cache

#: How often a waiting thread of GNU OpenMP looks for work before it sleeps. By its own default it
#: spins for about a millisecond, and where other processes use the cores too, on the very core that
#: the thread it waits for needs: trainings then take up to a hundred times as long
#: (bench/results/contention.md). Alone on the machine this many do as well.
SPINS = "1000"

#: A check of every division for a 0 would keep LLVM from vectorising it, and NumPy has none either.
#: Without Python's lock, threads that predict at once really do so.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
#: Of kernels, which nobody calls as functions of C; and of parts of them, which Python does not
#: call either: LLVM puts them into each.
OF_KERNELS = OPTIONS | {"no_cfunc_wrapper": True}
OF_PARTS = OF_KERNELS | {"no_cpython_wrapper": True, "forceinline": True}

_starting = threading.Lock()
_started = _forked = False
_one_at_a_time = False


def start_threads() -> None:
    """Start Numba's threads, once, with `SPINS` in the environment while they read it."""
    global _started, _one_at_a_time
    with _starting:
        if _started or _forked:
            return
        chosen = os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
        if not chosen:
            os.environ["GOMP_SPINCOUNT"] = SPINS
        numba.get_num_threads()
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]
        _started = True
        _one_at_a_time = numba.threading_layer() == "workqueue"


def without_threads() -> bool:
    """Whether this process was forked from one whose threads had started."""
    return _forked


def one_at_a_time() -> bool:
    """Whether Numba's threads serve one caller at a time, and end the process of a second one."""
    return _one_at_a_time


def kernel(function: Callable, *, keep: bool = True) -> Any:
    """Dispatcher of a function, compiled on first use; `keep` asks for a place on disk."""
    made = njit(**OF_KERNELS)(function)
    if made is function or not keep:  # The first where NUMBA_DISABLE_JIT asks for it.
        return made
    try:
        cache.keep(made)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _tell_that_nothing_is_kept()
    return made


def inlined(function: Callable) -> Any:
    """Dispatcher of a part of kernels, which is typed once for all that call it."""
    return njit(**OF_PARTS)(function)


@functools.cache
def _tell_that_nothing_is_kept() -> None:
    """Warn once in a process."""
    warnings.warn(
        "compiled kernels cannot be kept, since no cache folder can be written: every process "
        "compiles its own; set NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=2,
    )


class Compilations(event.Listener):
    """Calls `tell` whenever Numba compiles."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def on_start(self, event: event.Event) -> None:
        """Tell it."""
        self.tell()

    def on_end(self, event: event.Event) -> None:
        """Nothing: it was told."""


def _after_fork() -> None:
    global _forked, _one_at_a_time, _starting
    _starting = threading.Lock()
    if _started:
        _forked, _one_at_a_time = True, False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
    # A child could not compile with the lock of a thread that it does not have.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
