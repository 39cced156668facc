"""What a page on a checkpoint is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from numpy.typing import NDArray

from .. import analysis, run
from ..checkpoint import Checkpoint
from ..datasets import Dataset
from ..errors import InputError
from ..network import Network
from ..session import Evaluation
from ..training import History
from . import pictures


@dataclass(frozen=True)
class Subject:
    """A checkpoint with the images that its network is tested with; what there is none of raises.

    Attributes
    ----------
    path : Path
    state : Checkpoint
    given : Dataset, optional
        The images, where they can be had.
    tested : Evaluation, optional
        What the network does on them.
    why : str
        Why there are none.
    """

    path: Path
    state: Checkpoint
    given: Dataset | None = None
    tested: Evaluation | None = None
    why: str = ""

    @property
    def network(self) -> Network:
        """Its network."""
        return self.state.network

    @property
    def dataset(self) -> Dataset:
        """The images.

        Raises
        ------
        InputError
            Where there are none, and why.
        """
        if self.given is None:
            raise InputError(self.why)
        return self.given

    @property
    def history(self) -> History:
        """How it learnt.

        Raises
        ------
        InputError
            Where the checkpoint has no training, or none of an epoch.
        """
        training = self.state.training
        if training is None or not training.history.epochs:
            raise InputError("the checkpoint has no finished epoch of a training")
        return training.history

    @cached_property
    def model(self) -> str:
        """Name of its model; empty where it does not say, or not one that is known here."""
        try:
            return run.model_of(self.path, self.state.about)
        except InputError:  # Of which the section on the configuration tells.
            return ""

    @property
    def colour(self) -> str:
        """Of its curves."""
        return pictures.colour(self.model)

    @cached_property
    def probabilities(self) -> NDArray:
        """Of each class for each test image; raises as `analysis.class_probabilities`."""
        return analysis.class_probabilities(self.network, self.dataset)

    @property
    def predicted(self) -> NDArray:
        """What each test image is taken for."""
        return self.probabilities.argmax(axis=1)
