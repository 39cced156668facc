"""Samples that come in portions: from arrays larger than memory, or as batches from anywhere."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from .errors import InputError
from .numbers import real, whole
from .randomness import stream

#: Bytes of the samples that are shuffled together unless the caller says how many, and of those
#: that are read at once.
WINDOW, BLOCK = 2**27, 2**23
#: Blocks of a window and of all samples, at least, where chunks are not larger.
IN_WINDOW, IN_ALL = 16, 64


class Piece(NamedTuple):
    """Samples with their targets and weights, not checked yet.

    Attributes
    ----------
    x, y : array
    where : str
        They are from, for messages.
    weights : (samples,) array, optional
        As in `fit`.
    """

    x: Any
    y: Any
    where: str
    weights: Any = None


class Portion(NamedTuple):
    """Samples that are in memory together.

    Attributes
    ----------
    pieces : iterable of Piece
        Read one after the other.
    room : int, optional
        Samples of all of them at most; those of the first where it is the only one.
    order : (samples,) int64, optional
        In which they are taken; as they lie where there is none.
    """

    pieces: Iterable[Piece]
    room: int | None = None
    order: NDArray | None = None


class Feed(ABC):
    """Samples in portions, epoch after epoch; `fit` takes it in the place of inputs and targets.

    A thread reads and checks one portion ahead of the kernels.
    """

    @abstractmethod
    def batches(self, batch_size: int) -> int:
        """Batches of an epoch; 0 where nobody knows."""

    @abstractmethod
    def portions(
        self, batch_size: int, seed: int | None = None, epoch: int = 0
    ) -> Iterator[Portion]:
        """All samples once.

        Parameters
        ----------
        batch_size : int
        seed : int, optional
            Of the order, and of what is random in them; as they lie where it is not given.
        epoch : int
            Counted from 0; each has an order of its own.
        """

    def targets(self) -> Iterator[Piece]:
        """Targets and weights of all samples, without inputs; none where they are not known yet."""
        return iter(())

    def split(self, share: float, seed: int) -> tuple[Feed, Feed]:
        """What is trained on, and a share that is held out to validate on.

        Raises
        ------
        InputError
            Where the share is out of range, or nobody knows what is to come.
        """
        raise InputError(
            f"validation is a share of {share:g}, but nobody knows how many batches will come: "
            "give validation data of your own, or validation=None"
        )


class Batches(Feed):
    """Batches from anywhere: a file format of your own, a data base, another library's loader.

    Parameters
    ----------
    source : callable, or iterable
        Gives (inputs, targets) of one batch after the other, arrays that it does not change
        afterwards; or (inputs, targets, weights of samples), which should be 1 on average over all
        batches, since nobody can know their mean. A function is called for every epoch, in the
        thread that reads, and returns them anew; an iterable is gone through every epoch. A batch
        of more samples than the training's batch size is more than one step.

    Raises
    ------
    InputError
        Where it is neither, or could be gone through once alone. In a fit, where a batch is no
        pair or triple, or its samples cannot be used.

    Examples
    --------
    >>> feed = Batches(lambda: map(read, sorted(folder.glob("*.npz"))))  # doctest: +SKIP
    >>> fit(network, feed, validation=None)  # doctest: +SKIP
    """

    def __init__(self, source: Callable[[], Iterable[Any]] | Iterable[Any]) -> None:
        if not callable(source):
            if not isinstance(source, Iterable):
                raise InputError(
                    f"batches are {type(source).__name__}: give a function that returns an "
                    "iterable of (inputs, targets), or such an iterable"
                )
            if isinstance(source, Iterator):
                raise InputError(
                    f"batches are a {type(source).__name__}, which can be gone through once: give "
                    "a function that returns a new one for every epoch"
                )
        self.source = source

    def batches(self, batch_size: int) -> int:
        """As many as the source says that it has."""
        try:
            return len(self.source)  # type: ignore[arg-type]
        except TypeError:  # It has no length, or only the method: PyTorch's loaders of streams.
            return 0

    def portions(
        self, batch_size: int, seed: int | None = None, epoch: int = 0
    ) -> Iterator[Portion]:
        """One for each batch."""
        source = self.source() if callable(self.source) else self.source
        for number, batch in enumerate(source):
            if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
                raise InputError(
                    f"batch {number} of the feed is {type(batch).__name__}: give a pair of inputs "
                    "and targets, perhaps with weights"
                )
            x, y, *weights = batch
            yield Portion([Piece(x, y, f"batch {number} of the feed", *weights)])


class Arrays(Feed):
    """Samples of arrays that may be larger than memory, of which slices are read.

    They are shuffled every epoch, in two steps. The arrays are cut into blocks of neighbours, whole
    chunks where the inputs have chunks, and the blocks are taken in random order, any order being
    as likely as any other. What so comes one after the other is cut into windows, and within a
    window all orders are equally likely again. So every sample is used once an epoch, and any two
    blocks may meet in a batch; but samples of one block come in the same window, or in one and the
    next (in more where a chunk is larger than a window). Where the whole batches of a `window` hold
    all samples, the shuffle is that of all. Each epoch's order follows from the training's seed and
    the number of the epoch alone.

    In memory are two windows, one trained on and one being read.

    Parameters
    ----------
    x, y : arrays
        Inputs and targets, of which ``x[a:b]`` is an array: NumPy's, memory-mapped or not, data
        sets of h5py or Zarr, SciPy's sparse matrices. They are open as long as the fit takes. A
        chunk is read once an epoch, and again where a window ends within it, so that HDF5's own
        cache of them mostly costs time: ``h5py.File(path, rdcc_nbytes=0)`` does without.
    sample_weight : (samples,) array, optional
        How much each sample counts, relative to the others; read in slices too.
    window : int, optional
        Samples that are shuffled together, rounded to whole batches; as many as take 128 MiB, at
        four bytes a value or more, if not given.
    augment : callable, optional
        ``x, y = augment(x, y, random)`` of every batch that is trained on, copies that it may
        change, in their stored dtype and shape; `random` is a Generator of the seed and the epoch,
        and must be the only source of what is random. Validation sees the samples as they are.

    Raises
    ------
    InputError
        Where these have different lengths, or none, or a number is out of range.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        window: int | None = None,
        augment: Callable[[Any, Any, np.random.Generator], tuple[Any, Any]] | None = None,
    ) -> None:
        given = {"inputs": x, "targets": y, "sample weights": sample_weight}
        if sample_weight is None:
            del given["sample weights"]
        for name, array in given.items():
            if not all(hasattr(array, each) for each in ("shape", "dtype", "__getitem__")):
                raise InputError(
                    f"{name} are {type(array).__name__}: give an array that can be sliced"
                )
        lengths = {name: array.shape[0] if array.shape else 0 for name, array in given.items()}
        samples = lengths["inputs"]
        if not samples or set(lengths.values()) != {samples}:
            words = " and ".join(f"{count} {name}" for name, count in lengths.items())
            raise InputError(f"there are {words}: give one of each for every sample")
        values = math.prod(x.shape[1:])
        size = max(1, values * max(x.dtype.itemsize, 4))
        self.x, self.y, self.sample_weight, self.augment = x, y, sample_weight, augment
        self.window = max(1, WINDOW // size) if window is None else whole("window", window)
        self.block = _block(x, samples, min(BLOCK // size, self.window // IN_WINDOW))
        self.blocks = np.arange(-(-samples // self.block))

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self._ranges(self.blocks))

    def __repr__(self) -> str:
        return (
            f"<Arrays of {len(self):,} samples in {len(self.blocks):,} blocks, shuffled in windows "
            f"of {self.window:,}>"
        )

    def batches(self, batch_size: int) -> int:
        """Of which the last alone may be shorter."""
        return math.ceil(len(self) / batch_size)

    def split(self, share: float, seed: int) -> tuple[Arrays, Arrays]:
        """Whole blocks are held out, chosen by the seed.

        Raises
        ------
        InputError
            Where the share is out of range, or there is one block alone.
        """
        share = real("the share of validation", share, 0, 1, above=True)
        held_out = max(1, int(len(self.blocks) * share))
        if held_out >= len(self.blocks):
            raise InputError(
                f"of {len(self.blocks)} blocks with {held_out} held out none is left to train on: "
                "give a smaller share, smaller chunks or validation data of your own"
            )
        order = stream(seed, "split").permutation(self.blocks)
        return self._of(np.sort(order[:-held_out])), self._of(np.sort(order[-held_out:]))

    def _of(self, blocks: NDArray) -> Arrays:
        """The same with some of the blocks."""
        part = copy.copy(self)
        part.blocks = blocks
        return part

    def targets(self) -> Iterator[Piece]:
        """Of one block after the other."""
        for part in self._ranges(self.blocks):
            yield self._piece(part, with_inputs=False)

    def portions(
        self, batch_size: int, seed: int | None = None, epoch: int = 0
    ) -> Iterator[Portion]:
        """Windows; augmented, single batches of them."""
        window = max(1, self.window // batch_size) * batch_size
        room = min(window, len(self))
        if seed is None:
            for ranges in self._windows(self.blocks, window):
                yield Portion(map(self._piece, ranges), room)
            return
        shuffle, random = stream(seed, "shuffle", epoch), stream(seed, "augmentation", epoch)
        for ranges in self._windows(shuffle.permutation(self.blocks), window):
            order = shuffle.permutation(sum(stop - start for start, stop in ranges))
            if self.augment is None:
                yield Portion(map(self._piece, ranges), room, order)
                continue
            pieces = [self._piece(each) for each in ranges]
            x, y = (np.concatenate([_dense(each[i]) for each in pieces]) for i in (0, 1))
            weights = None
            if self.sample_weight is not None:
                weights = np.concatenate([np.asarray(each.weights) for each in pieces])
            for start in range(0, len(order), batch_size):
                batch = order[start : start + batch_size]
                changed = self.augment(x[batch], y[batch], random)
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise InputError(
                        f"augment returned {type(changed).__name__}: return inputs and targets"
                    )
                given = None if weights is None else weights[batch]
                yield Portion([Piece(*changed, "an augmented batch", given)])

    def _windows(self, blocks: NDArray, window: int) -> Iterator[list[tuple[int, int]]]:
        """Ranges of neighbours in each window, all but the last of which are full."""
        ranges: list[tuple[int, int]] = []
        room = window
        for start, stop in self._ranges(blocks):
            while start < stop:
                end = min(stop, start + room)
                ranges.append((start, end))
                room -= end - start
                start = end
                if not room:
                    yield ranges
                    ranges, room = [], window
        if ranges:
            yield ranges

    def _ranges(self, blocks: NDArray) -> Iterator[tuple[int, int]]:
        """First sample of each block, and the first one behind it."""
        for start in (blocks * self.block).tolist():
            yield start, min(start + self.block, self.x.shape[0])

    def _piece(self, part: tuple[int, int], *, with_inputs: bool = True) -> Piece:
        """Neighbours, read."""
        start, stop = part
        return Piece(
            self.x[start:stop] if with_inputs else None,
            self.y[start:stop],
            f"samples {start} … {stop - 1} of the feed",
            None if self.sample_weight is None else self.sample_weight[start:stop],
        )


def _dense(part: Any) -> NDArray:
    """NumPy array of a slice, of a sparse matrix too."""
    return part.toarray() if issparse(part) else np.asarray(part)


def _block(x: Any, samples: int, most: int) -> int:
    """Samples of a block: whole chunks, and not so many that few blocks are left to shuffle."""
    rows = max(1, min(most, samples // IN_ALL))
    chunks = getattr(x, "chunks", None)
    chunk = chunks[0] if chunks and isinstance(chunks[0], int) else 1
    return max(1, rows // chunk) * chunk
