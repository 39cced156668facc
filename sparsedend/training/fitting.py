"""A fit under way, as callbacks see it."""

from __future__ import annotations

from ..network import Network
from .history import History
from .training import Training


class Fitting:
    """A fit under way, as callbacks see it.

    Attributes
    ----------
    network : Network
    training : Training
    epochs, batches : int
        Epochs in all, and batches of an epoch; 0 of a feed that does not say how many.
    validates : bool
        Whether there is validation.
    stopping : bool
        Whether this epoch is the last.
    failed : bool
        Whether an error has ended it.
    """

    batches: int

    def __init__(
        self, network: Network, training: Training, epochs: int, *, validates: bool
    ) -> None:
        self.network, self.training, self.epochs = network, training, epochs
        self.validates = validates
        self.stopping = self.failed = False

    @property
    def history(self) -> History:
        """What has happened so far."""
        return self.training.history

    def stop(self) -> None:
        """Make this epoch the last."""
        self.stopping = True
