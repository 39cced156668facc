"""How a network is trained, and where that stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import Array
from ..backends.formulas import zero
from ..backends.types import Rates
from ..errors import InputError
from ..network import Network
from ..numbers import whole
from ..optimizers import Adam, Optimizer
from ..randomness import SEED_MAX, stream
from .history import History
from .schedules import SCHEDULES, Schedule, named


class Training:
    """How a network is trained; once it has been, also where that stands between two epochs.

    Given to `fit` again, it goes on. With the network's parameters it is all that resuming needs,
    and lies in a checkpoint beside them.

    Parameters
    ----------
    optimizer : Optimizer, optional
        ``Adam()`` if not given.
    batch_size : int
    schedule : str or callable
        Factor of the learning rate by epoch: a name in `schedules.SCHEDULES`, or a function of the
        epoch, counted from 0, and the number of epochs.
    sequential : bool
        Do not shuffle: train on one class after the other, in batches of one class, and validate on
        samples of every class (`splits.split_by_class`).
    frozen : sequence of (int, str) or int
        Parameters that stay as they are: (layer, name) as in `Network.ledger`, or whole layers.
        Neither clipping nor weight decay sees them.
    seed : int
        Of the split, the batch order and dropout.

    Attributes
    ----------
    state : dict of str to (size,) array
        The optimizer's vectors; empty before the first step.
    steps : int
        Begun so far.
    shuffle, dropout : Generator
    history : History
    best : (size,) array, optional
        Parameters after the best epoch; kept for early stopping alone.
    stopped : str
        Why the training has ended for good: it diverged, or early stopping has put the best
        parameters back; empty if it has not.
    planned : int
        Epochs in all that the schedule was last computed for.
    seat : Seat, optional
        What `train_on_batch` uses again for the next batch; no copy has it, and no file.

    Raises
    ------
    InputError
        Where a number is out of range or the schedule is unknown.
    """

    def __init__(
        self,
        optimizer: Optimizer | None = None,
        *,
        batch_size: int = 128,
        schedule: str | Schedule = "constant",
        sequential: bool = False,
        frozen: Sequence[tuple[int, str] | int] = (),
        seed: int = 1,
    ) -> None:
        self.optimizer = optimizer or Adam()
        self.batch_size = whole("batch size", batch_size)
        self.schedule = named(schedule)
        self.sequential = bool(sequential)
        self.frozen = tuple(map(_frozen, frozen))
        self.seed = whole("seed", seed, 0, SEED_MAX)
        self.shuffle, self.dropout = stream(self.seed, "shuffle"), stream(self.seed, "dropout")
        self.history = History()
        self.state: dict[str, Array] = {}
        self.steps = 0
        self.best: Array | None = None
        self.stopped = ""
        self.planned = 0
        self.seat: Any = None
        self._network: Network | None = None
        self._parameters: Array | None = None
        self._parts: list[slice] = []
        self._still: list[slice] = []

    def __repr__(self) -> str:
        return (
            f"<Training by {self.optimizer!r} in batches of {self.batch_size}, seed {self.seed}, "
            f"{self.steps:,} steps, {self.history!r}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """All but the network, which `begin` is given."""
        return vars(self) | {"_network": None, "_parameters": None, "seat": None}

    def begin(self, network: Network) -> None:
        """Take up a network, for the first time or again; nothing where it is taken up already.

        Raises
        ------
        InputError
            Where the training is another network's, or a frozen parameter does not exist.
        """
        if network.parameters is self._parameters:
            return
        if self._network not in (None, network):
            raise InputError(
                "the training is that of another network: give this network's own or a new one, or "
                "a copy of it (copy.deepcopy) for a copy of its network"
            )
        if not self.state:
            self.state = {
                name: network.backend.zeros(network.size, network.dtype)
                for name in self.optimizer.states
            }
        for values in (*self.state.values(), *(() if self.best is None else (self.best,))):
            if values.shape != (network.size,) or values.dtype != network.dtype:
                raise InputError(
                    f"the training is that of a network with {values.size} parameters of "
                    f"{values.dtype}, but this one has {network.size} of {network.dtype}: give the "
                    "training of this network, or a new one"
                )
        self._still = _parts_of(network, self.frozen)
        self._parts = _between(self._still, network.size)
        self._network, self._parameters, self.seat = network, network.parameters, None
        self.follow(network)

    def check_epochs(self, epochs: int) -> None:
        """Check that the training may go on to so many epochs in all.

        Raises
        ------
        InputError
            Where it has ended for good, or its schedule was computed for another number.
        """
        if self.stopped:
            raise InputError(f"the training has ended ({self.stopped}): begin a new one")
        constant = self.schedule is SCHEDULES["constant"]
        if self.history.epochs and not constant and epochs != self.planned:
            raise InputError(
                f"the training follows a schedule over {self.planned} epochs, not {epochs}: go on "
                f"to {self.planned}, or begin a new one"
            )

    def follow(self, network: Network) -> None:
        """Move to where the network's backend computes."""
        place = network.backend.place
        self.state = {name: place(values) for name, values in self.state.items()}
        if self.best is not None:
            self.best = place(self.best)

    def rates(self, steps: int, factor: float = 1.0) -> list[Rates]:
        """Begin so many steps: what `apply` needs for each, at `factor` times the learning rate."""
        first = self.steps + 1
        self.steps += steps
        return [self.optimizer.rates(step, factor) for step in range(first, first + steps)]

    def apply(self, network: Network, gradients: Array, rates: Any) -> None:
        """Change the network's parameters by one of the steps that `rates` has begun."""
        optimizer, backend = self.optimizer, network.backend
        if optimizer.clip_norm is not None:
            for part in self._still:
                still = gradients[part]
                backend.elementwise(zero, (still,), (still,))
            backend.clip_norm(gradients, optimizer.clip_norm)
        if not self._still:
            optimizer.apply(backend, network.parameters, gradients, self.state, rates)
            return
        for part in self._parts:
            state = {name: values[part] for name, values in self.state.items()}
            optimizer.apply(backend, network.parameters[part], gradients[part], state, rates)

    def rehearse(self, network: Network, rates: Any) -> None:
        """Take a step with copies of a few parameters, so that what must be compiled is."""
        few = slice(0, 16)
        state = {name: values[few].copy() for name, values in self.state.items()}
        parameters = network.parameters[few].copy()
        gradients = parameters.copy()
        if self.optimizer.clip_norm is not None:
            network.backend.clip_norm(gradients, self.optimizer.clip_norm)
        self.optimizer.apply(network.backend, parameters, gradients, state, rates)


def _frozen(each: Any) -> tuple[int, str] | int:
    """A layer's number, or that and a parameter's name, as a file may keep them."""
    if isinstance(each, tuple | list) and len(each) == 2:
        return whole("the layer of a frozen parameter", each[0], 0), str(each[1])
    return whole("a frozen layer", each, 0)


def _parts_of(network: Network, frozen: Sequence[Any]) -> list[slice]:
    """Slices of the flat vector, ascending."""
    names: set[tuple[int, str]] = set()
    for each in frozen:
        chosen = {key for key in network.ledger if each in (key, key[0])}
        if not chosen:
            known = ", ".join(map(repr, network.ledger))
            raise InputError(f"there is no parameter {each!r} to freeze: choose of {known}")
        names |= chosen
    return [part for name, part in network.ledger.items() if name in names]


def _between(parts: list[slice], size: int) -> list[slice]:
    """The rest of a vector of that size."""
    starts = [0, *(part.stop for part in parts)]
    stops = [*(part.start for part in parts), size]
    return [slice(a, b) for a, b in zip(starts, stops, strict=True) if a < b]
