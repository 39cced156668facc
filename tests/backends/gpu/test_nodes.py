"""How many kernels a step of each kind of model is: to begin one takes as long as a small one."""

import numpy as np
import pytest

from sparsedend import Session, Training, models
from tests.backends.gpu.test_device import module

BATCH, STEPS = 20, 4


def nodes(backend, monkeypatch, network):
    """Names of the kernels of a step, and of all those in a graph of some of them."""
    rng, launched = np.random.default_rng(1), []
    images, labels = rng.integers(0, 256, (200, 64), dtype=np.uint8), rng.integers(0, 10, 200)
    monkeypatch.setattr(module(backend, "epoch_graphs"), "STEPS", STEPS)
    session, training = Session(network, images, labels, batch_size=BATCH), Training()
    training.begin(network)
    with backend.limited():
        order, rates = np.arange(BATCH * (1 + STEPS)), training.rates(1 + STEPS)
        epoch = session.trainer(training, BATCH)(order, rates, training.dropout)
        launch = module(backend, "launch")
        kernel = launch._kernel

        def noted(code, stored, name):
            launched.append(name)
            return kernel(code, stored, name)

        monkeypatch.setattr(launch, "_kernel", noted)
        next(epoch)
        of_a_step = launched[1:]
        launched.clear()
        assert len(list(epoch)) == STEPS
    return of_a_step, launched


#: Of a step, by the model's name and what is chosen of it; the first kernel of a graph comes once
#: for all of its steps. With one output the loss is a formula.
NODES = [
    ("dann-r", {}, 5),
    ("dann-r", {"outputs": 1}, 6),
    ("dann-r", {"layers": 2}, 8),
    ("dann-r", {"dropout": 0.2}, 19),
    ("pdann", {}, 14),
    ("vann", {}, 15),
    ("vann-lrf", {}, 14),
    ("sann", {}, 13),
    ("psann", {}, 14),
]


@pytest.mark.parametrize(("name", "options", "expected"), NODES)
def test_the_kernels_of_a_step(backend, monkeypatch, name, options, expected):
    given = {"outputs": 10, "dendrites": 2, "somata": 64, "synapses": 5} | options
    network = models.build(name, (8, 8, 1), **given, backend=backend)
    of_a_step, of_a_graph = nodes(backend, monkeypatch, network)
    assert len(of_a_step) == expected
    assert of_a_graph == ["next_batches", *STEPS * of_a_step]
