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
    """BLAS's number of threads, which is one for the whole process, and forks beside its products.

    While anyone computes, it is the least that was asked for; when the last one has ended, it is
    what it was before the first.

    OpenBLAS holds a lock while it begins a product or is told a number, and a child forked at that
    instant would wait for ever at its own first one: so a fork waits until nobody is inside.
    """

    def __init__(self) -> None:
        self.free = threading.Condition()
        #: Threads, and the number that each has asked for.
        self.asked: list[tuple[int, int]] = []
        #: Threads whose products are under way.
        self.computing: list[int] = []
        self.forks = 0
        self.before: list[tuple[LibController, int]] = []
        self.libraries: list[LibController] | None = None

    def enter(self, threads: int, *, product: bool) -> None:
        own = threading.get_ident()
        with self.free:
            if product:
                self.free.wait_for(lambda: not self.forks)
            if not self.asked:
                self.before = [(library, library.num_threads) for library in self._found()]
            if not self.asked or threads < self._least():
                self._set(threads)
            self.asked.append((own, threads))
            if product:
                self.computing.append(own)

    def leave(self, threads: int, *, product: bool) -> None:
        own = threading.get_ident()
        with self.free:
            self.asked.remove((own, threads))
            self._follow(threads)
            if product:
                self.computing.remove(own)
                self.free.notify_all()

    def _follow(self, threads: int) -> None:
        """Set the number again, where those have left who had asked for so many."""
        if not self.asked:
            for library, before in self.before:
                _set(library, before)
        elif threads < self._least():
            self._set(self._least())

    def _found(self) -> list[LibController]:
        if self.libraries is None:
            # SciPy's BLAS, in which compiled products run, must be loaded before it can be limited.
            import scipy.linalg.cython_blas  # noqa: F401

            # Finding the libraries takes 1.5 ms, ten times as long as a small prediction.
            controller = ThreadpoolController().select(user_api="blas")
            self.libraries = controller.lib_controllers
        return self.libraries

    def _least(self) -> int:
        return min(threads for _, threads in self.asked)

    def _set(self, threads: int) -> None:
        for library in self._found():
            _set(library, threads)

    def before_fork(self) -> None:
        own = threading.get_ident()
        self.free.acquire()
        self.forks += 1
        self.free.wait_for(lambda: all(thread == own for thread in self.computing))

    def after_fork(self) -> None:
        self.forks -= 1
        self.free.notify_all()
        self.free.release()

    def after_fork_in_child(self) -> None:
        """Of all threads, the child has the one that forked."""
        own = threading.get_ident()
        self.free, self.forks = threading.Condition(), 0
        self.computing = [thread for thread in self.computing if thread == own]
        if self.asked:
            least = self._least()
            self.asked = [(thread, threads) for thread, threads in self.asked if thread == own]
            self._follow(least)


def _set(library: LibController, threads: int) -> None:
    """Set a library's number of threads, in whatever thread this is.

    threadpoolctl 3.8 lets a thread that has set OpenBLAS's keep all others from it, in silence, for
    as long as it lives; here a lock keeps them apart, and nobody is left in control.
    """
    give_up = getattr(library, "clear_controlling_thread", lambda force: None)
    give_up(force=True)
    library.set_num_threads(threads)
    give_up(force=True)


_blas = _Blas()


@contextmanager
def limited_blas(threads: int, *, product: bool = False) -> Iterator[None]:
    """BLAS computes with so many threads at most inside this context, in all threads.

    Parameters
    ----------
    threads : int
    product : bool
        Whether this context is one product, or one step: BLAS is called inside, nothing is
        compiled, and it is soon left, so that a fork in another thread may wait for it.
    """
    _blas.enter(threads, product=product)
    try:
        yield
    finally:
        _blas.leave(threads, product=product)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_blas.before_fork,
        after_in_parent=_blas.after_fork,
        after_in_child=_blas.after_fork_in_child,
    )
