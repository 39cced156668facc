"""Samples that change, in arrays that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import SparseRows
from ..errors import InputError
from ..network import Network
from ..samples import Samples
from ..session import Session, Trainer
from ..workspace import Workspace


class Seat:
    """Room for samples, some after others, always in the same arrays.

    So what a session has recorded with them stays good, however often they change.

    Parameters
    ----------
    network : Network
    like : Samples
        Of the shapes and dtypes that it is for.
    room : int
        Samples, at most.

    Attributes
    ----------
    samples : Samples
        The arrays, whose first `taken` rows are in use.
    session : Session
        Of these samples, once it is open.
    train : callable
        Its `Session.trainer`, where it was opened for a training.
    """

    session: Session
    train: Callable[..., Any]

    def __init__(self, network: Network, like: Samples, room: int) -> None:
        self.network, self.loss, self.room = network, network.loss, room
        self.taken = 0
        self.opened = False
        zeros = network.backend.zeros
        self.samples = Samples(
            *(None if each is None else zeros((room, *each.shape[1:]), each.dtype) for each in like)
        )

    def takes(self, samples: Samples, room: int) -> bool:
        """Whether so many samples like these may sit here, by the network's loss as it is now."""
        return (
            room <= self.room
            and self.network.loss is self.loss
            and all(
                (mine is None and given is None)
                if mine is None or given is None
                else (mine.shape[1:] == given.shape[1:] and mine.dtype == given.dtype)
                for mine, given in zip(self.samples, samples, strict=True)
            )
        )

    def put(self, samples: Samples) -> None:
        """Copy samples to where the next ones sit.

        Raises
        ------
        InputError
            Where there is not so much room.
        """
        stop = self.taken + len(samples.inputs)
        if stop > self.room:
            raise InputError(
                f"the feed has a portion with room for {self.room} samples, but its pieces have "
                f"{stop} and perhaps more: tell the portion's room"
            )
        for mine, given in zip(self.samples, samples, strict=True):
            if isinstance(given, SparseRows):
                mine[self.taken : stop] = given[:]
            elif given is not None:
                mine[self.taken : stop] = self.network.backend.place(given)
        self.taken = stop

    def open(self, workspace: Workspace, training: Trainer | None, batch_size: int) -> None:
        """Make the session of these samples, as they will be then."""
        self.session = Session.over(self.network, self.samples, workspace)
        if training is not None:
            self.train = self.session.trainer(training, batch_size)
        self.opened = True
