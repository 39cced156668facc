"""What looks on at a fit, and may end it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from tqdm import tqdm

from ..errors import InputError
from ..numbers import whole
from .fitting import Fitting


class Callback:
    """Is told of a fit's beginning, of every batch and epoch, and of its end.

    A function of the `Fitting` will do too: it is called after every epoch. What a callback does
    with the network meanwhile, such as evaluating it, does not change the training.
    """

    def begin(self, fitting: Fitting) -> None:
        """Before the first epoch."""

    def batch(self, fitting: Fitting) -> None:
        """After every batch of training, which a GPU need not have computed by then."""

    def epoch(self, fitting: Fitting) -> None:
        """After every epoch with its validation; `Fitting.stop` makes it the last."""

    def end(self, fitting: Fitting) -> None:
        """After the last epoch, also where an error ended the fit."""


class EveryEpoch(Callback):
    """Calls a function after every epoch."""

    def __init__(self, function: Callable[[Fitting], object]) -> None:
        self.function = function

    def epoch(self, fitting: Fitting) -> None:
        """Call it."""
        self.function(fitting)


class EarlyStopping(Callback):
    """Ends a fit after so many epochs without a lower validation loss.

    The parameters of the best epoch are left in the network, also where the last epoch comes first.

    Parameters
    ----------
    patience : int
        Epochs.

    Raises
    ------
    InputError
        Where it is below 1; in a fit, where there is no validation, or the training goes on from
        epochs whose best parameters were not kept.
    """

    def __init__(self, patience: int) -> None:
        self.patience = whole("patience", patience)

    def begin(self, fitting: Fitting) -> None:
        """Check that the best parameters are known; a training may be out of patience already."""
        training = fitting.training
        if not fitting.validates:
            raise InputError(
                f"patience is {self.patience}, but there is no validation: give fit some"
            )
        if training.history.epochs and training.best is None:
            raise InputError(
                f"patience is {self.patience}, but the training has {training.history.epochs} "
                "epochs behind it whose best parameters were not kept: give patience from the start"
            )
        self._judge(fitting)

    def epoch(self, fitting: Fitting) -> None:
        """Keep the parameters where they are the best so far."""
        history = fitting.history
        if history.best_epoch == history.epochs:
            fitting.training.best = fitting.network.parameters.copy()
        self._judge(fitting)

    def end(self, fitting: Fitting) -> None:
        """Put the best parameters back."""
        training = fitting.training
        ended = fitting.stopping or training.history.epochs == fitting.epochs
        if ended and not fitting.failed and training.best is not None:
            fitting.network.parameters = training.best
            history = training.history
            training.stopped = (
                f"early stopping after epoch {history.epochs}"
                if fitting.stopping
                else f"after epoch {history.epochs}, its last, the parameters of epoch "
                f"{history.best_epoch} were put back"
            )

    def _judge(self, fitting: Fitting) -> None:
        history = fitting.history
        if history.epochs - history.best_epoch >= self.patience:
            fitting.stop()


class ProgressBar(Callback):
    """A progress bar on standard error.

    Parameters
    ----------
    show : bool, optional
        By default where standard error is a terminal.
    """

    def __init__(self, show: bool | None = None) -> None:
        self.show = show

    def begin(self, fitting: Fitting) -> None:
        """Open the bar."""
        show = sys.stderr.isatty() if self.show is None else self.show
        self.bar = tqdm(
            total=fitting.epochs * fitting.batches or None,
            initial=fitting.history.epochs * fitting.batches,
            unit="batch",
            disable=not show,
        )

    def batch(self, fitting: Fitting) -> None:
        """One more."""
        self.bar.update()

    def epoch(self, fitting: Fitting) -> None:
        """Loss and accuracy, of validation where there is one."""
        history = fitting.history
        losses, accuracies = (
            (history.validation_loss, history.validation_accuracy)
            if fitting.validates
            else (history.training_loss, history.training_accuracy)
        )
        self.bar.set_postfix(
            epoch=history.epochs,
            loss=f"{losses[-1]:.4f}",
            accuracy=f"{accuracies[-1]:.2%}",
            refresh=False,
        )

    def end(self, fitting: Fitting) -> None:
        """Close the bar."""
        self.bar.close()


def as_callbacks(given: Iterable[Callback | Callable] | None) -> list[Callback]:
    """Callbacks of what a caller gave; None is a progress bar.

    Raises
    ------
    InputError
        Where something is neither a callback nor a function.
    """
    found = []
    for each in [ProgressBar()] if given is None else given:
        if not isinstance(each, Callback) and not callable(each):
            raise InputError(
                f"{each!r} is no callback: give a Callback, or a function of a fitting"
            )
        found.append(each if isinstance(each, Callback) else EveryEpoch(each))
    return found
