"""sparsedend, asked for probabilities: the network itself, a predictor, or an estimator."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, Predictor, backends, predict
from sparsedend.optimizers import Adam

from ..machine import available_threads
from ..works import Request
from . import Contestant
from .ours import NetworkTrainer, network

#: Requests of each caller, one after the other.
REQUESTS = 64


def runner(work: Request, contestant: Contestant) -> Server:
    """A network of the work's weights that answers; with callers, each of them is one thread."""
    how, _, callers = contestant.variant.partition("+")
    images, labels, drawn = work.draw()
    backend = backends.create("numba", 1 if callers else available_threads())
    made = network(drawn, work.slope, backend)
    kind = partial(Callers, int(callers)) if callers else Server
    server = kind(made, images, labels, work.batch, Adam())
    if how == "predictor":
        server.answer = Predictor(made, work.batch, probabilities=True)
    elif how == "predict":
        server.answer = partial(predict, made, probabilities=True)
    else:
        server.answer = estimator(made, images, labels).predict_proba
    server.begin(work, images)
    return server


def estimator(made: Network, images: NDArray, labels: NDArray) -> Any:
    """A fitted classifier whose network was replaced."""
    from sparsedend.sklearn import DendriticClassifier

    fitted = DendriticClassifier(image_shape=made.image_shape, max_iter=1).fit(images, labels)
    fitted.network_ = made
    return fitted


class Server(NetworkTrainer):
    """Whatever answers with probabilities."""

    answer: Callable[[NDArray], NDArray]

    def logits(self, images: NDArray) -> NDArray:
        """Logarithms of the probabilities."""
        return np.log(self.answer(images))

    def infer(self) -> NDArray:
        """Probabilities of the request."""
        return self.answer(self.request)

    def limited(self) -> AbstractContextManager[None]:
        """Nothing: who serves has no context around."""
        return nullcontext()


class Callers(Server):
    """So many threads that ask at once, again and again."""

    def __init__(self, callers: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.callers, self.pool = callers, ThreadPoolExecutor(callers)

    def begin(self, *arguments: Any) -> None:
        """As any; a call is all requests of all callers."""
        super().begin(*arguments)
        self.repeats = REQUESTS * self.callers

    def infer(self) -> None:
        """Probabilities of the request, for everybody and as often as each asks."""
        list(self.pool.map(self._ask, range(self.callers)))

    def _ask(self, caller: int) -> None:
        for _ in range(REQUESTS):
            self.answer(self.request)
