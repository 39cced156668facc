"""Threads that this process may use, and BLAS's among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import LibController, ThreadpoolController


def available_threads() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Blas:
    """BLAS's number of threads, which is one for the whole process.

    While anyone computes, it is the least that was asked for; when the last one has ended, it is
    what it was before the first.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked: list[int] = []
        self.before: list[tuple[LibController, int]] = []
        # SciPy's BLAS, in which compiled products run, must be loaded before it can be limited.
        import scipy.linalg.cython_blas  # noqa: F401

        # Finding the process's libraries takes 1.5 ms, ten times as long as a small prediction.
        controller = ThreadpoolController().select(user_api="blas")
        self.libraries: list[LibController] = controller.lib_controllers

    def enter(self, threads: int) -> None:
        with self.lock:
            if not self.asked:
                self.before = [(library, library.num_threads) for library in self.libraries]
            if not self.asked or threads < min(self.asked):
                self._set(threads)
            self.asked.append(threads)

    def leave(self, threads: int) -> None:
        with self.lock:
            self.asked.remove(threads)
            if not self.asked:
                for library, before in self.before:
                    _set(library, before)
            elif threads < min(self.asked):
                self._set(min(self.asked))

    def _set(self, threads: int) -> None:
        for library in self.libraries:
            _set(library, threads)


def _set(library: LibController, threads: int) -> None:
    """Set a library's number of threads, in whatever thread this is.

    threadpoolctl 3.8 lets a thread that has set OpenBLAS's keep all others from it, in silence, for
    as long as it lives; here a lock keeps them apart, and nobody is left in control.
    """
    give_up = getattr(library, "clear_controlling_thread", lambda force: None)
    give_up(force=True)
    library.set_num_threads(threads)
    give_up(force=True)


_blas: _Blas | None = None
_making = threading.Lock()


@contextmanager
def limited_blas(threads: int) -> Iterator[None]:
    """BLAS computes with so many threads at most inside this context, in all threads."""
    global _blas
    if _blas is None:
        with _making:
            _blas = _blas or _Blas()
    blas = _blas
    blas.enter(threads)
    try:
        yield
    finally:
        blas.leave(threads)


def _after_fork() -> None:
    """A child of fork has none of the threads that may have held the locks."""
    global _blas, _making
    _blas, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
