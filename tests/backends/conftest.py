import numpy as np
import pytest

from sparsedend import backends
from sparsedend.backends.cpu import NumbaBackend, program
from tests.conftest import CUPY


@pytest.fixture
def all_threads(monkeypatch):
    """However little there is to do, all threads take part."""
    monkeypatch.setattr(program, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(program, "WORTH_MEETING", 1)


@pytest.fixture(params=["1 thread", "2 threads", *CUPY])
def backend(request, all_threads):
    if request.param.startswith(("1", "2")):
        chosen = NumbaBackend(int(request.param[0]))
    else:
        request.getfixturevalue(request.param)
        chosen = backends.create("cupy")
    with chosen.limited():
        yield chosen


@pytest.fixture(params=[np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(3)
