"""Answers for few samples at once, in as little time as there is."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from .backends import Array, SparseRows
from .backends.arrays import on_gpu
from .errors import InputError
from .network import Network
from .numbers import whole
from .samples import checked_inputs
from .workspace import Workspace


class Predictor:
    """`predict` for batches of a few samples, with all checked and reserved beforehand.

    Any number of threads may call one predictor at once: a call takes buffers that no other call
    uses, those of an earlier one where they are free, and gives them back. So there are as many as
    there were calls at once, and what comes out is what one call after the other would have given.

    Parameters
    ----------
    network : Network
        As it is at each call: it may be trained meanwhile.
    batch_size : int
        Samples of a call, at most; fewer take as long.
    probabilities, raw : bool
        What is answered, as by `predict`.

    Raises
    ------
    InputError
        Where a number is out of range, both kinds of answer are asked for, or the loss has no
        probabilities.

    Examples
    --------
    >>> predictor = Predictor(network)  # doctest: +SKIP
    >>> predictor.warmup()  # doctest: +SKIP
    >>> predictor(x)  # doctest: +SKIP
    array([3])
    """

    def __init__(
        self,
        network: Network,
        batch_size: int = 1,
        *,
        probabilities: bool = False,
        raw: bool = False,
    ) -> None:
        if raw and probabilities:
            raise InputError("raw outputs and probabilities are both asked for: choose one")
        self.network, self.batch_size = network, whole("batch size", batch_size)
        self._backend, self._parameters = network.backend, network.parameters
        self._raw, self._probabilities = raw, probabilities
        self._answers(self._backend.zeros((1, network.outputs), network.dtype))
        self._shapes = {(network.inputs,), network.image_shape}
        #: In which inputs come that need no change.
        self._dtypes = [network.dtype]
        if len(network.image_shape) == 3:
            self._dtypes.append(np.dtype(np.uint8))
        self._free: dict[np.dtype, deque[_Place]] = {
            np.dtype(each): deque() for each in (np.uint8, np.float32, np.float64)
        }

    def __repr__(self) -> str:
        return f"<Predictor of up to {self.batch_size:,} samples, {self.network.size:,} parameters>"

    def __getstate__(self) -> dict[str, Any]:
        """All but the buffers: a copy, or one in another process, reserves its own."""
        kind = {"probabilities": self._probabilities, "raw": self._raw}
        return {"network": self.network, "batch_size": self.batch_size, **kind}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def warmup(self) -> None:
        """Compile and reserve what a call needs, which the first ones do otherwise.

        For numbers of the network's dtype and, where it takes images, for their bytes.
        """
        for dtype in self._dtypes:
            for _ in range(2):  # The first is recorded, the second repeats it.
                self(np.zeros((self.batch_size, self.network.inputs), dtype))

    def __call__(self, x: Any) -> Array:
        """What the network says of samples.

        Parameters
        ----------
        x : (samples, height, width, channels) or (samples, features)

        Returns
        -------
        array
            As `predict`.

        Raises
        ------
        InputError
            Where the samples cannot be used or are too many, or the network was moved.
        """
        backend = self._backend
        if self.network.parameters is not self._parameters:
            raise InputError(
                f"the network was moved to backend '{self.network.backend.name}': make a new "
                "predictor"
            )
        inputs = self._checked(x)
        samples = len(inputs)
        if samples > self.batch_size:
            raise InputError(
                f"there are {samples} samples, but the predictor has room for {self.batch_size}: "
                "give fewer, or make it with a larger batch size"
            )
        free = self._free[inputs.dtype]
        with backend.limited():
            try:
                place = free.pop()
            except IndexError:
                place = _Place(self.network, self.batch_size)
            try:
                outputs = place.outputs(inputs)
                # Waits for a GPU, before another call may write into the same buffers.
                fetched = backend.fetch(outputs)
            finally:
                free.append(place)
        return self._answers(outputs if on_gpu(x) else fetched)

    def _answers(self, outputs: Array) -> Array:
        if self._raw:
            return outputs
        return self.network.loss.answers(outputs, probabilities=self._probabilities)

    def _checked(self, x: Any) -> Array:
        """`checked_inputs`; of the usual samples in a tenth of its time."""
        if (
            type(x) is np.ndarray
            and x.dtype in self._dtypes
            and x.shape[1:] in self._shapes
            and len(x)
            and x.flags.c_contiguous
            and (x.dtype == np.uint8 or np.isfinite(x).all())
        ):
            return x.reshape(len(x), -1)
        inputs = checked_inputs(self.network, x)
        return inputs[:] if isinstance(inputs, SparseRows) else inputs


class _Place:
    """Buffers of one call at a time, and the way through the network that is recorded in them."""

    def __init__(self, network: Network, samples: int) -> None:
        self._workspace = Workspace(network, samples, training=False)
        self._order = network.backend.place(np.arange(samples))

    def outputs(self, inputs: Array) -> Array:
        """Outputs, (samples, outputs), in an array of their own."""
        samples = len(inputs)
        placed = self._workspace.backend.place(inputs)
        outputs = self._workspace.forward(placed, self._order[:samples], None)
        return outputs[:, :samples].T.copy()
