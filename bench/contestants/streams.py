"""sparsedend, trained on images that lie in memory, or in a file that is read meanwhile."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, backends
from sparsedend.feeds import WINDOW, Arrays
from sparsedend.optimizers import Adam
from sparsedend.training.fed import Fed

from ..machine import available_threads
from ..works import WRITTEN, Stream
from . import Contestant
from .ours import NetworkTrainer, network
from .runner import EPSILON

#: Images of a chunk.
CHUNK = 256


def runner(work: Stream, contestant: Contestant) -> StreamTrainer:
    """The same training, wherever the images are."""
    images, labels, drawn = work.draw()
    made = network(drawn, work.slope, backends.create("numba", available_threads()))
    kind = FileTrainer if contestant.variant == "hdf5" else StreamTrainer
    return kind(made, images, labels, work)


class StreamTrainer(NetworkTrainer):
    """All images in memory."""

    def __init__(self, made: Network, images: NDArray, labels: NDArray, work: Stream) -> None:
        self.count = work.images
        super().__init__(made, *self.all_of(images, labels), work.batch, Adam(epsilon=EPSILON))
        self.begin(work, images)
        self.training.begin(made)
        self.under_way = chain.from_iterable(iter(self.an_epoch, None))
        whole = math.ceil(work.images / work.batch)
        # A window at least, so that every call has its share of the reading.
        a_window = min(whole, math.ceil(WINDOW / (4 * work.inputs * work.batch)))
        self.calls, self.repeats = (whole, 1) if work.task == "run" else (a_window,) * 2
        self.parts = {work.task: self.go_on}

    def all_of(self, images: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
        """What is held in memory."""
        return np.resize(images, (self.count, images.shape[1])), np.resize(labels, self.count)

    def an_epoch(self) -> Iterator[None]:
        """Steps on all images, as `fit` does them."""
        training = self.training
        order = training.shuffle.permutation(self.count)
        rates = training.rates(math.ceil(self.count / training.batch_size))
        return self.epoch(order, rates, training.dropout)

    def go_on(self) -> None:
        """As many steps as a call has."""
        for _ in islice(self.under_way, self.calls):
            pass


class FileTrainer(StreamTrainer):
    """All images in HDF5."""

    def all_of(self, images: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
        """The first of them, and the file."""
        inputs = images.shape[1]
        # The file has no name any more when the context ends, and goes with the process.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "images.h5"
            with h5py.File(path, "w") as file:
                shape = self.count, inputs
                written = file.create_dataset(
                    "x", shape, np.uint8, chunks=(min(CHUNK, self.count), inputs)
                )
                most = min(self.count, WRITTEN)
                for start in range(0, most, len(images)):
                    stop = min(start + len(images), most)
                    written[start:stop] = images[: stop - start]
                file["y"] = np.resize(labels.astype(np.uint8), self.count)
            self.file = h5py.File(path, rdcc_nbytes=0)
        return images, labels

    @cached_property
    def fed(self) -> Fed:
        """What reads it."""
        feed = Arrays(self.file["x"], self.file["y"])
        return Fed(self.network, feed, self.training.batch_size, self.training)

    def an_epoch(self) -> Iterator[None]:
        """Steps on all images, as `fit` does them."""
        return self.fed.train(1.0)
