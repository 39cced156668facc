"""scikit-learn's own callbacks, which it has from 1.9 on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..training import Callback, Fitting

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # An older scikit-learn.

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Supports nothing."""

    def with_callbacks(method: Callable) -> Callable:
        """The method itself."""
        return method


__all__ = ["CallbackSupportMixin", "Messenger", "with_callbacks"]


class Messenger(Callback):
    """Tells an estimator's callbacks of its fit, and of every epoch, which they may make the last.

    Parameters
    ----------
    estimator : estimator
    x, y, sample_weight : array
        What it is fitted to, as it has checked them.
    """

    def __init__(self, estimator: Any, x: Any, y: Any, sample_weight: Any) -> None:
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.given = {"estimator": estimator, "X": x, "y": y, "metadata": metadata}

    def begin(self, fitting: Fitting) -> None:
        """Tell of the fit and its first epoch."""
        estimator = self.given["estimator"]
        self.fit = estimator._init_callback_context(max_subtasks=fitting.epochs)
        self.fit.call_on_fit_task_begin(**self.given)
        self._begin_epoch()

    def epoch(self, fitting: Fitting) -> None:
        """Tell of its end and, unless it was the last, of the next one."""

        def fitted() -> dict[str, Any]:
            return {"network_": fitting.network.copy(), "n_iter_": fitting.history.epochs}

        if self.under_way.call_on_fit_task_end(**self.given, reconstruction_attributes=fitted):
            fitting.stop()
        if not fitting.stopping and fitting.history.epochs < fitting.epochs:
            self._begin_epoch()

    def end(self, fitting: Fitting) -> None:
        """Tell of the fitted estimator."""
        if not fitting.failed:
            fitted = {"network_": fitting.network, "n_iter_": fitting.history.epochs}
            self.fit.call_on_fit_task_end(**self.given, reconstruction_attributes=fitted)

    def _begin_epoch(self) -> None:
        self.under_way = self.fit.subcontext(task_name="epoch")
        self.under_way.call_on_fit_task_begin(**self.given)
