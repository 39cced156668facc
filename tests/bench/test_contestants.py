"""Everybody does the same work, here in one process."""

import importlib
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from bench import harness
from bench.contestants import (
    COMPILED,
    CONTESTANTS,
    DENSE,
    KERAS,
    MKL,
    OURS,
    PDANN,
    VANN,
    ours,
)
from bench.works import Dendritic, Layer, Perceptron

pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")

WORKS = (
    Dendritic(30, 2, 3, synapses=4, batch=5),
    Dendritic(30, 2, 3, synapses=4, batch=5, task="inference"),
    Layer(40, 20, 0.1, batch=7),
    Layer(40, 20, 0.1, batch=7, constant_fan_in=True, backward=False),
    Perceptron((20, 10, 5), (0.3, 1.0), batch=6),
    Perceptron((20, 10, 5), (1.0, 1.0), batch=6, pixels=False),
)
#: Those that change the process that they are in are compared by the harness alone.
OTHERS = [
    name
    for name, each in CONTESTANTS.items()
    if each.device == "cpu" and name not in (OURS, COMPILED, KERAS, MKL)
]


def made(name, work):
    contestant = CONTESTANTS[name]
    if absent := harness.missing(contestant):
        pytest.skip(f"not installed: {', '.join(absent)}")
    if not contestant.can_do(work):
        pytest.skip("it does no such work")
    module = importlib.import_module(f"bench.contestants.{contestant.module}")
    return module.runner(work, contestant)


def shown(runner):
    with runner.limited():
        outputs, proof = np.array(runner.outputs()), runner.proof()
        for part in runner.parts.values():
            part()
        return outputs, proof


@pytest.fixture(scope="module")
def reference():
    return {work: shown(made(OURS, work)) for work in WORKS}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("work", WORKS, ids=str)
def test_outputs_and_proofs_are_ours(work, name, reference):
    runner = made(name, work)
    outputs, proof = shown(runner)
    assert outputs.shape[0] == work.batch
    np.testing.assert_allclose(outputs, reference[work][0], atol=1e-4)
    expected = reference[work][1]
    trained = getattr(work, "task", "") != "inference" and getattr(work, "backward", True)
    # Who trains weights that do not exist proves nothing.
    more = not isinstance(work, Layer) and name in (
        DENSE,
        VANN,
        PDANN,
        "nerva-numpy",
        "scikit-learn",
    )
    if not trained or (more and work.connections < work.dense_values):
        assert proof is None
    else:
        largest = np.abs(expected).max()
        np.testing.assert_allclose(proof, expected, atol=harness.FALL_TOLERANCE * largest)


def test_steps_are_the_same_one_by_one_and_queued():
    one, queued = (made(OURS, WORKS[0]) for _ in range(2))
    with one.limited():
        for order in one.orders[:3]:
            one.step(order)
    with queued.limited():
        queued.steps(queued.orders[:3])
        np.testing.assert_array_equal(queued.logits(queued.request), one.logits(one.request))


def test_a_network_s_matrices_make_an_equal_one():
    work = WORKS[0]
    start = work.draw()
    backend = ours.backends.create("numpy")
    network = ours.network(start.layers, work.slope, backend)
    for found, given in zip(ours.matrices(network), start.layers, strict=True):
        assert found.structure.shape == given.structure.shape
        np.testing.assert_array_equal(found.dense(), given.dense())
        np.testing.assert_array_equal(found.bias, given.bias)


def test_a_whole_run_is_the_command_s(monkeypatch):
    said = []

    def started(line, **how):
        said.append(line)
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(ours.subprocess, "run", started)
    runner = made(OURS, replace(WORKS[0], task="run"))
    runner.parts["run"]()
    words = " ".join(said[0])
    assert " -m sparsedend train dann-r --dataset fmnist --epochs 25 " in words
    assert " --dendrites 2 --somata 3 " in words
