"""Samples of a feed, read by one thread while the kernels work on those before them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..feeds import Feed, Piece, Portion
from ..network import Network
from ..samples import (
    NO_WEIGHT,
    Samples,
    checked_samples,
    checked_targets,
    class_table,
    multiplied,
    warn_of_bytes,
)
from ..session import Evaluation
from ..workspace import Workspace
from .seats import Seat
from .training import Training

T = TypeVar("T")


class Fed:
    """What an epoch is made of where the samples come from a feed.

    Portions sit in two seats in turn: one is filled while the other is worked on.

    Parameters
    ----------
    network : Network
    feed : Feed
    batch_size : int
    training : Training, optional
        Whose steps are done; without one, the samples are but scored.
    table : (classes,) array, optional
        Weight of each class, from `class_table_of`.

    Raises
    ------
    InputError
        Where all weights are zero, or one that is known already cannot be used.
    """

    def __init__(
        self,
        network: Network,
        feed: Feed,
        batch_size: int,
        training: Training | None = None,
        table: NDArray | None = None,
    ) -> None:
        self.network = network
        self.batches = feed.batches(batch_size)
        self._feed, self._batch_size, self._training = feed, batch_size, training
        self._workspace = Workspace(network, batch_size, training=training is not None)
        # A GPU is given samples by the thread that computes on it, in the order of its work.
        self._by_reader = isinstance(self._workspace.totals, np.ndarray)
        self._seats: list[Seat | None] = [None, None]
        self._last: Seat
        self._turn = 0
        self._begun = False
        self._table = table
        self._mean = self._mean_weight()

    def train(self, factor: float) -> Iterator[None]:
        """Steps on all samples, in the order of the epoch, at a factor of the learning rate."""
        training, size = self._training, self._batch_size
        assert training is not None
        portions = self._feed.portions(size, training.seed, training.history.epochs)
        for seat, order in self._seated(portions):
            rates = training.rates(math.ceil(len(order) / size), factor)
            yield from seat.train(order, rates, training.dropout)

    def totals(self) -> Evaluation:
        """Of all that was scored since the last call."""
        return self._last.session.totals()

    def evaluate(self) -> Evaluation:
        """The network, as it is now, on all samples."""
        size = self._batch_size
        for seat, order in self._seated(self._feed.portions(size)):
            for start in range(0, len(order), size):
                seat.session.score(order[start : start + size])
        return self.totals()

    def _seated(self, portions: Iterator[Portion]) -> Iterator[tuple[Seat, NDArray]]:
        """Portion after portion in an open seat, with the order of its samples."""
        if self._by_reader:
            filled = _ahead(self._filled(each, self._checked(each)) for each in portions)
        else:
            checked = _ahead((each, list(self._checked(each))) for each in portions)
            filled = (self._filled(*each) for each in checked)
        last: Seat | None = None
        self._weighs = False
        for last, order in filled:
            if not last.opened:
                self._open(last)
            yield last, order
        if last is None:
            raise InputError("the feed has no samples: give at least one")
        if not self._weighs:
            raise InputError(NO_WEIGHT)
        self._last = last

    def _mean_weight(self) -> float:
        """Of all samples, to which weights are relative; 1 where it is not known yet."""
        total, samples = 0.0, 0
        for weights in _each(self._feed.targets(), self._weights):
            if weights is None:
                return 1.0
            total += weights.sum()
            samples += len(weights)
        if not samples:
            return 1.0
        if not total:
            raise InputError(NO_WEIGHT)
        return total / samples

    def _weights(self, piece: Piece) -> NDArray | None:
        """Of the samples of a piece, whose inputs need not be there."""
        targets = checked_targets(self.network, piece.y, len(piece.y))
        return multiplied(self.network, targets, piece.weights, self._table)

    def _checked(self, portion: Portion) -> Iterator[Samples]:
        """The pieces of a portion."""
        return _each(portion.pieces, self._samples)

    def _samples(self, piece: Piece) -> Samples:
        found = checked_samples(self.network, piece.x, piece.y)
        weights = multiplied(self.network, found.targets, piece.weights, self._table)
        self._weighs = self._weighs or weights is None or bool(weights.any())
        if weights is None:
            return found
        return found._replace(weights=(weights / self._mean).astype(self.network.dtype))

    def _filled(self, portion: Portion, pieces: Iterable[Samples]) -> tuple[Seat, NDArray]:
        """The seat whose turn it is, with these samples, and their order."""
        seat = None
        for samples in pieces:
            if seat is None:
                seat = self._seat(samples, portion.room or len(samples.inputs))
            elif not seat.takes(samples, seat.room):
                raise InputError(
                    "the feed has a portion whose pieces are of different kinds: give all the "
                    "same dtype and shape, and weights to all or to none"
                )
            seat.put(samples)
        if seat is None:
            raise InputError("the feed has a portion without a piece: leave it out")
        order = np.arange(seat.taken) if portion.order is None else portion.order
        return seat, _checked_order(order, seat.taken)

    def _seat(self, like: Samples, room: int) -> Seat:
        """The other one than last time, empty; made anew where it does not fit."""
        self._turn = 1 - self._turn
        seat = self._seats[self._turn]
        if seat is None or not seat.takes(like, room):
            seat = self._seats[self._turn] = Seat(self.network, like, room)
        seat.taken = 0
        return seat

    def _open(self, seat: Seat) -> None:
        seat.open(self._workspace, self._training, self._batch_size)
        if not self._begun:
            self._begun = True
            warn_of_bytes(self.network, seat.samples.inputs)
            if self._training is not None:
                seat.session.rehearse(self._training)


def _checked_order(order: Any, samples: int) -> NDArray:
    """The order of a portion, which whoever has written the feed has made."""
    found = np.asarray(order)
    if found.ndim != 1 or found.dtype.kind not in "iu" or not found.size:
        raise InputError(
            f"the feed has a portion whose order is {found.dtype} of shape {found.shape}: give "
            "indices, (samples,)"
        )
    least, most = int(found.min()), int(found.max())
    if least < 0 or most >= samples:
        wrong = least if least < 0 else most
        raise InputError(
            f"the feed has a portion of {samples} samples in whose order is {wrong}: give indices "
            f"from 0 to {samples - 1}"
        )
    return found.astype(np.int64, copy=False)


def class_table_of(
    network: Network, feed: Feed, weight_of: Mapping[int, float] | str | None
) -> NDArray | None:
    """Weight of each class of what a feed brings, as `samples.class_table`.

    Raises
    ------
    InputError
        Where a class or a weight cannot be, or classes are to be balanced that are not known yet.
    """

    def counted(piece: Piece) -> NDArray:
        targets = checked_targets(network, piece.y, len(piece.y))
        return network.loss.class_counts(targets, network.outputs)

    def counts() -> NDArray:
        found = sum(_each(feed.targets(), counted), np.zeros(network.outputs, np.int64))
        if not found.any():
            raise InputError(
                "class weights are 'balanced', but nobody knows the classes of batches that are to "
                "come: give a mapping"
            )
        return found

    return class_table(network, weight_of, counts)


def check_alone(**given: Any) -> None:
    """Refuse what is given beside a feed that brings it along.

    Raises
    ------
    InputError
        Where something is.
    """
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"`{name}` is given beside a feed, which brings its own: give it to the feed"
            )


def _each(pieces: Iterable[Piece], action: Callable[[Piece], T]) -> Iterator[T]:
    """What is made of one piece after the other; an error says of which."""
    for piece in pieces:
        try:
            yield action(piece)
        except InputError as error:
            raise InputError(f"{piece.where}: {error}") from None


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made by a thread while the one before it is worked on."""
    over = object()
    with ThreadPoolExecutor(1, "sparsedend-feed") as reader:
        coming = reader.submit(next, items, over)
        while (item := coming.result()) is not over:
            coming = reader.submit(next, items, over)
            yield cast(T, item)
