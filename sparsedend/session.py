"""One network at work on samples: forward, loss, backward, step."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .backends import Array
from .backends.types import Pass, Rates
from .errors import InputError
from .network import Network
from .numbers import whole
from .optimizers import Optimizer
from .samples import Samples, checked_inputs, checked_samples
from .workspace import Workspace, repeated


class Evaluation(NamedTuple):
    """Mean loss, and the share of samples that are right (0 … 1; NaN where the loss has no such).

    Of weighted samples, both are weighted.
    """

    loss: float
    accuracy: float


class Trainer(Protocol):
    """What a step needs of a `Training`."""

    dropout: np.random.Generator
    optimizer: Optimizer

    def begin(self, network: Network) -> None:
        """Take the network up."""

    def rates(self, steps: int, factor: float = 1.0) -> list[Rates]:
        """Begin so many steps."""

    def apply(self, network: Network, gradients: Array, rates: Any) -> None:
        """Change the network's parameters."""

    def rehearse(self, network: Network, rates: Any) -> None:
        """Take a step that changes nothing."""


class Session:
    """A network at work on given samples, in batches of their indices.

    All that belongs to one run lies here: buffers, gradients, totals. Any number of sessions of one
    network may work at once, each in one thread; what comes out is the same as one after the other.
    Many calls cost a little less inside ``network.backend.limited()``.

    Parameters
    ----------
    network : Network
    inputs : (samples, height, width, channels) or (samples, features), uint8 or floating
    targets : array, optional
        As the network's loss takes them, one a sample; needed for all but `forward`.
    batch_size : int
        At most, in a batch.
    sample_weight, class_weight
        As in `fit`.
    training : bool
        Whether there is room for gradients.
    input_gradient : bool
        Whether `backward` returns the gradient of the inputs too.

    Attributes
    ----------
    gradients : (size,) array
        Of the mean loss of the batch under way, by `Network.ledger`.

    Raises
    ------
    InputError
        Where inputs, targets or weights cannot be used.
    """

    def __init__(
        self,
        network: Network,
        inputs: Any,
        targets: Any = None,
        *,
        batch_size: int = 128,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
        training: bool = True,
        input_gradient: bool = False,
    ) -> None:
        batch_size = whole("batch size", batch_size)
        if targets is None:
            if sample_weight is not None or class_weight is not None:
                raise InputError("there are weights, but no targets: give both or neither")
            samples = Samples(checked_inputs(network, inputs))
        else:
            samples = checked_samples(network, inputs, targets, sample_weight, class_weight)
        room = min(batch_size, len(samples.inputs))
        workspace = Workspace(network, room, training=training, input_gradient=input_gradient)
        self._open(network, samples, workspace)

    @classmethod
    def over(cls, network: Network, samples: Samples, workspace: Workspace) -> Session:
        """Session of samples that are checked, in a workspace that nobody else uses meanwhile.

        What was scored in the workspace before counts in its totals too, until `begin`.
        """
        made = cls.__new__(cls)
        made._open(network, samples, workspace)
        return made

    def _open(self, network: Network, samples: Samples, workspace: Workspace) -> None:
        self.network, self._parameters = network, network.parameters
        self.backend = workspace.backend
        place = self.backend.place
        self._inputs: Array = place(samples.inputs)
        self._targets, self._weights = (
            None if each is None else place(each) for each in samples[1:]
        )
        # The loss that has checked the targets: the network may get another one.
        self._loss = network.loss
        self._workspace = workspace
        self._on_host = isinstance(self._inputs, np.ndarray)
        self._drops = any(layer.drops for layer in network.layers)
        self._scored = False
        self._training: Trainer | None = None
        self._once = _Scoring(self._targets, self._weights, self._loss, self._workspace)
        self._score = repeated(self.backend, self._once, *network.layers, self._loss)

    def __len__(self) -> int:
        return len(self._inputs)

    def __repr__(self) -> str:
        return (
            f"<Session of {len(self):,} samples in batches of up to {self._workspace.samples}, "
            f"{self.network.size:,} parameters>"
        )

    @property
    def gradients(self) -> Array:
        """Gradients of the batch under way, (size,)."""
        return self._workspace.gradients

    def begin(self) -> None:
        """Forget what was scored."""
        self._workspace.totals.fill(0)

    def forward(self, order: Any) -> Array:
        """Outputs of the samples at the indices `order`; nothing is dropped.

        Returns
        -------
        (outputs, width) array of the backend
            Overwritten by the next call; columns beyond the samples are padding.

        Raises
        ------
        InputError
            Where an index is out of range, there are too many, or the network was moved.
        """
        order = self._checked(order)
        self._scored = False
        with self.backend.limited():
            return self._workspace.forward(self._inputs, order, None)

    def score(self, order: Any) -> None:
        """Add the loss of the samples `order`, of which nothing is dropped, to the totals.

        Raises
        ------
        InputError
            As `forward`, and where the session has no targets.
        """
        order = self._checked(order, with_targets=True)
        with self.backend.limited():
            self._score(self._inputs, order, (), None)
        self._scored = True

    def backward(self) -> Array | None:
        """Fill `gradients` with those of the mean loss of the batch just scored.

        Returns
        -------
        (features, width) array of the backend, or None
            The gradient of the inputs, where it was asked for.

        Raises
        ------
        InputError
            Where no batch has just been scored, there is no room for gradients, or dropout has
            dropped nothing, so that its gradients would be those of an earlier batch.
        """
        self._check_training()
        if not self._scored:
            raise InputError("no batch has been scored since the last step: call score first")
        if self._drops:
            raise InputError(
                "the last forward pass dropped nothing, as outside of training: use train_step"
            )
        self._scored = False
        with self.backend.limited():
            return self._workspace.backward()

    def train_step(self, training: Trainer, order: Any) -> None:
        """One step on the samples `order`: forward, loss, backward, and the optimizer's.

        Raises
        ------
        InputError
            As `score`, and where there is no room for gradients, the training is another network's
            or the network is being trained already.
        """
        self._check_training()
        with self.network.training(), self.backend.limited():
            order = self._checked(order, with_targets=True)
            training.begin(self.network)
            if training is not self._training:
                self._training, self._step = training, self._step_of(training)
            self._scored = False
            (rates,) = training.rates(1)
            self._step(self._inputs, order, rates, training.dropout)

    def totals(self) -> Evaluation:
        """Mean loss and accuracy of all that was scored since the last call."""
        loss, right, weight = self.backend.fetch(self._workspace.totals).tolist()
        self.begin()
        weight = weight or math.nan
        return Evaluation(loss / weight, right / weight if self._loss.judges else math.nan)

    def trainer(
        self, training: Trainer, batch_size: int
    ) -> Callable[[NDArray, Sequence[Rates], Any], Any]:
        """`Backend.batches` of steps of a training, on all samples of an order.

        Raises
        ------
        InputError
            As `forward`: where a batch is larger than the session has room for and, when it is
            called, where an index is out of range or the network was moved.
        """
        self._check_batches(batch_size)
        step = partial(self._step_of(training), self._inputs)
        epoch = self.backend.batches(step, batch_size)

        def trained(order: NDArray, rates: Sequence[Rates], random: Any) -> Iterator[None]:
            self._scored = False
            return epoch(self._within(order), rates, random)

        return trained

    def scorer(self, batch_size: int) -> Callable[[NDArray], Evaluation]:
        """Prepare to evaluate the network, as it will be then, on the samples of an order.

        Raises
        ------
        InputError
            As `trainer`.
        """
        self._check_batches(batch_size)
        epoch = self.backend.batches(partial(self._score, self._inputs), batch_size)

        def evaluated(order: NDArray) -> Evaluation:
            self._scored = False
            order = self._within(order)
            for _ in epoch(order, [()] * math.ceil(len(order) / batch_size), None):
                pass
            return self.totals()

        return evaluated

    def rehearse(self, training: Trainer) -> None:
        """Do all that a step does on one sample, and change nothing, so that all is compiled."""
        order = self.backend.place(np.zeros(1, np.int64))
        network, once, workspace = self.network, self._once, self._workspace

        def step(samples: Array, order: Array, rates: Any, random: Any) -> None:
            once(samples, order, rates, random)
            workspace.backward()
            training.rehearse(network, rates)

        rates = training.optimizer.rates(1, 1.0)
        random = copy.deepcopy(training.dropout)
        self._repeated(step, training)(self._inputs, order, rates, random)
        self._scored = False
        self.begin()

    def _step_of(self, training: Trainer) -> Pass:
        """A step of a training on a batch."""
        network, once, workspace = self.network, self._once, self._workspace

        def step(samples: Array, order: Array, rates: Any, random: Any) -> None:
            once(samples, order, rates, random)
            workspace.backward()
            training.apply(network, workspace.gradients, rates)

        return self._repeated(step, training)

    def _repeated(self, step: Pass, training: Trainer) -> Pass:
        parts = (*self.network.layers, self._loss, training, training.optimizer)
        return repeated(self.backend, step, *parts)

    def _check_batches(self, batch_size: int) -> None:
        room = self._workspace.samples
        if whole("batch size", batch_size) > room:
            raise InputError(f"batch size is {batch_size}, but the session has room for {room}")

    def _check_training(self) -> None:
        if not self._workspace.training:
            raise InputError("the session has no gradients: make it with training=True")

    def _checked(self, order: Any, *, with_targets: bool = False) -> Array:
        """Indices that may be used without a further look."""
        if with_targets and self._targets is None:
            raise InputError("the session has no targets: make it with them")
        # What most callers give is looked at once: a small step takes no longer than fifty calls.
        if type(order) is np.ndarray and order.dtype == np.int64 and order.flags.c_contiguous:
            placed = order if self._on_host else self.backend.place(order)
        else:
            placed = self._indices(order)
        if placed.ndim != 1 or not 1 <= placed.size <= self._workspace.samples:
            raise InputError(
                f"the order has shape {placed.shape}: give a vector of 1 to "
                f"{self._workspace.samples} samples, which the session has room for"
            )
        return self._within(placed)

    def _within(self, order: Array) -> Array:
        """An order of contiguous int64 whose samples exist, of a network that was not moved."""
        if self.network.parameters is not self._parameters:
            raise InputError(
                f"the network was moved to backend '{self.network.backend.name}': make a new "
                "session"
            )
        # Seen without a sign, negative numbers are larger than any number of samples.
        if order.size and int(order.view(np.uint64).max()) >= len(self._inputs):
            where = int(((order < 0) | (order >= len(self))).argmax())
            raise InputError(
                f"index {int(order[where])} at {where} of the order is out of range: there are "
                f"{len(self)} samples"
            )
        return order

    def _indices(self, order: Any) -> Array:
        """An order of any kind as contiguous int64."""
        placed = self.backend.place(order)
        if placed.ndim != 1 or placed.dtype.kind not in "iu":
            raise InputError(
                f"the order is {placed.dtype} of shape {placed.shape}: give a vector of integers"
            )
        placed = placed.astype(np.int64, copy=False)
        return placed if placed.flags.c_contiguous else placed.copy()


class _Scoring:
    """The score of a batch of samples.

    It knows no session, which keeps it: buffers are let go at once, not when Python looks for
    circles.
    """

    def __init__(
        self, targets: Array, weights: Array | None, loss: Any, workspace: Workspace
    ) -> None:
        self.targets, self.weights, self.loss, self.workspace = targets, weights, loss, workspace

    def __call__(self, samples: Array, order: Array, rates: Any, random: Any) -> None:
        workspace = self.workspace
        self.loss.score(
            workspace.backend,
            workspace.forward(samples, order, random),
            self.targets,
            order,
            self.weights,
            workspace.delta,
            workspace.totals,
        )
