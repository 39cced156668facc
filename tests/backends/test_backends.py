"""What backends have in common, and how one is chosen."""

import inspect
import os
import subprocess
import sys

import numpy as np
import pytest

from sparsedend import backends
from sparsedend.backends import NumpyBackend
from sparsedend.backends.backend import Backend
from sparsedend.backends.cpu import NumbaBackend
from sparsedend.errors import InputError
from tests.conftest import ROOT

#: What a backend may leave to `Backend`: it computes nothing.
INHERITED = {"activations", "compilation"}


def test_every_operation_is_the_backends_own(backend):
    """Nothing is inherited, from the specification least of all, and parameters are the same."""
    for kind in (type(backend), NumpyBackend):
        others = {Backend, NumpyBackend} - {kind}
        for name, operation in inspect.getmembers(Backend, inspect.isfunction):
            if name.startswith("_") or name in INHERITED:
                continue
            owner = next(each for each in kind.__mro__ if name in vars(each))
            assert owner not in others, f"{kind.__name__} inherits {name}"
            assert inspect.signature(vars(owner)[name]) == inspect.signature(operation), name


def test_every_operation_is_declared_by_the_base():
    for kind in (NumpyBackend, NumbaBackend):
        public = {name for name in vars(kind) if not name.startswith("_")}
        assert public - {"name"} <= set(dir(Backend))
        assert kind.__bases__ == (Backend,)


def test_zeros_begin_at_a_cache_line(dtype):
    for size in (1, 7, 1000):
        assert NumpyBackend().zeros((size, 3), dtype).ctypes.data % 64 == 0


@pytest.mark.parametrize("samples", [1, 90, 91, 100])
def test_batches_take_every_sample_once(backend, samples):
    """In order, in whole batches and a shorter one; each with its rates."""
    taken = []
    order = np.arange(100)[::-1][:samples]

    def step(indices, rates, random):
        taken.append((backend.fetch(indices).tolist(), tuple(rates), random))

    batches = -(-samples // 30)
    rates = [(float(number), 0.5) for number in range(batches)]
    if backend.name == "cupy":
        pytest.skip("a graph calls its step once")
    epoch = backend.batches(step, 30)
    for _ in range(2):
        taken.clear()
        yielded = list(epoch(order, rates, "random"))
        assert len(yielded) == len(taken) == batches
        assert [index for indices, _, _ in taken for index in indices] == order.tolist()
        assert [len(indices) for indices, _, _ in taken[:-1]] == [30] * (batches - 1)
        assert [each for _, each, _ in taken] == rates
        assert {random for _, _, random in taken} == {"random"}


def test_a_rate_for_every_batch(backend):
    if backend.name == "cupy":
        pytest.skip("of the host's backends")
    epoch = backend.batches(lambda *_: None, 30)
    with pytest.raises(ValueError, match="shorter"):
        list(epoch(np.arange(50), [()], None))


def test_widths():
    backend = NumbaBackend()
    tile = backend.width(10_000) - backend.width(10_000 - 128)
    assert tile == 128
    assert backend.width(1) == 1
    for samples in range(2, 400):
        width = backend.width(samples)
        assert width >= samples
        assert width % 8 == 0
        assert backend.width(width) == width
    assert NumpyBackend().width(77) == 77


def test_the_environment_is_left_as_it_was():
    """Numba's threads read how long to spin from it when they start."""
    code = (
        "import os; before = dict(os.environ); from sparsedend import backends; "
        "backends.create('numba'); assert dict(os.environ) == before"
    )
    environment = {name: v for name, v in os.environ.items() if not name.startswith("GOMP")}
    environment["PYTHONPATH"] = str(ROOT)
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


@pytest.mark.parametrize(
    ("name", "threads", "message"),
    [
        ("torch", None, "unknown backend 'torch'"),
        ("numba", 0, "threads is 0"),
        ("numpy", 1.5, "threads is 1.5: give a whole number of 1 or more"),
        ("numba", "2", "threads is '2'"),
        ("numpy", True, "threads is True"),
    ],
)
def test_create_refuses(name, threads, message):
    with pytest.raises(InputError, match=message):
        backends.create(name, threads)


@pytest.mark.parametrize(
    ("name", "kind"), [("auto", NumbaBackend), ("numba", NumbaBackend), ("numpy", NumpyBackend)]
)
def test_create(name, kind):
    assert type(backends.create(name)) is kind
