"""A fit that fails leaves an estimator as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def attempt(method: Callable) -> Callable:
    """The method of an estimator, all of whose attributes are as before where it fails.

    Else classes, scales and numbers of features of a fit that came to nothing would belong to the
    network of the one before. What a network has learnt that is trained further, it keeps.
    """

    @wraps(method)
    def attempted(estimator: Any, *given: Any, **named: Any) -> Any:
        before = dict(vars(estimator))
        try:
            return method(estimator, *given, **named)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return attempted
