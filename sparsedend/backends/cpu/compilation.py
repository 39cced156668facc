"""How kernels are compiled: with threads, and kept on disk; without threads in a child of fork.

GNU OpenMP ends a process that was forked after its threads had started and computes with threads
again. So in such a child every kernel is replaced by a twin, compiled from the same source without
them: the results are the same bits, since no sum depends on the number of threads.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
from numba import njit

from . import cache

#: How often a waiting thread of GNU OpenMP looks for work before it sleeps. By its own default it
#: spins for about a millisecond, and where other processes use the cores too, on the very core that
#: the thread it waits for needs: trainings then take up to a hundred times as long
#: (bench/results/contention.md). Alone on the machine this many do as well.
SPINS = "1000"

#: A check of every division for a 0 would keep LLVM from vectorising it, and NumPy has none either.
#: Without Python's lock, threads that predict at once really do so.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}

_starting = threading.Lock()
_started = _forked = False
_one_at_a_time = False
_kernels: list[Any] = []
_whenever_forked: list[Callable[[], None]] = []


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


def kernel(function: Callable) -> Any:
    """Compile a function that loops over `prange` on first use."""
    made = compiled(function)
    _kernels.append(made)
    return made


def kernel_without_threads(function: Callable) -> Any:
    """Compile a function that has no parallel loop on first use."""
    return _kept(function, parallel=False)


def compiled(function: Callable, *, keep: bool = True) -> Any:
    """Dispatcher of a function that may loop over `prange`; `keep` asks for a place on disk."""
    if _forked:
        function = _twin(function)
    if not keep:
        return njit(parallel=not _forked, **OPTIONS)(function)
    return _kept(function, parallel=not _forked)


def when_forked(action: Callable[[], None]) -> None:
    """Call this in a child of fork, once its kernels have been replaced."""
    _whenever_forked.append(action)


def _kept(function: Callable, *, parallel: bool) -> Any:
    made = njit(parallel=parallel, **OPTIONS)(function)
    if made is function:  # As NUMBA_DISABLE_JIT asks for.
        return made
    try:
        cache.keep(made)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        _tell_that_nothing_is_kept()
    return made


@functools.cache
def _tell_that_nothing_is_kept() -> None:
    """Warn once in a process."""
    warnings.warn(
        "compiled kernels cannot be kept, since no cache folder can be written: every process "
        "compiles its own; set NUMBA_CACHE_DIR to a folder that can be written",
        RuntimeWarning,
        stacklevel=2,
    )


def _twin(function: Callable) -> Callable:
    """The same function under another name, which tells the two apart in Numba's cache."""
    assert isinstance(function, FunctionType)
    twin = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    twin.__qualname__ = f"{function.__qualname__}_without_threads"
    twin.__module__ = function.__module__
    twin.__doc__ = function.__doc__
    return twin


def _after_fork() -> None:
    global _forked, _one_at_a_time, _starting
    _starting = threading.Lock()
    if not _started:
        return
    _forked, _one_at_a_time = True, False
    for each in _kernels:
        setattr(sys.modules[each.__module__], each.__name__, compiled(each.py_func))
    for action in _whenever_forked:
        action()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
