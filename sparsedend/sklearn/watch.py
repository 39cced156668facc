"""What an estimator notes of a fit, and when it ends one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..training import Callback, Fitting


class Watch(Callback):
    """Notes losses and scores, and ends a fit that gets no better.

    Parameters
    ----------
    score : callable, optional
        Of the network as it is, on what is validated on; higher is better.
    tol : float
        An epoch is better where it is by more than this.
    patience : int
        Epochs in a row that may be no better.
    keep : bool
        Judge by the score where there is one, and leave the parameters of the best epoch in the
        network.

    Attributes
    ----------
    losses, scores : list of float
        One an epoch; scores where there is something to validate on.
    best : float
        The best score, or loss times -1.
    """

    def __init__(
        self,
        score: Callable[[], float] | None,
        *,
        tol: float,
        patience: int,
        keep: bool,
    ) -> None:
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.score = score
        self.tol, self.patience, self.keep = tol, patience, keep
        self.best = -np.inf
        self._waited = 0
        self._parameters: Any = None

    def epoch(self, fitting: Fitting) -> None:
        """Note and judge."""
        loss = fitting.history.training_loss[-1]
        self.losses.append(loss)
        if self.score is not None:
            self.scores.append(self.score())
        judged = self.scores[-1] if self.keep and self.score is not None else -loss
        self._waited = 0 if judged > self.best + self.tol else self._waited + 1
        if judged > self.best:
            self.best = judged
            if self.keep:
                self._parameters = fitting.network.parameters.copy()
        if self._waited >= self.patience:
            fitting.stop()

    def end(self, fitting: Fitting) -> None:
        """Put the best parameters back."""
        if self._parameters is not None and not fitting.failed:
            fitting.network.parameters = self._parameters
