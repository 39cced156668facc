"""The CuPy backend: on the host with CuPy's double, and on a device with ``-m gpu``."""

import numpy as np
import pytest

from sparsedend import backends
from tests.conftest import CUPY


@pytest.fixture(params=CUPY)
def backend(request):
    request.getfixturevalue(request.param)
    return backends.create("cupy")


@pytest.fixture(params=[np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(3)
