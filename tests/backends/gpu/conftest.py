"""The CuPy backend: on the host with CuPy's double, and on a device with ``-m gpu``."""

import pytest

from sparsedend import backends
from tests.conftest import CUPY


@pytest.fixture(params=CUPY)
def backend(request):
    request.getfixturevalue(request.param)
    return backends.create("cupy")
