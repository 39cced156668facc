"""Children of fork, waited for no longer than they may take."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable

#: How a child ends that an error has ended.
RAISED = 255


def ended(work: Callable[[], int], seconds: float) -> int | None:
    """The code that a child of fork ends with, which is what it returns.

    Parameters
    ----------
    work : callable
        Done in the child; `RAISED` is its code where that raises.
    seconds : float

    Returns
    -------
    int or None
        The negative of a signal that ended it; None where it took longer, and was killed.
    """
    child = os.fork()
    if child == 0:
        code = RAISED
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.001)


def wrong_with_a_child(right: Callable[[], bool], seconds: float = 120) -> str:
    """What is wrong with a child that must find all right; nothing where it does."""
    code = ended(lambda: 0 if right() else 1, seconds)
    return {0: "", 1: "has another answer", None: "hangs"}.get(code, f"ends with {code}")
