"""sparsedend, asked for the probabilities of single images: by a predictor, and by an estimator."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsedend import Network, Predictor, backends
from sparsedend.optimizers import Adam

from ..machine import available_threads
from ..works import Request
from . import Contestant
from .ours import NetworkTrainer, network


def runner(work: Request, contestant: Contestant) -> Server:
    """A network of the work's weights that answers."""
    images, labels, drawn = work.draw()
    made = network(drawn, work.slope, backends.create("numba", available_threads()))
    server = Server(made, images, labels, work.batch, Adam())
    if contestant.variant == "predictor":
        server.answer = Predictor(made, work.batch, probabilities=True)
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
